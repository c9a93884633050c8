// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <memory>
#include <vector>

#include "user/analysis/finding.h"
#include "user/analysis/observation.h"
#include "user/base/clock.h"

namespace flowstamp::analysis {

struct Tracking;

/// Receives what detectors report.
class FindingSink {
  public:
    virtual ~FindingSink() = default;
    virtual void reset(const Reset& reset) = 0;
    virtual void finding(const Finding& finding) = 0;
};

/// Observations in, findings out. No I/O, no clock of its own: time comes from the observations and
/// from advance(), so that a capture and a live flow are judged alike.
class Detector {
  public:
    virtual ~Detector() = default;
    /// Observations come roughly in the order of their time; those of different CPUs may be a few
    /// microseconds out of order.
    virtual void observe(const Observation& observation, FindingSink& sink) = 0;
    /// A RST was judged, or judged anew: `reset.id` is its observation's `packet_id`.
    virtual void judged(const Reset&, FindingSink&) {}
    /// The time is `now` (CLOCK_MONOTONIC, or the capture's clock).
    virtual void advance(Nanoseconds now, FindingSink& sink) = 0;
    /// No more observations follow: reports what is still open.
    virtual void finish(FindingSink& sink) = 0;
};

/// One of each detector in detectors.def, in its order. `tracking` outlives them.
[[nodiscard]] std::vector<std::unique_ptr<Detector>> make_detectors(Tracking& tracking);

}  // namespace flowstamp::analysis
