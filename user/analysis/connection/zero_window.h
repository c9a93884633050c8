// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <chrono>
#include <map>
#include <optional>

#include "user/analysis/detector.h"
#include "user/analysis/finding_updates.h"
#include "user/analysis/tracking/tracking.h"

namespace flowstamp::analysis {

/// A receiver that has closed its window (RFC 9293, section 3.8.6.1): its application does not
/// read. The sender probes the window; the network is not at fault.
class ZeroWindow final : public Detector {
  public:
    /// A window that is closed for less than this is a busy receiver's.
    static constexpr Nanoseconds kPatience = std::chrono::milliseconds(500);

    /// `tracking` outlives the detector, and has recorded each observation before it comes here.
    explicit ZeroWindow(Tracking& tracking) : tracking_(tracking) {}

    void observe(const Observation& observation, FindingSink& sink) override;
    void advance(Nanoseconds now, FindingSink& sink) override;
    void finish(FindingSink&) override {}

  private:
    struct Closed {
        Nanoseconds since{0};  ///< when the receiver's latest packet before the first probe came
        Nanoseconds latest{0};
        unsigned probes = 0;
        std::optional<ThisHost::Reader> reader{};  ///< asked for when it is first reported
        FindingUpdates updates;
        Finding finding;
    };
    void probed(const Observation& observation, FindingSink& sink);
    void end(const Retransmissions::Side& side, Resolution resolution, FindingSink& sink);

    Tracking& tracking_;
    Nanoseconds checked_{0};
    std::map<Retransmissions::Side, Closed> closed_;  ///< by the side that probes
};

}  // namespace flowstamp::analysis
