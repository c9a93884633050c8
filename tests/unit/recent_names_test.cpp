// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/tracking/recent_names.h"

#include <gtest/gtest.h>

namespace flowstamp {
namespace {

TEST(RecentNames, HoldsTheLatestWithItsValue) {
    analysis::RecentNames<int, 64> names;
    EXPECT_EQ(names.find(1), nullptr);
    for (std::uint32_t name = 1; name <= 9; name++) {
        names.insert(name * 8 + 1, static_cast<int>(name));  // all in one set of eight places
    }
    EXPECT_EQ(names.find(1 * 8 + 1), nullptr) << "overwritten";
    ASSERT_NE(names.find(2 * 8 + 1), nullptr);
    EXPECT_EQ(*names.find(2 * 8 + 1), 2);
}

TEST(RecentNames, WhatComesAgainIsTheLatest) {
    analysis::RecentNames<int, 64> names;
    for (std::uint32_t name = 1; name <= 8; name++) {
        names.insert(name * 8 + 1, 0);
    }
    names.insert(1 * 8 + 1, 7);
    names.insert(9 * 8 + 1, 0);
    ASSERT_NE(names.find(1 * 8 + 1), nullptr);
    EXPECT_EQ(*names.find(1 * 8 + 1), 7);
    EXPECT_EQ(names.find(2 * 8 + 1), nullptr);
}

TEST(RecentNames, ZeroIsANameAsAnyOther) {
    analysis::RecentNames<int, 64> names;
    names.insert(8, 3);
    EXPECT_EQ(names.find(0), nullptr);
    names.insert(0, 4);
    ASSERT_NE(names.find(0), nullptr);
    EXPECT_EQ(*names.find(0), 4);
}

}  // namespace
}  // namespace flowstamp
