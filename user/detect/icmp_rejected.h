// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <utility>

#include "user/detect/detector.h"
#include "user/detect/findings.h"
#include "user/detect/story.h"
#include "user/flow/endpoint.h"
#include "user/flow/slot_reader.h"

namespace flowstamp {

/// An ICMP error that rejects a flow: who sent it, from how far, and how often.
class IcmpRejected final : public Detector {
  public:
    /// `slots` outlives the detector.
    IcmpRejected(const SlotReader& slots, Findings& findings)
        : slots_(slots), findings_(findings) {}

    void observe(const Observation& observation, FindingSink& sink) override;
    void advance(Nanoseconds, FindingSink&) override {}
    void finish(FindingSink&) override {}

  private:
    /// Both ends, whichever interface shows them.
    using Ends = std::pair<Endpoint, Endpoint>;

    const SlotReader& slots_;
    Findings& findings_;
    std::map<Ends, FindingStory> told_;
    std::deque<Ends> order_;  ///< of told_, the oldest first
};

}  // namespace flowstamp
