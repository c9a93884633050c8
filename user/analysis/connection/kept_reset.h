// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "user/analysis/detector.h"
#include "user/analysis/finding_updates.h"
#include "user/analysis/tracking/tracking.h"

namespace flowstamp::analysis {

/// A reset that came in by one interface of a router and left by none, although the flow's packets
/// are forwarded: this host dropped it. Said only where it cannot have passed unseen: every
/// interface is watched, and no event was lost meanwhile. With `watch --path` the kernel itself
/// says what it drops.
class KeptReset final : public Detector {
  public:
    /// A packet that is forwarded may wait as long for its next hop's link-layer address.
    static constexpr Nanoseconds kWait = std::chrono::seconds(5);

    /// `tracking` outlives the detector, and has recorded each observation before it comes here.
    explicit KeptReset(Tracking& tracking) : tracking_(tracking) {}

    void observe(const Observation& observation, FindingSink& sink) override;
    void advance(Nanoseconds now, FindingSink& sink) override;
    void finish(FindingSink&) override {}

  private:
    static constexpr std::size_t kMost = 1024;
    static constexpr Nanoseconds kCountEvery = std::chrono::seconds(1);
    struct Waiting {
        Observation rst;
        std::uint32_t leaves_by = 0;
        std::string leaves_by_name{};
        std::uint64_t lost_before = 0;  ///< events, when it came at the latest
    };
    void came_in(const Observation& rst);
    void left(const fst_packet& rst);
    void report(const Waiting& kept, FindingSink& sink);

    Tracking& tracking_;
    std::deque<Waiting> waiting_;  ///< the oldest first
    std::optional<std::uint64_t> lost_{};
    Nanoseconds counted_{0};
    /// By the interfaces in and out.
    std::map<std::pair<std::uint32_t, std::uint32_t>, FindingUpdates> reported_;
};

}  // namespace flowstamp::analysis
