// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <map>
#include <utility>

#include "user/analysis/detector.h"
#include "user/analysis/finding_updates.h"
#include "user/analysis/tracking/tracking.h"

namespace flowstamp::analysis {

/// Packets that pass one link again and again, each time with a lower TTL: two routers send them to
/// each other. Or a router says that a segment's TTL ran out on the way (ICMP time exceeded).
class RoutingLoop final : public Detector {
  public:
    /// `tracking` outlives the detector.
    explicit RoutingLoop(Tracking& tracking) : tracking_(tracking) {}

    void observe(const Observation& observation, FindingSink& sink) override;
    void advance(Nanoseconds, FindingSink&) override {}
    void finish(FindingSink&) override {}

  private:
    static constexpr std::size_t kMost = 4096;
    /// The sender's and the receiver's address: a loop takes all flows between them.
    using Ends = std::pair<net::Endpoint, net::Endpoint>;
    void passed_again(const Observation& observation, FindingSink& sink);
    void ran_out(const Observation& observation, FindingSink& sink);
    [[nodiscard]] FindingUpdates* updates_of(const fst_packet& packet);

    Tracking& tracking_;
    std::map<Ends, FindingUpdates> loops_;
};

}  // namespace flowstamp::analysis
