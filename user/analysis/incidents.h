// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <unordered_set>
#include <vector>

#include "user/analysis/incident.h"

namespace flowstamp::analysis {

/// Groups findings of one cause: of one kind, and of one middlebox, one rule, one router that
/// rejects, or else one server. Bounded: the one that has been quiet for longest ends first.
class Incidents {
  public:
    static constexpr std::size_t kMost = 256;
    /// Clients told apart, and connections counted once, per incident.
    static constexpr std::size_t kClientsKept = 1024;
    static constexpr std::size_t kFlowsKept = 1024;
    /// Findings whose updates are known as such.
    static constexpr std::size_t kFindings = 16384;
    /// Longer than most clients wait before they try again.
    static constexpr Nanoseconds kQuiet = std::chrono::minutes(2);
    static constexpr Nanoseconds kReportEvery = std::chrono::seconds(1);

    /// Counts a finding, unless it is an update, and sets its `incident` and `stands_for_incident`.
    /// `now`: of the data path's clock.
    void record(Finding& finding, Nanoseconds now);
    /// What a finding is about has happened once more, on the flow of `sighting`.
    void repeat(std::uint64_t finding, const Sighting& sighting, Nanoseconds now);

    /// The incidents that have doubled or ended, if reports are due.
    [[nodiscard]] std::vector<Incident> due(Nanoseconds now);
    /// Those with anything new since their last report.
    [[nodiscard]] std::vector<Incident> all();
    /// All of them as they are now, by id; no report of them.
    [[nodiscard]] std::vector<Incident> current() const;

  private:
    /// What the findings of an incident have in common.
    struct Cause {
        FindingKind kind = FindingKind::forged_rst;
        net::Endpoint place{};     ///< server, or router
        std::uint64_t number = 0;  ///< middlebox, finding of local-drop, or ICMP type and code

        friend auto operator<=>(const Cause&, const Cause&) = default;
    };
    struct Entry {
        Incident incident{};
        Cause cause{};
        std::unordered_set<std::uint64_t> flows{};    ///< ids; of local-drop
        std::unordered_set<std::uint32_t> clients{};  ///< hashes of their addresses
        fst_verdict verdict = FST_VERDICT_GENUINE;    ///< the highest of its findings
        std::uint64_t reported = 1;                   ///< `count` in the last report
        Nanoseconds grown{0};                         ///< latest, of the data path's clock
    };
    struct Known {
        std::uint64_t incident;
        bool stands_for_it;
    };

    [[nodiscard]] static Cause cause_of(const Finding& finding);
    [[nodiscard]] Entry& open(const Cause& cause, const Finding& finding);
    void add(Entry& entry, const Sighting& sighting, unsigned client, Nanoseconds now);
    void end(Entry& entry);
    [[nodiscard]] static Incident report(Entry& entry);

    std::map<std::uint64_t, Entry> entries_;     ///< by id
    std::map<Cause, std::uint64_t> open_;        ///< ids of those that have not ended
    std::map<std::uint64_t, Known> of_finding_;  ///< by the finding's id
    std::vector<Incident> ended_;                ///< to be reported
    std::uint64_t last_id_ = 0;
    Nanoseconds due_{0};
};

}  // namespace flowstamp::analysis
