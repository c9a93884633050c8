// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

#include "user/analysis/finding.h"
#include "user/analysis/reset/middlebox.h"

namespace flowstamp::analysis {

/// Gathers confirmed forgeries by where they come from and how they look: each group is one suspected
/// box. Bounded: the box that was quiet longest makes room.
class Middleboxes {
  public:
    static constexpr std::size_t kMost = 256;
    /// Findings whose later news are still counted to their box.
    static constexpr std::size_t kFindings = 4096;
    /// Ports told of one box, and kept of one.
    static constexpr std::size_t kPortsTold = 5;
    static constexpr std::size_t kPortsKept = 1024;
    /// Flows of a box that are known again when it hits them once more.
    static constexpr std::size_t kFlowsKept = 16384;
    static constexpr Nanoseconds kTellEvery = std::chrono::minutes(1);

    /// A connection to this port begins: what a box's share is measured by.
    void saw_attempt(std::uint16_t port);

    /// Files a finding, or its news. Returns the box's id; nothing if the finding shows none.
    std::optional<std::uint64_t> record(const Finding& finding);

    /// The boxes that have grown since they were told, if it is time to tell them.
    [[nodiscard]] std::vector<Middlebox> due(Nanoseconds now);
    /// All of them, in the order in which they were met.
    [[nodiscard]] std::vector<Middlebox> all();

  private:
    /// What does not change from one of a box's packets to the next: interface, hops, flags,
    /// don't-fragment, kinds of ID and window, MAC.
    using Likeness = std::tuple<std::uint32_t, std::uint8_t, std::uint8_t, bool, FieldHabit::Kind,
                                FieldHabit::Kind, std::optional<Mac>>;
    struct Entry {
        Middlebox box{};
        std::map<std::uint16_t, std::uint64_t> ports{};
        std::set<std::uint64_t> flows{};  ///< the ids of those that it hit; beyond kFlowsKept not
        Nanoseconds last{0};              ///< as findings bear it
        bool told = false;
        bool grown = false;
    };
    /// What a finding has been counted as.
    struct Counted {
        Likeness likeness;
        std::uint32_t segments;
        std::uint16_t port;
        HandshakeStage stage;
        bool is_first;  ///< that the box did to its flow
    };

    [[nodiscard]] static Likeness likeness_of(const Finding& finding);
    Entry& entry_of(const Likeness& likeness, const Finding& finding);
    void count(Entry& entry, const Finding& finding, const Counted& counted);
    void take_back(std::uint64_t finding);
    [[nodiscard]] Middlebox report(Entry& entry) const;

    std::map<Likeness, Entry> boxes_;
    std::map<std::uint64_t, Counted> counted_;  ///< by the finding's id
    std::vector<std::uint32_t> attempts_;       ///< by port; empty until the first
    std::uint64_t met_ = 0;
    Nanoseconds due_{0};
};

}  // namespace flowstamp::analysis
