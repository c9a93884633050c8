// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Values as text, each formatted by its field's type.
#pragma once

#include <cstdint>
#include <string>

#include "user/analysis/values.h"

namespace flowstamp::output {

/// "2 hops", "1 hop".
[[nodiscard]] std::string hops_text(std::uint64_t hops);

/// The value alone, as sentences name it: "23 ms", "1 hop", "0x1c46", "3 times".
[[nodiscard]] std::string value_text(analysis::Field field, const analysis::Value& value);

/// The values as evidence shows them: "ttl 63 (1 hop)", "IP-ID 0x1c46, 23 ms later"; "-" for none.
[[nodiscard]] std::string values_text(const analysis::Values& values);

}  // namespace flowstamp::output
