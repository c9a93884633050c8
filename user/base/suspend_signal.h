// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <csignal>

#include "user/base/fd.h"

namespace flowstamp {

/// While it lives, SIGTSTP (Ctrl-Z) stops no process but makes descriptor() readable: so that the
/// terminal can be tidied up before suspend().
class SuspendSignal {
  public:
    SuspendSignal();
    SuspendSignal(const SuspendSignal&) = delete;
    SuspendSignal& operator=(const SuspendSignal&) = delete;
    ~SuspendSignal();

    [[nodiscard]] int descriptor() const { return fd_.get(); }
    /// Does what the signal would have done; returns when the process is continued.
    void suspend() const;

  private:
    void consume() const;

    sigset_t before_{};
    Fd fd_;
};

}  // namespace flowstamp
