// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <unordered_map>

#include "user/analysis/detector.h"
#include "user/analysis/finding_updates.h"
#include "user/analysis/tracking/tracking.h"

namespace flowstamp::analysis {

/// SYNs that are retransmitted without any answer: no SYN-ACK, no RST, no ICMP error. A SYN that is
/// not retransmitted proves nothing: a scanner sends one. And where no flow has shown both
/// directions, the answer may take another path.
class SynUnanswered final : public Detector {
  public:
    /// How long a second SYN must be unanswered for a finding that is suspected.
    static constexpr Nanoseconds kPatience = std::chrono::milliseconds(1500);
    /// SYNs without an answer for one that is confirmed.
    static constexpr unsigned kEnough = 3;
    /// A client that has asked more servers than this in vain, each within kQuiet of the one
    /// before, scans or is cut off: that is said once, and no more of each.
    static constexpr std::size_t kMany = 8;
    static constexpr Nanoseconds kQuiet = std::chrono::minutes(1);

    /// `tracking` outlives the detector, and has recorded each observation before it comes here.
    explicit SynUnanswered(Tracking& tracking) : tracking_(tracking) {}

    void observe(const Observation& observation, FindingSink& sink) override;
    void advance(Nanoseconds now, FindingSink& sink) override;
    void finish(FindingSink& sink) override;

  private:
    void report(const SynTracker::Attempt& attempt, fst_verdict verdict, FindingSink& sink);
    void answer(const SynTracker::Attempt& attempt, Nanoseconds now, FindingSink& sink);

    using Address = std::array<std::uint8_t, 16>;
    struct Client {
        std::set<net::Endpoint> servers{};  ///< asked in vain, kMany + 1 at the most
        Nanoseconds latest{0};
        bool is_reported = false;
    };
    [[nodiscard]] Client* client_with_many(const SynTracker::Attempt& attempt);
    struct Reported {
        FindingUpdates updates;
        Finding finding;
    };

    Tracking& tracking_;
    std::multimap<Nanoseconds, SynTracker::Id> due_;
    std::unordered_map<SynTracker::Id, Reported> reported_;
    std::map<Address, Client> clients_;
};

}  // namespace flowstamp::analysis
