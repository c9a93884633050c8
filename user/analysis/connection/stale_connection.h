// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <map>

#include "user/analysis/detector.h"
#include "user/analysis/finding_updates.h"
#include "user/analysis/tracking/tracking.h"

namespace flowstamp::analysis {

/// A SYN that is answered by an ACK of an older connection on the same ports: the server still has
/// that one (half-open, or in TIME-WAIT) and the client has forgotten it (RFC 9293, section 3.5.1
/// and 3.10.7.4; RFC 5961, section 4). It is an answer: nothing on the way drops the SYN.
class StaleConnection final : public Detector {
  public:
    /// The SYN was sent so often, and answered so: one such answer is usual, and a client's RST
    /// then clears the old connection.
    static constexpr unsigned kEnough = 2;

    /// `tracking` outlives the detector, and has recorded each observation before it comes here.
    explicit StaleConnection(Tracking& tracking) : tracking_(tracking) {}

    void observe(const Observation& observation, FindingSink& sink) override;
    void advance(Nanoseconds, FindingSink&) override {}
    void finish(FindingSink&) override {}

  private:
    static constexpr std::size_t kMost = 4096;
    struct Stale {
        FindingUpdates updates;
        Finding finding;
    };
    void answered(const Observation& observation, FindingSink& sink);

    Tracking& tracking_;
    std::map<SynTracker::Id, Stale> stale_;
};

}  // namespace flowstamp::analysis
