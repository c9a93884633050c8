// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "user/analysis/flow_record.h"
#include "user/analysis/slot_array.h"
#include "user/base/clock.h"

namespace flowstamp::analysis {

/// Decides when a flow has ended, and that each end is reported once, whether a scan of the slot or
/// the kernel shows it.
class FlowEnds {
  public:
    /// How long a flow must have been silent before its end counts: packets after a FIN or RST
    /// still belong to it; a SYN is retransmitted for about half a minute; an open connection may
    /// be idle for long.
    static constexpr Nanoseconds kAfterClose = std::chrono::seconds(5);
    static constexpr Nanoseconds kHalfOpen = std::chrono::seconds(60);
    static constexpr Nanoseconds kIdle = std::chrono::minutes(10);

    explicit FlowEnds(std::uint32_t slots) : reported_(slots) {}

    /// How the flow has ended, by its slot at `now` (CLOCK_MONOTONIC); nullopt if it has not, or
    /// its end was reported.
    [[nodiscard]] std::optional<FlowEnd> inspect(std::uint32_t slot, const fst_flow& flow,
                                                 Nanoseconds now);

    /// The kernel reports that the flow has lost its slot, live (`evicted`) or closed.
    [[nodiscard]] std::optional<FlowEnd> lost_slot(std::uint32_t slot, const fst_flow& flow,
                                                   bool evicted);

    /// The session ends: the state of the flow; nullopt if its end was reported.
    [[nodiscard]] std::optional<FlowEnd> at_the_end(std::uint32_t slot, const fst_flow& flow);

    /// Time (CLOCK_MONOTONIC) of the flow's latest packet, of either end.
    [[nodiscard]] static Nanoseconds last_packet(const fst_flow& flow);

  private:
    [[nodiscard]] std::optional<FlowEnd> once(std::uint32_t slot, const fst_flow& flow,
                                              FlowEnd end);

    /// A digest of the flow that was reported of a slot, and of when it had spoken last; 0: none. One end in
    /// four billion that looks like the slot's one before is not reported.
    SlotArray<std::uint32_t> reported_;
};

}  // namespace flowstamp::analysis
