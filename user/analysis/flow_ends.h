// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "user/analysis/flow_record.h"
#include "user/base/clock.h"

namespace flowstamp::analysis {

/// Decides when a flow has ended, and that each end is told once, whether the slot was looked at or
/// the kernel told of it.
class FlowEnds {
  public:
    /// How long a flow must have been silent before its end counts: what follows a FIN or a
    /// RST is to be counted in; a SYN is sent again for about half a minute; an open connection may
    /// rest long.
    static constexpr Nanoseconds kAfterClose = std::chrono::seconds(5);
    static constexpr Nanoseconds kHalfOpen = std::chrono::seconds(60);
    static constexpr Nanoseconds kIdle = std::chrono::minutes(10);

    explicit FlowEnds(std::uint32_t slots) : reported_(slots) {}

    /// The flow as a look at its slot shows it at `now` (CLOCK_MONOTONIC): how it ended, if it did
    /// and was not told yet.
    [[nodiscard]] std::optional<FlowEnd> inspect(std::uint32_t slot, const fst_flow& flow,
                                                 Nanoseconds now);

    /// The kernel says that the flow has lost its slot, alive (`evicted`) or closed.
    [[nodiscard]] std::optional<FlowEnd> lost_slot(std::uint32_t slot, const fst_flow& flow,
                                                   bool evicted);

    /// The watch ends: what is to be said of the flow now.
    [[nodiscard]] std::optional<FlowEnd> at_the_end(std::uint32_t slot, const fst_flow& flow);

    /// CLOCK_MONOTONIC of the flow's latest packet of either end.
    [[nodiscard]] static Nanoseconds last_packet(const fst_flow& flow);

  private:
    struct Told {
        std::uint32_t generation = 0;
        std::uint32_t last_seconds = 0;  ///< of the flow's last packet when it was told, plus 1
    };
    [[nodiscard]] std::optional<FlowEnd> once(std::uint32_t slot, const fst_flow& flow,
                                              FlowEnd end);

    std::vector<Told> reported_;
};

}  // namespace flowstamp::analysis
