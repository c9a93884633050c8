// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <algorithm>
#include <chrono>

#include "user/base/clock.h"

namespace flowstamp {

/// The highest of the values noted in the last half to whole minute: whoever asks twice a minute
/// misses none. 0 where none was.
template <class Value>
class RecentHighest {
  public:
    static constexpr Nanoseconds kHalf = std::chrono::seconds(30);

    /// `now` (CLOCK_MONOTONIC) never goes back.
    void add(Nanoseconds now, Value value) {
        turn(now);
        current_ = std::max(current_, value);
    }
    [[nodiscard]] Value at(Nanoseconds now) {
        turn(now);
        return std::max(current_, former_);
    }

  private:
    void turn(Nanoseconds now) {
        if (now < end_) {
            return;
        }
        former_ = now < end_ + kHalf ? current_ : Value{};
        current_ = Value{};
        end_ = now + kHalf;
    }

    Value current_{};
    Value former_{};
    Nanoseconds end_{0};
};

}  // namespace flowstamp
