// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <unordered_map>

#include "user/analysis/detector.h"
#include "user/analysis/finding_updates.h"
#include "user/analysis/findings.h"
#include "user/analysis/tracking/syn_tracker.h"

namespace flowstamp::analysis {

/// A SYN to one address that is answered from another: the answer did not return through the box
/// that had translated the request (hairpin NAT without source translation, or an answer that
/// connection tracking passed untranslated). The client, which never contacted that address,
/// resets.
class ReturnPathMismatch final : public Detector {
  public:
    /// `syns` is kept by the caller: it has recorded each observation before it comes here.
    ReturnPathMismatch(SynTracker& syns, Findings& findings) : syns_(syns), findings_(findings) {}

    void observe(const Observation& observation, FindingSink& sink) override;
    void advance(Nanoseconds now, FindingSink& sink) override;
    void finish(FindingSink&) override {}

  private:
    struct Case {
        FindingUpdates updates;
        Finding finding;
        Observation syn_ack;
        net::Endpoint contacted;  ///< where the SYN went
        bool reset = false;
    };
    /// How long the client may take to accept or reset the answer.
    static constexpr Nanoseconds kPatience = std::chrono::seconds(1);
    void report(Case& mismatch, FindingSink& sink);
    void completed(const Observation& observation, FindingSink& sink);

    SynTracker& syns_;
    Findings& findings_;
    std::unordered_map<std::uint32_t, Case> cases_;  ///< by the SYN's sequence number
    std::deque<std::uint32_t> order_;
};

}  // namespace flowstamp::analysis
