// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "user/output/event.h"

namespace flowstamp::output {

/// Passes all events on, but of findings only the first ones, and what becomes of these (`-c`).
class FindingLimit final : public Consumer {
  public:
    /// `next` outlives it. `most`: nothing means without limit.
    FindingLimit(Consumer& next, std::optional<std::uint64_t> most)
        : next_(next), most_(most.value_or(std::numeric_limits<std::uint64_t>::max())) {}

    void consume(const Event& event) override {
        if (const auto* finding = std::get_if<analysis::Finding>(&event)) {
            if (is_reached() && (!finding->again || finding->id > last_)) {
                return;
            }
            if (!finding->again) {
                found_++;
                last_ = finding->id;
            }
        }
        next_.consume(event);
    }

    /// Whether the run may end.
    [[nodiscard]] bool is_reached() const { return found_ >= most_; }

  private:
    Consumer& next_;
    std::uint64_t most_;
    std::uint64_t found_ = 0;
    std::uint64_t last_ = 0;  ///< id of the latest that was passed on
};

}  // namespace flowstamp::output
