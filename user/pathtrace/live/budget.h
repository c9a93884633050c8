// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <chrono>

#include "user/base/clock.h"

namespace flowstamp::pathtrace {

/// How often something may be done within a second: what asks the kernel must not keep the reader of a
/// busy host's records from them.
class Budget {
  public:
    explicit Budget(unsigned per_second) : per_second_(per_second) {}

    /// Whether it may be done once more now.
    [[nodiscard]] bool take(Nanoseconds now) {
        if (now - began_ >= std::chrono::seconds(1)) {
            began_ = now;
            taken_ = 0;
        }
        if (taken_ >= per_second_) {
            return false;
        }
        taken_++;
        return true;
    }

  private:
    unsigned per_second_;
    unsigned taken_ = 0;
    Nanoseconds began_{0};
};

}  // namespace flowstamp::pathtrace
