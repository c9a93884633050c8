// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <utility>

#include "user/analysis/detector.h"
#include "user/analysis/finding_updates.h"
#include "user/analysis/findings.h"
#include "user/analysis/slot_reader.h"
#include "user/net/endpoint.h"

namespace flowstamp::analysis {

/// An ICMP error that rejects a flow: who sent it, and from how far.
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
    using Ends = std::pair<net::Endpoint, net::Endpoint>;

    const SlotReader& slots_;
    Findings& findings_;
    std::map<Ends, FindingUpdates> reported_;
    std::deque<Ends> order_;  ///< of reported_, the oldest first
};

}  // namespace flowstamp::analysis
