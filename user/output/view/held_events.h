// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include "user/output/event.h"

namespace flowstamp::output {

/// Events that are reported later. Bounded.
class HeldEvents {
  public:
    /// Beyond that the oldest are left out.
    static constexpr std::size_t kMost = 1000;

    void hold(const Event& event);
    /// Reports all of them, in the order in which they came, after a LeftOut, if any are missing.
    /// `wall`: of that, since 1970.
    void release(Consumer& consumer, Nanoseconds wall);

  private:
    std::deque<Event> events_;
    std::uint64_t left_out_ = 0;
};

}  // namespace flowstamp::output
