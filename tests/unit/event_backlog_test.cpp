// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/watch/event_backlog.h"

#include <gtest/gtest.h>

namespace flowstamp {
namespace {

using namespace std::chrono_literals;

fst_event event_at(Nanoseconds time) {
    fst_event event{};
    event.packet.time_ns = static_cast<__u64>(time.count());
    return event;
}

TEST(EventBacklog, IsTheAgeOfTheOldestEventAndTheFullestRing) {
    cmd::EventBacklog backlog;
    EXPECT_EQ(backlog.at(100s).lag, 0s);
    backlog.begin(100s);
    backlog.read(event_at(98s));
    backlog.read(event_at(99s));  // came later
    backlog.end(4096);
    backlog.begin(101s);
    backlog.read(event_at(101s + 1us));  // while the clock was read
    backlog.end(168);
    EXPECT_EQ(backlog.at(101s).lag, 2s);
    EXPECT_EQ(backlog.at(101s).used_bytes, 4096U);
    EXPECT_EQ(backlog.at(200s).lag, 0s);
}

}  // namespace
}  // namespace flowstamp
