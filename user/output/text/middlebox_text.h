// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>

#include "user/analysis/reset/middlebox.h"

namespace flowstamp::output {

/// "A box 4 hops away sends [R.] with ttl 60, IP-ID 0x3412: it hit 3 connections ...": one sentence.
[[nodiscard]] std::string summary_text(const analysis::Middlebox& box);

}  // namespace flowstamp::output
