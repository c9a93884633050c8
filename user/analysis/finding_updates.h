// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <optional>

#include "user/analysis/detector.h"
#include "user/analysis/findings.h"

namespace flowstamp::analysis {

/// Reports one finding: when it is first known, and again, under the same id, when its verdict
/// rises or it resolves; never twice the same.
class FindingUpdates {
  public:
    /// Reports `finding`, with its id and `again` set here, unless it has nothing new.
    void report(Finding finding, Findings& findings, FindingSink& sink);

    [[nodiscard]] bool is_reported() const { return verdict_.has_value(); }
    /// The finding's id; 0 before it is reported.
    [[nodiscard]] std::uint64_t id() const { return id_; }

  private:
    std::uint64_t id_ = 0;
    std::optional<fst_verdict> verdict_{};
    bool resolved_ = false;
};

/// Where and when the packet of an observation was seen.
[[nodiscard]] Sighting sighting_of(const Observation& observation);

}  // namespace flowstamp::analysis
