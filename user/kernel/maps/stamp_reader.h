// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
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

/// Reads every packet's stamp, in packet order per CPU. Stamps that found the ring full are counted
/// by the kernel: FST_COUNT_STAMP_LOST.
class StampReader {
  public:
    /// The stamps are in the ring, and invalid when the handler returns.
    using Handler = std::function<void(std::span<const fst_packet_stamp> stamps)>;

    /// Descriptors of a loaded probe; not owned.
    struct Descriptors {
        int ring = -1;           ///< the map `stamps`
        int stamp_buffers = -1;  ///< the map `stamp_buffers`
        int collector = -1;      ///< the program that submits a partly filled batch
    };

    [[nodiscard]] static Result<StampReader> open(const Descriptors& descriptors, Handler handler);

    /// Consumes what is in the ring; if it is empty, waits for a wake-up (the kernel sends one when
    /// the ring is a quarter full) or for `timeout`, and consumes what has arrived by then.
    [[nodiscard]] Result<std::uint64_t> poll(Nanoseconds timeout) { return ring_.poll(timeout); }
    /// Consumes what is in the ring, without waiting.
    [[nodiscard]] Result<std::uint64_t> consume() { return ring_.consume(); }

    /// Moves the partly filled batches of all CPUs into the ring.
    [[nodiscard]] Status collect();

    /// Once, after detaching: consumes all that is still in the ring or buffered by a CPU.
    [[nodiscard]] Status finish();

    /// Records of an unknown kind: not passed to the handler.
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
