// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "user/output/reporter.h"

namespace flowstamp::output {

/// Passes everything on, and notes whether a finding of some kinds was among it (`--fail-on`).
class FindingWatch final : public Reporter {
  public:
    /// `reporter` outlives it. `any`: every kind counts.
    FindingWatch(Reporter& reporter, std::vector<analysis::FindingKind> kinds, bool any)
        : reporter_(reporter), kinds_(std::move(kinds)), any_(any) {}

    void capture(const std::string& file) override { reporter_.capture(file); }
    void reset(const analysis::Reset& reset) override { reporter_.reset(reset); }
    void finding(const analysis::Finding& finding) override {
        is_met_ = is_met_ || any_ || std::ranges::find(kinds_, finding.kind) != kinds_.end();
        reporter_.finding(finding);
    }
    void middlebox(const analysis::Middlebox& box) override { reporter_.middlebox(box); }
    void flow(const analysis::FlowRecord& record) override { reporter_.flow(record); }
    void stats(const Stats& stats) override { reporter_.stats(stats); }
    void summary(const Stats& stats) override { reporter_.summary(stats); }

    [[nodiscard]] bool is_met() const { return is_met_; }

  private:
    Reporter& reporter_;
    std::vector<analysis::FindingKind> kinds_;
    bool any_;
    bool is_met_ = false;
};

}  // namespace flowstamp::output
