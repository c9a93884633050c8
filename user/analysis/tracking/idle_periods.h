// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <optional>
#include <unordered_map>

#include "user/analysis/observation.h"

namespace flowstamp::analysis {

/// Flows that resumed after an idle period of kLeast or more, until the packet that ended it is
/// answered. Between the retransmissions of what is not acknowledged, and after a FIN,
/// a flow is not idle. Bounded: the oldest are forgotten first.
class IdlePeriods {
  public:
    static constexpr std::size_t kMost = 65536;
    /// The kernel reports every silence of so long, and a few that are shorter.
    static constexpr Nanoseconds kLeast = std::chrono::milliseconds(9700);
    /// A RST that answers the packet that ended an idle period comes within this of it.
    static constexpr Nanoseconds kAnswerWithin = std::chrono::seconds(3);
    /// Idle periods shorter than this explain no RST.
    static constexpr Nanoseconds kShortest = std::chrono::seconds(9);

    struct IdlePeriod {
        Nanoseconds length{0};
        Nanoseconds resumed_at{0};  ///< time of the packet that ended it
        unsigned direction = 0;     ///< of that packet
        bool after_data = false;    ///< the flow had carried data before
    };

    void record(const Observation& observation);

    /// The idle period whose ending packet the latest observation acknowledges; nullopt: none.
    [[nodiscard]] const std::optional<IdlePeriod>& survived() const { return survived_; }

    /// The view's idle period after data whose ending packet has had no answer yet; null: none. A
    /// connection that was never used may never have worked.
    [[nodiscard]] const IdlePeriod* unanswered(const ViewKey& view) const;

    /// The idle period, of any length, after data or not, whose ending packet `rst` answers; null: none.
    [[nodiscard]] const IdlePeriod* answered_by(const Observation& rst) const;

  private:
    using Order = std::list<ViewKey>;
    struct Entry {
        IdlePeriod period;
        Order::iterator place;
    };
    using Entries = std::unordered_map<ViewKey, Entry, ViewKeyHash>;

    void add(const ViewKey& view, const IdlePeriod& period);
    void remove(Entries::iterator entry);

    Entries entries_;
    Order order_;  ///< of entries_, the oldest first
    std::optional<IdlePeriod> survived_{};
};

/// Whether the flow, by its slot, had nothing to wait for: data has passed, all of it is
/// acknowledged, and neither end has sent a FIN.
[[nodiscard]] bool was_at_rest(const fst_flow& flow);

/// How long the flow had been silent before this packet, by its slot as it was then.
[[nodiscard]] Nanoseconds silence_before(const Observation& observation);

}  // namespace flowstamp::analysis
