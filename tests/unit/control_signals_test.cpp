// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/base/signals.h"

#include <gtest/gtest.h>
#include <poll.h>

namespace flowstamp {
namespace {

bool is_readable(int descriptor) {
    pollfd waiting{.fd = descriptor, .events = POLLIN, .revents = 0};
    return ::poll(&waiting, 1, 0) == 1;
}

TEST(ControlSignals, AHangupIsARequestWhereItIsAskedFor) {
    const StopSignals stop(false);
    const RequestSignals requests(true);
    ::raise(SIGHUP);
    ::raise(SIGUSR1);
    EXPECT_FALSE(is_readable(stop.descriptor()));
    const auto first = requests.take();
    EXPECT_TRUE(first.reload);
    EXPECT_TRUE(first.statistics);
    const auto second = requests.take();
    EXPECT_FALSE(second.reload);
    EXPECT_FALSE(second.statistics);
}

TEST(ControlSignals, ElseAHangupStops) {
    const StopSignals stop;
    const RequestSignals requests(false);
    ::raise(SIGHUP);
    EXPECT_FALSE(requests.take().reload);
    EXPECT_TRUE(is_readable(stop.descriptor()));
}

TEST(ControlSignals, AnIgnoredHangupStaysIgnored) {
    const auto before = ::signal(SIGHUP, SIG_IGN);
    {
        const StopSignals stop;
        ::raise(SIGHUP);
        EXPECT_FALSE(is_readable(stop.descriptor()));
    }
    ::signal(SIGHUP, before);
}

}  // namespace
}  // namespace flowstamp
