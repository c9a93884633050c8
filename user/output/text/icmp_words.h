// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string_view>

#include "user/analysis/values.h"

namespace flowstamp::output {

/// "host administratively prohibited": the code of an ICMP "destination unreachable" error, in the
/// words of RFC 1812, section 5.2.7.1, and RFC 4443, section 3.1.
[[nodiscard]] std::string_view icmp_words(const analysis::IcmpError& error);

}  // namespace flowstamp::output
