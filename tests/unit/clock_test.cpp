// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/base/clock.h"

#include <gtest/gtest.h>

#include <ctime>

namespace flowstamp {
namespace {

using namespace std::chrono_literals;

TEST(SystemClock, ReadsBothSystemClocks) {
    const SystemClock clock;
    const Nanoseconds first = clock.monotonic();
    EXPECT_GT(first, 0ns);
    EXPECT_GE(clock.monotonic(), first);
    const auto wall = std::chrono::duration_cast<std::chrono::seconds>(clock.realtime());
    EXPECT_NEAR(static_cast<double>(wall.count()), static_cast<double>(std::time(nullptr)), 2);
}

TEST(TestClock, MovesOnlyWhenAdvanced) {
    TestClock clock(5s, 100s);
    EXPECT_EQ(clock.monotonic(), 5s);
    clock.advance(1500ms);
    EXPECT_EQ(clock.monotonic(), 6500ms);
    EXPECT_EQ(clock.realtime(), 101'500ms);
}

TEST(WallTime, MapsAStampAndKeepsItsMapping) {
    TestClock clock(5s, 100s);
    const WallTime wall(clock);
    EXPECT_EQ(wall.at(5s), 100s);
    EXPECT_EQ(wall.at(4s), 99s);
    clock = TestClock(6s, 500s);  // the system clock was set
    EXPECT_EQ(wall.at(6s), 101s);
}

}  // namespace
}  // namespace flowstamp
