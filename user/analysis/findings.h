// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>

#include "flowstamp/evidence.h"

namespace flowstamp::analysis {

/// Numbers the findings of a run, of all detectors, and counts them by their highest verdict.
class Findings {
  public:
    /// The next finding's id, from 1.
    [[nodiscard]] std::uint64_t open() { return ++opened_; }
    /// Counts a report with the verdict `now`; `before`: the finding's last reported verdict, if
    /// any.
    void count(std::optional<fst_verdict> before, fst_verdict now) {
        reported_ += !before;
        confirmed_ += now == FST_VERDICT_CONFIRMED && before != FST_VERDICT_CONFIRMED;
    }

    [[nodiscard]] std::uint64_t suspected() const { return reported_ - confirmed_; }
    [[nodiscard]] std::uint64_t confirmed() const { return confirmed_; }

  private:
    std::uint64_t opened_ = 0;
    std::uint64_t reported_ = 0;
    std::uint64_t confirmed_ = 0;
};

}  // namespace flowstamp::analysis
