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

/// What user space remembers of each view of a flow beside its slot, within a bound: the oldest
/// views are forgotten first.
class Aggregator {
  public:
    explicit Aggregator(std::size_t max_views) : max_views_(max_views) {}

    /// Files the observation under its view and fills in what only several of them tell together.
    void record(Observation& observation);

    /// When the view's SYN was seen, since 1970; nothing if it was not, or is forgotten.
    [[nodiscard]] std::optional<Nanoseconds> started(const ViewKey& view) const;

    /// Adds to a flow's record what is remembered of its view: its beginning, how far it came, and
    /// the signature of its end.
    void complete(FlowRecord& record) const;

    [[nodiscard]] std::size_t views() const { return views_.size(); }

  private:
    struct View {
        std::optional<Nanoseconds> started{};
        std::optional<std::uint32_t> syn_seq{};
        std::optional<std::uint64_t> isn_id{};
        ScanProbe probe = ScanProbe::none;  ///< what its SYN was made by
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
