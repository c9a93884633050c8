// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>

#include "user/analysis/flow_record.h"
#include "user/analysis/observation.h"
#include "user/analysis/reset/reset_tally.h"
#include "user/analysis/tracking/same_packet.h"
#include "user/analysis/tracking/scan_probe.h"

namespace flowstamp::analysis {

/// What user space remembers about each view of a flow, beyond its slot. Bounded: the oldest views
/// are forgotten first.
class Aggregator {
  public:
    explicit Aggregator(std::size_t max_views) : max_views_(max_views) {}

    /// Records the observation under its view, and sets its isn_id and packet_id.
    void record(Observation& observation);

    /// When the view's SYN was seen, since 1970; nullopt if it was not, or is forgotten.
    [[nodiscard]] std::optional<Nanoseconds> started(const ViewKey& view) const;

    /// Adds to a flow's record what is remembered about its view: its start, the handshake stage it
    /// reached, and the tampering signature of its end.
    void complete(FlowRecord& record) const;

    [[nodiscard]] std::size_t views() const { return views_.size(); }

  private:
    struct View {
        std::optional<Nanoseconds> started{};
        std::optional<std::uint32_t> syn_seq{};
        std::optional<std::uint64_t> isn_id{};
        ScanProbe probe = ScanProbe::none;  ///< what made its SYN
        std::optional<ResetTally> resets{};
    };
    View& view(const ViewKey& key);
    static void learn(View& view, const Observation& observation);

    std::size_t max_views_;
    std::unordered_map<ViewKey, View, ViewKeyHash> views_;
    std::deque<ViewKey> order_;  ///< of views_, the oldest first
    SamePacket same_packet_;
};

}  // namespace flowstamp::analysis
