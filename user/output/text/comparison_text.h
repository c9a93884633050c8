// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>

#include "user/analysis/compare/comparison.h"
#include "user/output/style.h"

namespace flowstamp::output {

/// What two captures say of each other: first the conclusion, in a line; then, `whole`, clocks,
/// coverage and delays.
[[nodiscard]] std::string comparison_text(const analysis::compare::Comparison& comparison,
                                          const Style& style, bool whole);

}  // namespace flowstamp::output
