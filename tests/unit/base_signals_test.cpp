// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/base/signals.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace flowstamp {
namespace {

/// In its own process group, like a shell's job: the kernel does not stop an orphaned group.
[[noreturn]] void suspend_self() {
    ::setpgid(0, 0);
    const SuspendSignal signal;
    ::raise(SIGTSTP);
    pollfd readable{.fd = signal.descriptor(), .events = POLLIN, .revents = 0};
    if (::poll(&readable, 1, 0) != 1) {
        ::_exit(1);
    }
    signal.suspend();
    ::_exit(::poll(&readable, 1, 0) == 0 ? 0 : 2);
}

TEST(SuspendSignal, IsReportedFirstAndStopsTheProcessOnRequest) {
    const pid_t child = ::fork();
    if (child == 0) {
        suspend_self();
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, WUNTRACED), child);
    ASSERT_TRUE(WIFSTOPPED(status)) << "ended with " << WEXITSTATUS(status);
    ::kill(child, SIGCONT);
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(WEXITSTATUS(status), 0) << "the handled signal must no longer be pending";
}

/// Whether a hangup of the terminal is reported as a reason to stop.
bool hangup_stops(void (*disposition)(int)) {
    const pid_t child = ::fork();
    if (child == 0) {
        std::signal(SIGHUP, disposition);
        const StopSignals signals;
        ::raise(SIGHUP);
        pollfd readable{.fd = signals.descriptor(), .events = POLLIN, .revents = 0};
        ::_exit(::poll(&readable, 1, 0));
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WEXITSTATUS(status) == 1;
}

TEST(StopSignals, ReportAHangupUnlessItWasIgnoredBefore) {
    EXPECT_TRUE(hangup_stops(SIG_DFL));
    EXPECT_FALSE(hangup_stops(SIG_IGN)) << "nohup";
}

}  // namespace
}  // namespace flowstamp
