// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <unordered_map>

#include "user/analysis/observation.h"

namespace flowstamp::analysis {

/// Flows that spoke again after a rest of about ten seconds or more, until what they said is
/// answered.
class IdlePeriods {
  public:
    struct IdlePeriod {
        Nanoseconds length{0};
        Nanoseconds woke{0};
        unsigned direction = 0;  ///< who spoke first
    };

    void record(const Observation& observation);

    /// The idle period that the latest observation ended well: what was sent after it is answered.
    [[nodiscard]] const std::optional<IdlePeriod>& survived() const { return survived_; }

    /// The rest after which this view's flow has had no answer yet; null if there is none.
    [[nodiscard]] const IdlePeriod* unanswered(const ViewKey& view) const;

  private:
    static constexpr std::size_t kMost = 65536;
    std::unordered_map<ViewKey, IdlePeriod, ViewKeyHash> idle_periods_;
    std::deque<ViewKey> order_;
    std::optional<IdlePeriod> survived_{};
};

/// How long the flow had been silent before this packet, by its slot as it was then.
[[nodiscard]] Nanoseconds silence_before(const Observation& observation);

}  // namespace flowstamp::analysis
