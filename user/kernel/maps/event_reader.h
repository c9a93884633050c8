// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "flowstamp/event.h"
#include "user/base/clock.h"
#include "user/base/result.h"
#include "user/kernel/maps/record_ring.h"

namespace flowstamp::kernel {

/// Reads the ring `events`. Records that the ring had no room for are counted by the kernel:
/// FST_COUNT_EVENT_LOST.
class EventReader {
  public:
    /// `flow` is the slot that the record carries (FST_EVENT_RST, EVICTED, ENDED), else null. Both
    /// stand in the ring and are gone when the handler returns: copy what is to stay.
    using Handler = std::function<void(const fst_event& event, const fst_flow* flow)>;

    /// Does not keep the descriptor `ring_fd`.
    [[nodiscard]] static Result<EventReader> open(int ring_fd, Handler handler);

    /// Hands over what is there; if nothing is, waits for a wake-up (the kernel gives one for a
    /// RST, at most one per millisecond) or for `timeout`, and hands over what has come by then.
    /// Returns the records seen. A signal ends the wait early, and is no error.
    [[nodiscard]] Result<std::uint64_t> poll(Nanoseconds timeout) { return ring_.poll(timeout); }

    /// Hands over what is there, without waiting. To be called once more after detaching.
    [[nodiscard]] Result<std::uint64_t> consume() { return ring_.consume(); }

    /// Records whose header is not what this program knows (version, kind or size): not handed
    /// over.
    [[nodiscard]] std::uint64_t rejected() const { return ring_.rejected(); }

    /// Readable when the kernel woke us: for a program that waits on other things, too.
    [[nodiscard]] int epoll_fd() const { return ring_.epoll_fd(); }

  private:
    explicit EventReader(RecordRing ring) : ring_(std::move(ring)) {}
    RecordRing ring_;
};

}  // namespace flowstamp::kernel
