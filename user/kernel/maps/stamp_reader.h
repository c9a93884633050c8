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
#include "user/base/result.h"
#include "user/kernel/maps/stamp_ring.h"

namespace flowstamp::kernel {

/// Reads every packet's stamp, in batches, each in order of time, and in packet order per CPU. A
/// batch stays in the ring until release(), so that nothing need be copied. Stamps that found the
/// ring full are counted by the kernel: FST_COUNT_STAMP_LOST.
class StampReader {
  public:
    /// A record's stamps, valid until it is released; none if the record is of an unknown kind.
    using Handler = std::function<void(std::span<const fst_packet_stamp> batch)>;

    /// Descriptors of a loaded probe; not owned.
    struct Descriptors {
        int ring = -1;           ///< the map `stamps`
        int stamp_buffers = -1;  ///< the map `stamp_buffers`
        int collector = -1;      ///< the program that submits a partly filled batch
    };

    [[nodiscard]] static Result<StampReader> open(const Descriptors& descriptors, Handler handler);

    /// Waits until the kernel says that the ring is a quarter full, at most `timeout`. Returns
    /// whether it said so.
    [[nodiscard]] Result<bool> wait(Nanoseconds timeout) { return ring_.wait(timeout); }
    /// Passes what is in the ring now, and was not passed before, to the handler. Returns the
    /// number of records.
    std::uint64_t read();
    /// Frees the `records` earliest records of those that were read.
    void release(std::size_t records) { ring_.release(records); }

    /// Moves the partly filled batches of all CPUs into the ring.
    [[nodiscard]] Status collect();

    /// Once, after detaching: reads all that is still in the ring or buffered by a CPU.
    [[nodiscard]] Status finish();

    /// Records of an unknown kind.
    [[nodiscard]] std::uint64_t rejected() const { return rejected_; }

  private:
    StampReader(const Descriptors& descriptors, Handler handler, StampRing ring)
        : descriptors_(descriptors), handler_(std::move(handler)), ring_(std::move(ring)) {}

    Descriptors descriptors_;
    Handler handler_;
    StampRing ring_;
    std::vector<fst_stamp_buffer> left_{};  ///< what finish() found in the CPUs' buffers
    std::uint64_t rejected_ = 0;
};

}  // namespace flowstamp::kernel
