// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

#include "flowstamp/event.h"
#include "user/base/clock.h"
#include "user/base/result.h"
#include "user/kernel/maps/record_ring.h"

namespace flowstamp::kernel {

/// Reads the ring `events`. Records that found the ring full are counted by the kernel:
/// FST_COUNT_EVENT_LOST.
class EventReader {
  public:
    /// `flow` is the slot that the record carries (see fst_event_has_flow()), else null. Both are
    /// in the ring, and invalid when the handler returns: copy what is needed.
    using Handler = std::function<void(const fst_event& event, const fst_flow* flow)>;

    /// Does not keep the descriptor `ring_fd`.
    [[nodiscard]] static Result<EventReader> open(int ring_fd, Handler handler);

    /// Consumes what is in the ring; if it is empty, waits for a wake-up (the kernel sends one for
    /// an RST, at most one per millisecond) or for `timeout`, and consumes what has arrived by
    /// then. Returns the records read. A signal ends the wait early, without an error.
    [[nodiscard]] Result<std::uint64_t> poll(Nanoseconds timeout) { return ring_.poll(timeout); }

    /// Consumes what is in the ring, without waiting. Call it once more after detaching.
    [[nodiscard]] Result<std::uint64_t> consume() { return ring_.consume(); }

    /// Records with an unknown header (version, kind or size): not passed to the handler.
    [[nodiscard]] std::uint64_t rejected() const { return ring_.rejected(); }

    /// Bytes of records that the latest consume() or poll() found in the ring, and the ring's size.
    [[nodiscard]] std::size_t found_bytes() const { return ring_.found_bytes(); }
    [[nodiscard]] std::size_t size_bytes() const { return ring_.size_bytes(); }

    /// Readable after a wake-up by the kernel: for a caller that also waits on other things.
    [[nodiscard]] int epoll_fd() const { return ring_.epoll_fd(); }

  private:
    explicit EventReader(RecordRing ring) : ring_(std::move(ring)) {}
    RecordRing ring_;
};

}  // namespace flowstamp::kernel
