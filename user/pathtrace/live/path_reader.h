// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "flowstamp/path.h"
#include "user/base/clock.h"
#include "user/base/result.h"
#include "user/kernel/maps/record_ring.h"

namespace flowstamp::pathtrace {

/// Reads the ring `path_events`. Records of one packet come in the order in which they were written,
/// unless they were written on several CPUs. What the ring had no room for is counted by the kernel:
/// FST_PATH_COUNT_EVENT_LOST.
class PathReader {
  public:
    /// The record stands in the ring and is gone when the handler returns.
    using Handler = std::function<void(const fst_path_event& event)>;

    /// Does not keep the descriptor `ring_fd`.
    [[nodiscard]] static Result<PathReader> open(int ring_fd, Handler handler);

    /// Hands over what is there; if nothing is, waits until something comes or `timeout` is over.
    /// Returns the records seen. A signal ends the wait early, and is no error.
    [[nodiscard]] Result<std::uint64_t> poll(Nanoseconds timeout) { return ring_.poll(timeout); }

    /// Hands over what is there, without waiting. To be called once more after detaching.
    [[nodiscard]] Result<std::uint64_t> consume() { return ring_.consume(); }

    /// Records that this program does not know: not handed over.
    [[nodiscard]] std::uint64_t rejected() const { return ring_.rejected(); }

    /// Readable when there are records.
    [[nodiscard]] int epoll_fd() const { return ring_.epoll_fd(); }

  private:
    explicit PathReader(kernel::RecordRing ring) : ring_(std::move(ring)) {}
    kernel::RecordRing ring_;
};

}  // namespace flowstamp::pathtrace
