// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <utility>

#include "flowstamp/stamp_batch.h"
#include "user/base/clock.h"
#include "user/base/result.h"
#include "user/kernel/maps/record_ring.h"

namespace flowstamp::kernel {

/// Reads every packet's stamp. Those of one CPU come in the order of its packets. What the ring had
/// no room for is counted by the kernel: FST_COUNT_STAMP_LOST.
class StampReader {
  public:
    /// The stamps stand in the ring and are gone when the handler returns.
    using Handler = std::function<void(std::span<const fst_packet_stamp> stamps)>;

    /// Of a loaded probe; not owned.
    struct Descriptors {
        int ring = -1;       ///< the map `stamps`
        int stages = -1;     ///< the map `stages`
        int collector = -1;  ///< the program that hands over a part-filled batch
    };

    [[nodiscard]] static Result<StampReader> open(const Descriptors& descriptors, Handler handler);

    /// Hands over what is in the ring; if nothing is, waits for a wake-up (the kernel gives one when
    /// the ring is a quarter full) or for `timeout`, and hands over what has come by then.
    [[nodiscard]] Result<std::uint64_t> poll(Nanoseconds timeout) { return ring_.poll(timeout); }
    /// Hands over what is in the ring, without waiting.
    [[nodiscard]] Result<std::uint64_t> consume() { return ring_.consume(); }

    /// Has the part-filled batches of all CPUs put into the ring.
    [[nodiscard]] Status collect();

    /// Once, when the probe is detached: hands over all that is still in the ring or at a CPU.
    [[nodiscard]] Status finish();

    /// Records that this program does not know: not handed over.
    [[nodiscard]] std::uint64_t rejected() const { return ring_.rejected() + rejected_; }

  private:
    StampReader(const Descriptors& descriptors, Handler handler, RecordRing ring)
        : descriptors_(descriptors), handler_(std::move(handler)), ring_(std::move(ring)) {}

    Descriptors descriptors_;
    Handler handler_;
    RecordRing ring_;
    std::uint64_t rejected_ = 0;
};

}  // namespace flowstamp::kernel
