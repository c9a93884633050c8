// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "user/output/event.h"

namespace flowstamp::output {

/// Passes all events on, and remembers whether one was a finding of given kinds (`--fail-on`).
class FailOn final : public Consumer {
  public:
    /// `next` outlives it. `any`: every kind counts.
    FailOn(Consumer& next, std::vector<analysis::FindingKind> kinds, bool any)
        : next_(next), kinds_(std::move(kinds)), any_(any) {}

    void consume(const Event& event) override {
        if (const auto* finding = std::get_if<analysis::Finding>(&event)) {
            is_met_ = is_met_ || any_ || std::ranges::find(kinds_, finding->kind) != kinds_.end();
        }
        next_.consume(event);
    }

    [[nodiscard]] bool is_met() const { return is_met_; }

  private:
    Consumer& next_;
    std::vector<analysis::FindingKind> kinds_;
    bool any_;
    bool is_met_ = false;
};

}  // namespace flowstamp::output
