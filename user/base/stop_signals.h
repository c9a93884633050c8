// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <csignal>

#include "user/base/fd.h"

namespace flowstamp {

/// While it lives, SIGINT, SIGTERM and SIGHUP end no process but make descriptor() readable.
class StopSignals {
  public:
    StopSignals();
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;
    ~StopSignals();

    [[nodiscard]] int descriptor() const { return fd_.get(); }

  private:
    sigset_t before_{};
    Fd fd_;
};

}  // namespace flowstamp
