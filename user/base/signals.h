// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Signals as file descriptors, to be polled together with other descriptors.
#pragma once

#include <csignal>

#include "user/base/fd.h"

namespace flowstamp {

/// During its lifetime SIGINT, SIGTERM and SIGHUP do not end the process; they make descriptor()
/// readable. A SIGHUP that the process was started to ignore (nohup) stays ignored.
/// `hangup_stops`: false where a SIGHUP asks for something else.
class StopSignals {
  public:
    explicit StopSignals(bool hangup_stops = true);
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;
    ~StopSignals();

    [[nodiscard]] int descriptor() const { return fd_.get(); }

  private:
    sigset_t before_{};
    Fd fd_;
};

/// During its lifetime SIGUSR1 and, if `with_hangup`, SIGHUP do not end the process: they ask a run
/// for something. To be created before threads are started.
class RequestSignals {
  public:
    explicit RequestSignals(bool with_hangup);
    RequestSignals(const RequestSignals&) = delete;
    RequestSignals& operator=(const RequestSignals&) = delete;
    ~RequestSignals();

    struct Requests {
        bool reload = false;      ///< SIGHUP
        bool statistics = false;  ///< SIGUSR1
    };
    /// What was asked for since the last call. Does not wait.
    [[nodiscard]] Requests take() const;

  private:
    sigset_t before_{};
    Fd fd_;
};

/// During its lifetime SIGTSTP (Ctrl-Z) does not stop the process; it makes descriptor() readable,
/// so that the terminal can be restored before suspend().
class SuspendSignal {
  public:
    SuspendSignal();
    SuspendSignal(const SuspendSignal&) = delete;
    SuspendSignal& operator=(const SuspendSignal&) = delete;
    ~SuspendSignal();

    [[nodiscard]] int descriptor() const { return fd_.get(); }
    /// Stops the process as the signal would have done; returns when it is continued.
    void suspend() const;

  private:
    sigset_t before_{};
    Fd fd_;
};

}  // namespace flowstamp
