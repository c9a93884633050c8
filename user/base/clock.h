// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <chrono>
#include <cstdint>

namespace flowstamp {

using Nanoseconds = std::chrono::nanoseconds;

/// Source of time, passed in wherever time matters so that a test can set it.
class Clock {
  public:
    virtual ~Clock() = default;
    /// Nanoseconds of CLOCK_MONOTONIC, the clock of bpf_ktime_get_ns() and so of packet stamps.
    [[nodiscard]] virtual Nanoseconds monotonic() const = 0;
    /// Nanoseconds since 1970-01-01 00:00:00 UTC.
    [[nodiscard]] virtual Nanoseconds realtime() const = 0;
};

/// The system clocks.
class SystemClock final : public Clock {
  public:
    [[nodiscard]] Nanoseconds monotonic() const override;
    [[nodiscard]] Nanoseconds realtime() const override;
};

/// A clock that moves only by advance(), which moves both readings.
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

/// Converts a packet's monotonic time to the time of day. The offset is taken once, so that the
/// stamps of one run keep their order and distances even if the system clock is set meanwhile.
class WallTime {
  public:
    explicit WallTime(const Clock& clock) : offset_(clock.realtime() - clock.monotonic()) {}

    /// Nanoseconds since 1970 at the monotonic time `monotonic`.
    [[nodiscard]] Nanoseconds at(Nanoseconds monotonic) const { return monotonic + offset_; }

  private:
    Nanoseconds offset_;
};

}  // namespace flowstamp
