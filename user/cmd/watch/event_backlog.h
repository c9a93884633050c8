// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <algorithm>
#include <cstddef>

#include "flowstamp/event.h"
#include "user/base/clock.h"
#include "user/base/recent_highest.h"
#include "user/metrics/snapshot.h"

namespace flowstamp::cmd {

/// How far the reader of the events is behind. Each reading is begin(), a read() for each event in
/// the order of the ring, and end().
class EventBacklog {
  public:
    void begin(Nanoseconds now) {
        now_ = now;
        is_oldest_ = true;
    }
    void read(const fst_event& event) {
        if (is_oldest_) {
            is_oldest_ = false;
            const Nanoseconds age = now_ - Nanoseconds(event.packet.time_ns);
            lag_.add(now_, std::max(age, Nanoseconds::zero()));
        }
    }
    void end(std::size_t found_bytes) { used_bytes_.add(now_, found_bytes); }

    /// Without the ring's size.
    [[nodiscard]] metrics::Backlog at(Nanoseconds now) {
        return {.used_bytes = used_bytes_.at(now), .lag = lag_.at(now)};
    }

  private:
    Nanoseconds now_{0};
    bool is_oldest_ = false;
    RecentHighest<Nanoseconds> lag_;
    RecentHighest<std::size_t> used_bytes_;
};

}  // namespace flowstamp::cmd
