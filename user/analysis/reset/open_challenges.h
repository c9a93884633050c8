// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "flowstamp/event.h"
#include "flowstamp/flow.h"
#include "user/analysis/observation.h"
#include "user/analysis/slot_reader.h"
#include "user/base/clock.h"

namespace flowstamp::analysis {

/// Challenges that nobody has answered, and when each is asked again: its receiver's ACK, or the answer, may have been lost. The data path asks only when a packet comes. No clock, no I/O.
class OpenChallenges {
  public:
    /// How often a challenge is asked again, the waits between doubling.
    static constexpr unsigned kTimes = 4;
    /// The first wait: two round trips, and this at the least.
    static constexpr Nanoseconds kLeastWait = std::chrono::milliseconds(200);
    /// Challenges followed at the most; a flood's others are not asked again.
    static constexpr std::size_t kMost = 1024;

    /// One to be asked again: its flow as it is now, and the index of the end whose RST was challenged.
    struct Question {
        fst_flow flow;
        unsigned sender;
    };

    /// Takes a challenge from a record of the data path. `flow`: the slot, with records that carry it.
    void observe(const fst_event& event, const fst_flow* flow);

    /// What is to be asked at `now` (CLOCK_MONOTONIC). Forgets what was answered, refuted or has ended.
    [[nodiscard]] std::vector<Question> take_due(Nanoseconds now, const SlotReader& slots);

    [[nodiscard]] std::size_t size() const { return open_.size(); }

  private:
    struct Open {
        Nanoseconds due;
        Nanoseconds wait;  ///< the one that is over at `due`
        unsigned left;
    };

    std::map<std::pair<ViewKey, unsigned>, Open> open_;  ///< by flow and the RST's sender
};

}  // namespace flowstamp::analysis
