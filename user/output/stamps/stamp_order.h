// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "flowstamp/stamp_batch.h"
#include "user/base/clock.h"

namespace flowstamp::output {

/// Merges batches of stamps into one order by time. The stamps are not copied: a batch must stay
/// where it is until done() has counted it. Stamps of equal time keep their order of arrival.
class StampOrder {
  public:
    using Stamps = std::span<const fst_packet_stamp>;

    /// `batch`: in order of time; may be empty.
    void add(Stamps batch);

    /// The next stamps in order that are older than `monotonic`: as many as follow each other in
    /// one batch. Empty: there are none.
    [[nodiscard]] Stamps next(Nanoseconds monotonic);

    /// How many of the batches were passed on whole since the last call: those that arrived first,
    /// up to one that was not. To be called when what next() returned is no longer in use.
    [[nodiscard]] std::size_t done();

  private:
    /// A row's next stamp: the least one comes first.
    struct Head {
        std::uint64_t time_ns = 0;
        std::uint64_t batch = 0;  ///< number of its batch, in order of arrival
        std::size_t row = 0;
        auto operator<=>(const Head&) const = default;
    };
    /// Batches that follow each other in time: as a rule, those of one CPU.
    struct Row {
        std::deque<std::uint64_t> batches{};  ///< their numbers
        std::uint64_t last_ns = 0;            ///< time of the last stamp
    };

    [[nodiscard]] Stamps& left_of(std::uint64_t batch) { return left_[batch - first_]; }
    void add_head(std::size_t row);
    void remove_from_first(std::size_t stamps);

    std::vector<Row> rows_{};    ///< some may be empty
    std::vector<Head> heads_{};  ///< of the rows that are not empty; the first one at the back
    std::deque<Stamps> left_{};  ///< of each batch: what was not passed on
    std::uint64_t first_ = 0;    ///< number of the first one in left_
};

}  // namespace flowstamp::output
