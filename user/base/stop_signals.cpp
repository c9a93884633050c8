// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/base/stop_signals.h"

#include <sys/signalfd.h>

namespace flowstamp {

StopSignals::StopSignals() {
    sigset_t stopping;
    ::sigemptyset(&stopping);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        ::sigaddset(&stopping, signal);
    }
    ::pthread_sigmask(SIG_BLOCK, &stopping, &before_);
    fd_.reset(::signalfd(-1, &stopping, SFD_CLOEXEC | SFD_NONBLOCK));
}

/// A signal that came is taken: it has done its work.
StopSignals::~StopSignals() {
    signalfd_siginfo taken{};
    while (::read(fd_.get(), &taken, sizeof(taken)) == sizeof(taken)) {
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace flowstamp
