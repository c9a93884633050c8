// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>

#include "user/analysis/flow_record.h"
#include "user/analysis/observation.h"
#include "user/analysis/reset/reset_tally.h"
#include "user/analysis/slot_array.h"
#include "user/analysis/tracking/same_packet.h"
#include "user/analysis/tracking/scan_probe.h"

namespace flowstamp::analysis {

/// What user space remembers about each view of a flow, beyond its slot: as long as the flow has that
/// slot. What an event that was lost would have told, it learns from the slot.
class Aggregator {
  public:
    /// `slots`: of the flow table.
    explicit Aggregator(std::size_t slots) : views_(slots) {}

    /// Records the observation under its view, and sets its isn_id and packet_id.
    void record(Observation& observation);

    /// Learns from the flow in `slot`. `wall_offset` is added to the data path's clock: time since
    /// 1970.
    void learn(std::uint32_t slot, const fst_flow& flow, Nanoseconds wall_offset);

    /// When the view's SYN was seen, since 1970; nullopt if it was not, or is forgotten.
    [[nodiscard]] std::optional<Nanoseconds> started(const ViewKey& view) const;

    /// Adds to a flow's record what is remembered about its view: its start, the handshake stage it
    /// reached, and the tampering signature of its end.
    void complete(FlowRecord& record) const;

  private:
    /// In 20 bytes, as there is one for each slot of the table.
    struct View {
        std::uint32_t generation;
        std::array<std::uint32_t, 2> isn;    ///< of the SYN, and of the SYN-ACK that fits it
        std::uint32_t started_low_us;        ///< its SYN's time, microseconds since 1970
        std::uint32_t started_high_us : 20;  ///< enough until 2112
        std::uint32_t has_started : 1;       ///< 1: that time is known
        std::uint32_t has_isn : 2;           ///< how many initial sequence numbers are known
        ScanProbe probe : 8;                 ///< what made its SYN

        [[nodiscard]] std::optional<Nanoseconds> started() const;
        /// The first one counts.
        void start(Nanoseconds time);
    };
    static_assert(sizeof(View) == 20);

    struct Resets {
        std::uint32_t generation;
        ResetTally tally;
    };

    /// Null if the slot is another flow's by now.
    View* view(std::uint32_t slot, std::uint32_t generation);
    [[nodiscard]] const View* known(std::uint32_t slot, std::uint32_t generation) const;
    [[nodiscard]] std::optional<ResetTally> resets(std::uint32_t slot,
                                                   std::uint32_t generation) const;
    static void learn(View& view, const fst_flow& flow, Nanoseconds wall_offset);
    static void learn(View& view, const Observation& observation);
    void count_reset(const Observation& rst);

    SlotArray<View> views_;
    std::unordered_map<std::uint32_t, Resets> resets_;  ///< by slot: few flows are reset
    SamePacket same_packet_;
};

}  // namespace flowstamp::analysis
