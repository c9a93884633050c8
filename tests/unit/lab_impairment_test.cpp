// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/lab/impairment.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace flowstamp::lab {
namespace {

using namespace std::chrono_literals;

TEST(LabImpairment, GoodLinkDelaysNothing) {
    lab::ImpairedLink link({});
    EXPECT_EQ(link.arrivals(), std::vector{0us});
}

TEST(LabImpairment, JitterIsEitherWayAroundTheDelay) {
    lab::ImpairedLink link({.delay = 20ms, .jitter = 5ms});
    auto least = 1'000'000us, most = 0us;
    for (int i = 0; i < 1000; ++i) {
        const auto times = link.arrivals();
        ASSERT_EQ(times.size(), 1u);
        least = std::min(least, times[0]);
        most = std::max(most, times[0]);
    }
    EXPECT_GE(least, 15ms);
    EXPECT_LT(least, 16ms);
    EXPECT_LE(most, 25ms);
    EXPECT_GT(most, 24ms);
}

TEST(LabImpairment, JitterBeyondTheDelayIsNotBeforeNow) {
    lab::ImpairedLink link({.delay = 1ms, .jitter = 5ms});
    for (int i = 0; i < 100; ++i) {
        EXPECT_GE(link.arrivals().at(0), 0us);
    }
}

TEST(LabImpairment, LosesAndDuplicatesByProbability) {
    lab::ImpairedLink link({.loss = 0.1, .duplication = 0.2, .seed = 3});
    int lost = 0, doubled = 0;
    for (int i = 0; i < 10'000; ++i) {
        const std::size_t copies = link.arrivals().size();
        lost += copies == 0;
        doubled += copies == 2;
    }
    EXPECT_NEAR(lost, 1000, 150);
    EXPECT_NEAR(doubled, 1800, 200);
}

TEST(LabImpairment, SameSeedSameResult) {
    lab::ImpairedLink a({.jitter = 1ms, .loss = 0.5, .seed = 7}),
        b({.jitter = 1ms, .loss = 0.5, .seed = 7});
    lab::ImpairedLink c({.jitter = 1ms, .loss = 0.5, .seed = 8});
    int equal_to_c = 0;
    for (int i = 0; i < 100; ++i) {
        const auto times = a.arrivals();
        EXPECT_EQ(times, b.arrivals());
        equal_to_c += times == c.arrivals();
    }
    EXPECT_LT(equal_to_c, 60);
}

}  // namespace
}  // namespace flowstamp::lab
