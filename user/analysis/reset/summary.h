// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <optional>

#include "user/analysis/finding.h"
#include "user/analysis/reset/reset_observation.h"

namespace flowstamp::analysis {

/// The outcome of a finding, and what shows it.
struct Outcome {
    Resolution resolution = Resolution::ended;
    bool far_end_reset = false;  ///< with both_ends: it sent a RST of its own; else it is silent
};

/// The sentences about a forged RST: that its sender did not send it, why, and the outcome.
[[nodiscard]] Statements summarize(const ResetObservation& rst, const fst_judgement& judgement,
                                   const std::optional<Outcome>& outcome);

/// What the user can do next; empty where nothing helps or nothing is needed.
[[nodiscard]] Statements advise(const fst_judgement& judgement,
                                const std::optional<Outcome>& outcome);

}  // namespace flowstamp::analysis
