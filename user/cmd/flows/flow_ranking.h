// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "flowstamp/flow.h"
#include "user/base/clock.h"

namespace flowstamp::cmd {

/// What flows are sorted by: the greatest first.
enum class FlowOrder {
    bytes,
    packets,
    age,  ///< since the latest packet: when a flow began is not in the table
    rtt,
    resets,
};

/// The value of a flow in this order; `now` is CLOCK_MONOTONIC.
[[nodiscard]] std::uint64_t value_of(const fst_flow& flow, FlowOrder order, Nanoseconds now);

/// The greatest of many flows: keeps no more than so many while they pass by.
class FlowRanking {
  public:
    struct Place {
        std::uint64_t value = 0;
        std::uint32_t table = 0;  ///< whose flow it is, as the caller counts
        std::uint32_t slot = 0;
    };

    /// `most` 0: all of them.
    explicit FlowRanking(std::size_t most) : most_(most) {}

    void add(const Place& place);
    /// How many were added.
    [[nodiscard]] std::uint64_t count() const { return count_; }
    /// Those kept, the greatest first; equal ones in order of table and slot. Empties the ranking.
    [[nodiscard]] std::vector<Place> take();

  private:
    std::size_t most_;
    std::uint64_t count_ = 0;
    std::vector<Place> kept_;  ///< with `most_`: a heap with the least in front
};

}  // namespace flowstamp::cmd
