// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>

#include "user/analysis/reset/middlebox.h"

namespace flowstamp::output {

/// One sentence: "A box 4 hops away sends [R.] with ttl 60, IP-ID 0x3412: it hit 3 connections...".
[[nodiscard]] std::string summary_text(const analysis::Middlebox& box);

}  // namespace flowstamp::output
