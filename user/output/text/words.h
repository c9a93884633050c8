// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The text for values that have a name in JSON.
#pragma once

#include <string>
#include <string_view>

#include "user/analysis/finding.h"

namespace flowstamp::output {

/// Of a reset: "genuine", "suspected forged", "confirmed forged".
[[nodiscard]] std::string_view text_of(fst_verdict verdict);

/// Why a genuine reset was sent: one clause.
[[nodiscard]] std::string_view text_of(fst_cause cause);

/// Why a suspicious RST was passed: one clause.
[[nodiscard]] std::string_view text_of(fst_pass_reason reason);

/// "confirmed forged reset", "suspected ttl-shift".
[[nodiscard]] std::string headline_text(const analysis::Finding& finding);

}  // namespace flowstamp::output
