// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>

#include "user/analysis/stats.h"

namespace flowstamp::output {

/// "1,234 packets (1.2 MB), 56 flows; 7 resets, 3 of them looked forged at first; findings: ...",
/// then a line each for drops, challenges, stamps and losses, if any.
[[nodiscard]] std::string stats_text(const analysis::Stats& stats);

/// A line for each kind of loss, with the remedy; empty if there is none.
[[nodiscard]] std::string losses_text(const analysis::Stats& stats);

}  // namespace flowstamp::output
