// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "flowstamp/stamp_batch.h"
#include "user/base/clock.h"

namespace flowstamp::output {

/// Puts stamps in the order of their times: each CPU hands over its own in order, but a batch at a
/// time. Holds no more than `most`; where that is too little, an old one may come late.
class StampOrder {
  public:
    using Take = std::function<void(const fst_packet_stamp& stamp)>;
    using Entry = std::pair<std::uint64_t, std::uint32_t>;  ///< time, and place among the held

    /// `most`: at least two batches.
    StampOrder(std::size_t most, Take take);

    [[nodiscard]] bool has_room_for(std::size_t stamps) const {
        return held_.size() + stamps <= most_;
    }
    /// There is room.
    void add(std::span<const fst_packet_stamp> stamps);

    /// Gives out those that are older.
    void release_before(Nanoseconds monotonic);
    /// Gives out the older half.
    void release_half();
    void release_all();

  private:
    void release(std::size_t count);
    void sort();

    std::size_t most_;
    Take take_;
    std::vector<fst_packet_stamp> held_;
    std::vector<fst_packet_stamp> kept_;  ///< those that stay, at a release
    std::vector<Entry> sorted_;
};

}  // namespace flowstamp::output
