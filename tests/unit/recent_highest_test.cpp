// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/base/recent_highest.h"

#include <gtest/gtest.h>

namespace flowstamp {
namespace {

using namespace std::chrono_literals;

TEST(RecentHighest, IsKeptForHalfAMinuteAtTheLeastAndAMinuteAtTheMost) {
    RecentHighest<int> highest;
    EXPECT_EQ(highest.at(1000s), 0);
    highest.add(1000s, 3);
    highest.add(1001s, 9);
    highest.add(1002s, 5);
    EXPECT_EQ(highest.at(1029s), 9);
    EXPECT_EQ(highest.at(1031s), 9);
    highest.add(1035s, 4);
    EXPECT_EQ(highest.at(1059s), 9);
    EXPECT_EQ(highest.at(1061s), 4);
}

TEST(RecentHighest, NothingIsLeftAfterALongPause) {
    RecentHighest<int> highest;
    highest.add(1000s, 9);
    EXPECT_EQ(highest.at(1100s), 0);
}

}  // namespace
}  // namespace flowstamp
