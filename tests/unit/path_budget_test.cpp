// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/live/budget.h"

#include <gtest/gtest.h>

namespace flowstamp {
namespace {

using namespace std::chrono_literals;

TEST(PathBudget, IsForEachSecond) {
    pathtrace::Budget budget(2);
    EXPECT_TRUE(budget.take(10s));
    EXPECT_TRUE(budget.take(10s));
    EXPECT_FALSE(budget.take(10s + 999ms));
    EXPECT_TRUE(budget.take(11s));
    EXPECT_TRUE(budget.take(11s + 500ms));
    EXPECT_FALSE(budget.take(11s + 999ms));
}

}  // namespace
}  // namespace flowstamp
