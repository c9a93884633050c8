// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/compare/clock_fit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/recorded_path.h"

namespace flowstamp::testing {
namespace {

using analysis::compare::ClockFit;
using analysis::compare::ClockFitter;

constexpr double kMillisecond = 1e6;

TEST(CompareClock, IsEnclosedByBothDirections) {
    ClockFitter fitter(0, 1'000'000'000);
    fitter.add(100'000'000, 5'020'000'000, true);   // 5 s ahead, and 20 ms on the way
    fitter.add(200'000'000, 4'980'000'000, false);  // and back
    const auto fit = fitter.fit();
    ASSERT_TRUE(fit);
    EXPECT_NEAR(fit->offset_ns, 5e9, 1);
    EXPECT_NEAR(fit->uncertainty_ns, 20 * kMillisecond, 1);
    EXPECT_EQ(fit->to_b(0), 5'000'000'000);
    EXPECT_EQ(fit->to_a(5'000'000'000), 0);
}

TEST(CompareClock, OfOneDirectionIsNotKnown) {
    ClockFitter fitter(0, 1'000'000'000);
    fitter.add(100'000'000, 5'020'000'000, true);
    EXPECT_FALSE(fitter.fit());
}

TEST(CompareClock, DriftIsFound) {
    constexpr double kDrift = 50e-6;
    constexpr std::int64_t kEnd = 100'000'000'000;
    ClockFitter fitter(0, kEnd);
    for (std::int64_t time = 0; time < kEnd; time += 10'000'000) {
        const auto drifted = static_cast<std::int64_t>(static_cast<double>(time) * kDrift);
        const std::int64_t queue = time % 70'000'000 / 10;  // up to 7 ms more
        fitter.add(time, 5'000'000'000 + drifted + 2'000'000 + queue, true);
        fitter.add(time, 5'000'000'000 + drifted - 2'000'000 - queue, false);
    }
    const auto fit = fitter.fit();
    ASSERT_TRUE(fit);
    EXPECT_NEAR(fit->drift, kDrift, 2e-6);
    EXPECT_NEAR(fit->offset_ns, 5e9, 1 * kMillisecond);
    EXPECT_LT(fit->uncertainty_ns, 4 * kMillisecond);
}

/// While one direction is dropped, the other one's packets bound the clock of their own time.
TEST(CompareClock, AGapInOneDirectionDoesNotBendADrift) {
    constexpr double kDrift = 80e-6;
    constexpr std::int64_t kEnd = 2'200'000'000;
    ClockFitter fitter(0, kEnd);
    for (std::int64_t time = 0; time < kEnd; time += 1'000'000) {
        const auto drifted = static_cast<std::int64_t>(static_cast<double>(time) * kDrift);
        fitter.add(time, drifted + 25'000, true);
        if (time < 200'000'000 || time > 2'000'000'000) {
            fitter.add(time, drifted - 25'000, false);
        }
    }
    const auto fit = fitter.fit();
    ASSERT_TRUE(fit);
    for (const std::int64_t time : {std::int64_t{0}, kEnd / 2, kEnd}) {
        const double truth = static_cast<double>(time) * kDrift;
        EXPECT_LE(std::abs(static_cast<double>(fit->to_b(time) - time) - truth),
                  fit->uncertainty_ns + 1)
            << time;
    }
    EXPECT_LT(fit->uncertainty_ns, 60'000);
}

TEST(CompareClock, AClockThatWasSetIsUncertain) {
    ClockFitter fitter(0, 1'000'000'000);
    for (std::int64_t time = 0; time < 1'000'000'000; time += 1'000'000) {
        const std::int64_t set = time < 500'000'000 ? 0 : 300'000'000;
        fitter.add(time, set + 1'000'000, true);
        fitter.add(time, set - 1'000'000, false);
    }
    const auto fit = fitter.fit();
    ASSERT_TRUE(fit);
    for (const std::int64_t time : {0LL, 999'000'000LL}) {
        const double truth = time < 500'000'000 ? 0.0 : 3e8;
        const auto shown = static_cast<double>(fit->to_b(time) - time);
        EXPECT_LE(std::abs(shown - truth), fit->uncertainty_ns) << time;
    }
}

/// Where no router lowers the TTL, the time tells which way packets go.
TEST(CompareClock, TheWayIsKnownWithoutRouters) {
    RecordedPath path;
    path.b_ahead = -3s;
    const PacketFate bridge{.routers = 0};
    path.open();
    for (int i = 0; i < 60; i++) {
        path.from_client({.seq = path.client_next, .ack = path.server_next}, 100, bridge);
        path.client_next += 100;
        path.now += 6ms;
        path.from_server({.seq = path.server_next, .ack = path.client_next}, 0, bridge);
    }
    const auto compared = path.compared();
    ASSERT_TRUE(compared.comparison.clock);
    EXPECT_NEAR(compared.comparison.clock->offset_ns, -3e9, 1 * kMillisecond);
    ASSERT_TRUE(compared.comparison.ways[0].delay);
    EXPECT_NEAR(static_cast<double>(compared.comparison.ways[0].delay->median.count()),
                5 * kMillisecond, kMillisecond);
}

TEST(CompareClock, ReorderingIsCounted) {
    RecordedPath path;
    path.open();
    for (int i = 0; i < 10; i++) {
        const auto delay = i == 4 ? 9ms : 5ms;
        path.from_client({.seq = path.client_next, .ack = path.server_next}, 100, {.delay = delay});
        path.client_next += 100;
    }
    path.talk_beside();
    EXPECT_EQ(path.compared().comparison.ways[0].reordered, 3U);
    EXPECT_EQ(path.compared().comparison.ways[1].reordered, 0U);
}

}  // namespace
}  // namespace flowstamp::testing
