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

/// Sorts stamps by time: each CPU delivers its own in order, but in batches. Holds at most `most`;
/// if that is too few, an old stamp may come late.
class StampOrder {
  public:
    using Take = std::function<void(const fst_packet_stamp& stamp)>;
    using Entry = std::pair<std::uint64_t, std::uint32_t>;  ///< time, and index in held_

    /// `most`: at least two batches.
    StampOrder(std::size_t most, Take take);

    [[nodiscard]] bool has_room_for(std::size_t stamps) const {
        return held_.size() + stamps <= most_;
    }
    /// Requires has_room_for().
    void add(std::span<const fst_packet_stamp> stamps);

    /// Passes on the stamps older than `monotonic`.
    void release_before(Nanoseconds monotonic);
    /// Passes on the older half.
    void release_half();
    void release_all();

  private:
    void release(std::size_t count);
    void sort();

    std::size_t most_;
    Take take_;
    std::vector<fst_packet_stamp> held_;
    std::vector<fst_packet_stamp> kept_;  ///< buffer for those that stay, during release()
    std::vector<Entry> sorted_;
};

}  // namespace flowstamp::output
