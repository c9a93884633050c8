// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "flowstamp/path.h"
#include "user/base/clock.h"
#include "user/base/result.h"
#include "user/kernel/maps/record_ring.h"

namespace flowstamp::pathtrace {

/// Reads the ring `path_events`. Records of one packet are in the order in which they were written,
/// unless they come from several CPUs. Records that found the ring full are counted by the kernel:
/// FST_PATH_COUNT_EVENT_LOST.
class PathReader {
  public:
    /// The record is in the ring, and invalid when the handler returns.
    using Handler = std::function<void(const fst_path_event& event)>;

    /// Does not keep the descriptor `ring_fd`.
    [[nodiscard]] static Result<PathReader> open(int ring_fd, Handler handler);

    /// Consumes what is in the ring; if it is empty, waits until something arrives or `timeout` has
    /// passed. Returns the records read. A signal ends the wait early, without an error.
    [[nodiscard]] Result<std::uint64_t> poll(Nanoseconds timeout) { return ring_.poll(timeout); }

    /// Consumes what is in the ring, without waiting. Call it once more after detaching.
    [[nodiscard]] Result<std::uint64_t> consume() { return ring_.consume(); }

    /// Records of an unknown kind: not passed to the handler.
    [[nodiscard]] std::uint64_t rejected() const { return ring_.rejected(); }

    /// Readable when there are records.
    [[nodiscard]] int epoll_fd() const { return ring_.epoll_fd(); }

  private:
    explicit PathReader(kernel::RecordRing ring) : ring_(std::move(ring)) {}
    kernel::RecordRing ring_;
};

}  // namespace flowstamp::pathtrace
