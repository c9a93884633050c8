// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "user/analysis/finding.h"
#include "user/analysis/reset/reset_observation.h"

namespace flowstamp::analysis {

/// How a finding came out, and by what it is known.
struct Outcome {
    Resolution resolution = Resolution::ended;
    bool far_end_reset = false;  ///< with both_ends: it sent a RST of its own; else it is silent
};

/// What an engineer would say of a forged RST: "198.51.100.7:443 did not send this reset: it came
/// from 2 hops away, 198.51.100.7 is 13 hops away, and it went on sending."
[[nodiscard]] std::string summarize(const ResetObservation& rst, const fst_judgement& judgement,
                                    const std::optional<Outcome>& outcome);

/// What the user can do next; empty where nothing helps or nothing is needed.
[[nodiscard]] std::string advise(const fst_judgement& judgement,
                                 const std::optional<Outcome>& outcome);

}  // namespace flowstamp::analysis
