// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <chrono>
#include <optional>

#include "user/base/clock.h"
#include "user/base/signals.h"

namespace flowstamp::cmd {

/// When a command that runs until it is stopped has to poll again, and when it has to end.
class PollLoop {
  public:
    static constexpr Nanoseconds kInterval = std::chrono::milliseconds(100);

    /// `signals` and `clock` outlive it. `duration` starts now; nothing: until a signal.
    PollLoop(const StopSignals& signals, const Clock& clock, std::optional<Nanoseconds> duration);

    /// Waits until `events` or `suspend` (-1: none) is readable, at most kInterval. False if the
    /// command has to end: on a signal, or at the end of the duration.
    [[nodiscard]] bool wait_for(int events, int suspend = -1);

    /// Whether the last wait found `suspend` readable.
    [[nodiscard]] bool wants_suspend() const { return wants_suspend_; }
    /// CLOCK_MONOTONIC when the last wait began.
    [[nodiscard]] Nanoseconds now() const { return now_; }

  private:
    const StopSignals& signals_;
    const Clock& clock_;
    Nanoseconds end_;
    Nanoseconds now_{0};
    bool wants_suspend_ = false;
};

}  // namespace flowstamp::cmd
