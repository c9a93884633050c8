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

/// Groups confirmed forgeries by origin and header fields: each group is one suspected middlebox.
/// Bounded: the one without findings for longest is forgotten first.
class Middleboxes {
  public:
    static constexpr std::size_t kMost = 256;
    /// Findings whose updates are still counted for their box.
    static constexpr std::size_t kFindings = 4096;
    /// Ports reported and kept per box.
    static constexpr std::size_t kPortsReported = 5;
    static constexpr std::size_t kPortsKept = 1024;
    /// Flows remembered per box, so that each is counted once.
    static constexpr std::size_t kFlowsKept = 16384;
    static constexpr Nanoseconds kReportEvery = std::chrono::minutes(1);

    /// A connection to this port begins: counted in Middlebox::Port::seen.
    void saw_attempt(std::uint16_t port);

    /// Records a finding, or an update of one. Returns its box's id; nullopt if it shows none.
    std::optional<std::uint64_t> record(const Finding& finding);

    /// The boxes with new findings since their last report, if reports are due.
    [[nodiscard]] std::vector<Middlebox> due(Nanoseconds now);
    /// All of them, by id.
    [[nodiscard]] std::vector<Middlebox> all();
    /// All of them as they are now, by id; no report of them.
    [[nodiscard]] std::vector<Middlebox> current() const;

  private:
    /// What does not change from one of a box's packets to the next: interface, hops, flags,
    /// don't-fragment, kinds of ID and window, MAC.
    using Traits = std::tuple<std::uint32_t, std::uint8_t, std::uint8_t, bool, FieldHabit::Kind,
                              FieldHabit::Kind, std::optional<Mac>>;
    struct Entry {
        Middlebox box{};
        std::map<std::uint16_t, std::uint64_t> ports{};
        std::set<std::uint64_t> flows{};  ///< ids of attacked ones; kFlowsKept at most
        Nanoseconds last{0};              ///< time of the latest finding's packet
        bool reported = false;
        bool has_changed = false;
    };
    /// What a finding was counted as.
    struct Counted {
        Traits traits;
        std::uint32_t segments;
        std::uint16_t port;
        HandshakeStage stage;
        bool is_first;  ///< of the box on its flow
    };

    [[nodiscard]] static Traits traits_of(const Finding& finding);
    Entry& entry_of(const Traits& traits, const Finding& finding);
    void count(Entry& entry, const Finding& finding, const Counted& counted);
    void uncount(std::uint64_t finding);
    /// The box with its ports.
    [[nodiscard]] Middlebox described(const Entry& entry) const;
    [[nodiscard]] Middlebox report(Entry& entry) const;

    std::map<Traits, Entry> boxes_;
    std::map<std::uint64_t, Counted> counted_;  ///< by the finding's id
    std::vector<std::uint32_t> attempts_;       ///< by port; empty until the first
    std::uint64_t last_id_ = 0;
    Nanoseconds due_{0};
};

}  // namespace flowstamp::analysis
