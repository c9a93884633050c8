// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>

#include "flowstamp/evidence.h"
#include "user/analysis/tallies.h"

namespace flowstamp::analysis {

/// Numbers the findings of a run, of all detectors, and counts them by their highest verdict.
class Findings {
  public:
    /// The next finding's id, from 1.
    [[nodiscard]] std::uint64_t open() { return ++opened_; }
    /// Counts a report with the verdict `now`; `before`: the finding's last reported verdict, if
    /// any.
    void count(FindingKind kind, std::optional<fst_verdict> before, fst_verdict now) {
        FindingTally& tally = by_kind_[static_cast<std::size_t>(kind)];
        tally.reported += !before;
        tally.confirmed += now == FST_VERDICT_CONFIRMED && before != FST_VERDICT_CONFIRMED;
    }

    [[nodiscard]] std::uint64_t suspected() const { return sum().reported - sum().confirmed; }
    [[nodiscard]] std::uint64_t confirmed() const { return sum().confirmed; }
    [[nodiscard]] const FindingTallies& by_kind() const { return by_kind_; }

  private:
    [[nodiscard]] FindingTally sum() const {
        return std::accumulate(by_kind_.begin(), by_kind_.end(), FindingTally{},
                               [](const FindingTally& a, const FindingTally& b) {
                                   return FindingTally{.reported = a.reported + b.reported,
                                                       .confirmed = a.confirmed + b.confirmed};
                               });
    }

    std::uint64_t opened_ = 0;
    FindingTallies by_kind_{};
};

}  // namespace flowstamp::analysis
