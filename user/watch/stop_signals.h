// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>

#include "user/base/fd.h"

namespace flowstamp {

/// While it lives, SIGINT, SIGTERM and SIGHUP end no process but make descriptor() readable, and
/// writing to a pipe without a reader fails with EPIPE instead of killing.
class StopSignals {
  public:
    StopSignals();
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;
    ~StopSignals();

    [[nodiscard]] int descriptor() const { return fd_.get(); }

  private:
    sigset_t before_{};
    struct sigaction pipe_before_{};
    Fd fd_;
};

}  // namespace flowstamp
