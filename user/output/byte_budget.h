// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "user/base/clock.h"

namespace flowstamp::output {

/// How much a watch writes to one output: whoever sends packets must not be able to fill a disk
/// with the reports about them. After a quiet time a burst, then so much a second. The second half
/// of a burst is kept for what is rare and important.
class ByteBudget {
  public:
    static constexpr std::size_t kPerSecond = 1UL << 20;
    static constexpr std::size_t kBurst = 8UL << 20;

    explicit ByteBudget(Nanoseconds now) : refilled_(now) {}

    /// Whether something may be written at `now` (monotonic).
    [[nodiscard]] bool has_left(bool is_important, Nanoseconds now) {
        const std::chrono::duration<double> since = now - refilled_;
        left_ = std::min(left_ + since.count() * kPerSecond, double{kBurst});
        refilled_ = now;
        return left_ > (is_important ? 0 : kBurst / 2.0);
    }
    void spend(std::size_t bytes) { left_ -= static_cast<double>(bytes); }

  private:
    double left_ = kBurst;
    Nanoseconds refilled_;
};

}  // namespace flowstamp::output
