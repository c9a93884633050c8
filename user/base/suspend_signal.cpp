// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/base/suspend_signal.h"

#include <sys/signalfd.h>

namespace flowstamp {

namespace {

sigset_t only_suspending() {
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGTSTP);
    return signals;
}

}  // namespace

SuspendSignal::SuspendSignal() {
    const sigset_t suspending = only_suspending();
    ::pthread_sigmask(SIG_BLOCK, &suspending, &before_);
    fd_.reset(::signalfd(-1, &suspending, SFD_CLOEXEC | SFD_NONBLOCK));
}

SuspendSignal::~SuspendSignal() {
    consume();
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void SuspendSignal::consume() const {
    signalfd_siginfo taken{};
    while (::read(fd_.get(), &taken, sizeof(taken)) == sizeof(taken)) {
    }
}

/// By the signal itself: the kernel ignores it where no shell is there to continue us.
void SuspendSignal::suspend() const {
    consume();
    const sigset_t suspending = only_suspending();
    ::raise(SIGTSTP);
    ::pthread_sigmask(SIG_UNBLOCK, &suspending, nullptr);
    ::pthread_sigmask(SIG_BLOCK, &suspending, nullptr);
}

}  // namespace flowstamp
