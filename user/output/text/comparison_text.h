// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "user/analysis/compare/comparison.h"
#include "user/output/style.h"

namespace flowstamp::output {

/// The conclusion in a line, without its end.
[[nodiscard]] std::string conclusion_text(const analysis::compare::Comparison& comparison,
                                          const Style& style);

/// What it rests on, a label and a text each: what was found, clocks, coverage, delays, and what was
/// not judged, and why. Not `whole`: what was found, and what was not judged.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> comparison_rows(
    const analysis::compare::Comparison& comparison, const Style& style, bool whole);

/// What two captures say of each other: first the conclusion, in a line; then, `whole`, clocks,
/// coverage and delays.
[[nodiscard]] std::string comparison_text(const analysis::compare::Comparison& comparison,
                                          const Style& style, bool whole);

}  // namespace flowstamp::output
