// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/base/signals.h"

#include <sys/signalfd.h>

#include <initializer_list>

namespace flowstamp {

namespace {

sigset_t set_of(std::initializer_list<int> signals) {
    sigset_t set;
    ::sigemptyset(&set);
    for (const int signal : signals) {
        ::sigaddset(&set, signal);
    }
    return set;
}

/// Blocked, an ignored signal would be reported all the same (signal(7)).
bool is_ignored(int signal) {
    struct sigaction action{};
    return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

sigset_t stop_signals(bool with_hangup) {
    return with_hangup ? set_of({SIGINT, SIGTERM, SIGHUP}) : set_of({SIGINT, SIGTERM});
}

sigset_t request_signals(bool with_hangup) {
    return with_hangup ? set_of({SIGUSR1, SIGHUP}) : set_of({SIGUSR1});
}

/// Blocks the signals for this thread and those it starts; a signalfd reports them instead.
Fd block(const sigset_t& signals, sigset_t& before) {
    ::pthread_sigmask(SIG_BLOCK, &signals, &before);
    return Fd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
}

/// Discards pending signals, which are handled already.
void drain(const Fd& signals) {
    signalfd_siginfo received{};
    while (::read(signals.get(), &received, sizeof(received)) == sizeof(received)) {
    }
}

}  // namespace

StopSignals::StopSignals(bool hangup_stops)
    : fd_(block(stop_signals(hangup_stops && !is_ignored(SIGHUP)), before_)) {}

StopSignals::~StopSignals() {
    drain(fd_);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

RequestSignals::RequestSignals(bool with_hangup)
    : fd_(block(request_signals(with_hangup), before_)) {}

RequestSignals::~RequestSignals() {
    drain(fd_);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

RequestSignals::Requests RequestSignals::take() const {
    Requests requests;
    signalfd_siginfo received{};
    while (::read(fd_.get(), &received, sizeof(received)) == sizeof(received)) {
        requests.reload |= received.ssi_signo == SIGHUP;
        requests.statistics |= received.ssi_signo == SIGUSR1;
    }
    return requests;
}

SuspendSignal::SuspendSignal() : fd_(block(set_of({SIGTSTP}), before_)) {}

SuspendSignal::~SuspendSignal() {
    drain(fd_);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

/// Raises SIGTSTP, not SIGSTOP: the kernel ignores it in an orphaned process group, which no shell
/// could continue.
void SuspendSignal::suspend() const {
    drain(fd_);
    const sigset_t suspending = set_of({SIGTSTP});
    ::raise(SIGTSTP);
    ::pthread_sigmask(SIG_UNBLOCK, &suspending, nullptr);
    ::pthread_sigmask(SIG_BLOCK, &suspending, nullptr);
}

}  // namespace flowstamp
