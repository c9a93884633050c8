// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <utility>

#include "user/analysis/detector.h"
#include "user/analysis/finding_updates.h"
#include "user/analysis/tracking/tracking.h"

namespace flowstamp::analysis {

/// One side of a flow whose packets begin to come from another distance: a proxy answered the
/// handshake in the server's name, or the route changed. One packet alone is no shift; nor is
/// another initial TTL at the same distance (a load balancer), nor one hop (equal-cost paths). A
/// balancer that passes its backends' headers on shifts every flow and harms none: reported when
/// the connection is reset, or stalls, and at once where a proxy answered the handshake.
class TtlShift final : public Detector {
  public:
    static constexpr unsigned kApart = 2;
    /// A shift shows in at least this many of the latest packets.
    static constexpr unsigned kPackets = 3;
    static constexpr Nanoseconds kCheckEvery = std::chrono::milliseconds(500);
    static constexpr Nanoseconds kLongest = std::chrono::seconds(10);

    /// Retransmissions by timer that are a stall.
    static constexpr unsigned kStall = 3;

    /// `tracking` outlives the detector, and has recorded each observation before it comes here.
    explicit TtlShift(Tracking& tracking) : tracking_(tracking) {}

    void observe(const Observation& observation, FindingSink& sink) override;
    void advance(Nanoseconds now, FindingSink& sink) override;
    void finish(FindingSink&) override {}

  private:
    static constexpr std::size_t kMost = 4096;
    struct Change {
        Observation observation;
        Nanoseconds check_at{0};
    };
    using Side = std::pair<ViewKey, unsigned>;

    /// Keeps the change if it is a shift. False if there are too few packets to decide yet.
    bool settle(Change& change, const fst_flow& slot);
    void settle_both(const ViewKey& view, const fst_flow& slot);
    /// The connection suffers: its shifts are reported.
    void report(const ViewKey& view, FindingSink& sink);

    Tracking& tracking_;
    std::map<Side, Change> changes_;
    std::map<Side, Finding> shifts_;               ///< of connections that fare well so far
    Nanoseconds next_check_ = Nanoseconds::max();  ///< the earliest of changes_
};

}  // namespace flowstamp::analysis
