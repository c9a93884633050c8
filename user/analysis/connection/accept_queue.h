// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <unordered_map>

#include "user/analysis/detector.h"
#include "user/analysis/finding_updates.h"
#include "user/analysis/tracking/tracking.h"

namespace flowstamp::analysis {

/// A handshake whose last ACK the server ignores: it repeats its SYN-ACK though the client has
/// acknowledged it and sends data. The listener's accept queue is full (Linux drops the ACK then),
/// or the client's packets do not arrive. Without data it may be TCP_DEFER_ACCEPT: that waits for
/// data.
class AcceptQueue final : public Detector {
  public:
    /// SYN-ACKs repeated after the client's ACK, so many of them after its data.
    static constexpr unsigned kEnough = 2;

    /// `tracking` outlives the detector, and has recorded each observation before it comes here.
    explicit AcceptQueue(Tracking& tracking) : tracking_(tracking) {}

    void observe(const Observation& observation, FindingSink& sink) override;
    void advance(Nanoseconds now, FindingSink& sink) override;
    void finish(FindingSink&) override {}

  private:
    static constexpr std::size_t kMost = 4096;
    struct Case {
        unsigned repeated = 0;  ///< SYN-ACKs, after the client's first data
        Nanoseconds latest{0};
        FindingUpdates updates;
        Finding finding;
    };
    void repeated(const Observation& observation, FindingSink& sink);
    void end(const ViewKey& view, Resolution resolution, FindingSink& sink);

    Tracking& tracking_;
    std::unordered_map<ViewKey, Case, ViewKeyHash> cases_;
};

}  // namespace flowstamp::analysis
