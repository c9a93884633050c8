// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <optional>

#include "flowstamp/event.h"
#include "user/analysis/tracking/scans.h"
#include "user/base/clock.h"

namespace flowstamp::analysis {

/// What is known of a flow's past, besides its slot, when a RST comes.
struct ResetPast {
    std::optional<Scans::Scan> scan{};  ///< its sender is a scanner
    std::optional<Nanoseconds> idle{};  ///< it answers the first packet after this
};

/// Why a genuine RST was sent, as far as packets can show. The kernel finds a cause by the RST and
/// its slot alone; this adds what only the flow's past shows. Never changes a verdict.
[[nodiscard]] fst_cause genuine_cause(const fst_judgement& judgement, const fst_flow& slot,
                                      const ResetPast& past);

}  // namespace flowstamp::analysis
