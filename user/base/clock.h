// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

namespace flowstamp {

using Nanoseconds = std::chrono::nanoseconds;

/// Where the time comes from: passed in wherever time matters, so that a test can set it.
class Clock {
  public:
    virtual ~Clock() = default;
    /// Nanoseconds of CLOCK_MONOTONIC: what bpf_ktime_get_ns() stamps packets with.
    [[nodiscard]] virtual Nanoseconds monotonic() const = 0;
    /// Nanoseconds since 1970-01-01 00:00:00 UTC.
    [[nodiscard]] virtual Nanoseconds realtime() const = 0;
};

/// The machine's clocks.
class SystemClock final : public Clock {
  public:
    [[nodiscard]] Nanoseconds monotonic() const override;
    [[nodiscard]] Nanoseconds realtime() const override;
};

/// A clock that stands still until it is moved. Both its readings move together.
class TestClock final : public Clock {
  public:
    TestClock() = default;
    TestClock(Nanoseconds monotonic, Nanoseconds realtime)
        : monotonic_(monotonic), realtime_(realtime) {}

    [[nodiscard]] Nanoseconds monotonic() const override { return monotonic_; }
    [[nodiscard]] Nanoseconds realtime() const override { return realtime_; }

    void advance(Nanoseconds by) {
        monotonic_ += by;
        realtime_ += by;
    }

  private:
    Nanoseconds monotonic_{0};
    Nanoseconds realtime_{0};
};

/// What turns a packet's monotonic stamp into the time of day. Taken once and kept, so that stamps
/// of one run keep their order and distances when someone sets the machine's clock meanwhile.
class WallTime {
  public:
    explicit WallTime(const Clock& clock) : offset_(clock.realtime() - clock.monotonic()) {}

    /// Nanoseconds since 1970 at the moment `monotonic`.
    [[nodiscard]] Nanoseconds at(Nanoseconds monotonic) const { return monotonic + offset_; }

  private:
    Nanoseconds offset_;
};

}  // namespace flowstamp
