// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/flow_ends.h"

#include <gtest/gtest.h>

#include "tests/support/events.h"
#include "user/cmd/watch/loss_notices.h"

namespace flowstamp {
namespace {

using namespace std::chrono_literals;
using flowstamp::testing::example_flow;

class FlowEndsTest : public ::testing::Test {
  protected:
    std::optional<analysis::FlowEnd> inspect_after(Nanoseconds silence) {
        return ends.inspect(7, flow, analysis::FlowEnds::last_packet(flow) + silence);
    }
    analysis::FlowEnds ends{16};
    fst_flow flow = example_flow();
};

TEST_F(FlowEndsTest, AnOpenFlowTimesOutAfterTenMinutes) {
    EXPECT_FALSE(inspect_after(599s));
    EXPECT_EQ(inspect_after(600s), analysis::FlowEnd::idle);
}

TEST_F(FlowEndsTest, AHalfOpenFlowTimesOutAfterAMinute) {
    flow.state = FST_OF(FST_FLOW_SYN, 0);
    EXPECT_FALSE(inspect_after(59s));
    EXPECT_EQ(inspect_after(60s), analysis::FlowEnd::idle);
}

TEST_F(FlowEndsTest, AClosedFlowEndsAfterFiveSeconds) {
    flow.state |= FST_OF(FST_FLOW_FIN, 0);
    EXPECT_FALSE(inspect_after(10s)) << "half closed is open";
    flow.state |= FST_OF(FST_FLOW_FIN, 1);
    EXPECT_FALSE(inspect_after(4s));
    EXPECT_EQ(inspect_after(5s), analysis::FlowEnd::closed);
}

TEST_F(FlowEndsTest, AResetFlowEndsAsReset) {
    flow.state |= FST_OF(FST_FLOW_FIN, 0) | FST_OF(FST_FLOW_FIN, 1) | FST_OF(FST_FLOW_RST, 1);
    EXPECT_EQ(inspect_after(5s), analysis::FlowEnd::reset);
}

TEST_F(FlowEndsTest, EachEndIsReportedOnce) {
    flow.state |= FST_OF(FST_FLOW_RST, 1);
    EXPECT_TRUE(inspect_after(5s));
    EXPECT_FALSE(inspect_after(6s));
    EXPECT_FALSE(ends.lost_slot(7, flow, false));
    EXPECT_FALSE(ends.at_the_end(7, flow));
    flow.generation++;  // another flow in the slot
    EXPECT_TRUE(inspect_after(5s));
}

TEST_F(FlowEndsTest, AFlowThatContinuesAfterItsTimeoutIsReportedAgain) {
    EXPECT_TRUE(inspect_after(600s));
    flow.direction[0].last_ns += 700'000'000'000;
    EXPECT_EQ(ends.at_the_end(7, flow), analysis::FlowEnd::open);
}

TEST_F(FlowEndsTest, ALostSlotReportsWhy) {
    EXPECT_EQ(ends.lost_slot(1, flow, true), analysis::FlowEnd::evicted);
    EXPECT_EQ(ends.lost_slot(2, flow, false), analysis::FlowEnd::replaced);
    flow.state |= FST_OF(FST_FLOW_RST, 0);
    EXPECT_EQ(ends.lost_slot(3, flow, false), analysis::FlowEnd::reset);
}

TEST_F(FlowEndsTest, ASlotBeyondTheTableIsIgnored) {
    EXPECT_FALSE(ends.at_the_end(16, flow));
}

TEST(LossNotices, ReportEachLossOnceWithItsRemedy) {
    cmd::LossNotices losses;
    analysis::Stats stats;
    EXPECT_TRUE(losses.since_last(stats).empty());
    stats.counters[FST_COUNT_EVENT_LOST] = 5;
    ASSERT_EQ(losses.since_last(stats).size(), 1U);
    EXPECT_TRUE(losses.since_last(stats).empty());
    stats.counters[FST_COUNT_EVENT_LOST] = 8;
    stats.counters[FST_COUNT_EVICT_LIVE] = 1;
    stats.records_unread = 1;
    const auto lines = losses.since_last(stats);
    ASSERT_EQ(lines.size(), 3U);
    EXPECT_TRUE(lines[0].starts_with("3 events were lost")) << lines[0];
    EXPECT_NE(lines[1].find("--max-flows"), std::string::npos);
    stats.counters[FST_COUNT_OPENING_UNSAMPLED] = 150;
    const auto unsampled = losses.since_last(stats);
    ASSERT_EQ(unsampled.size(), 1U);
    EXPECT_TRUE(unsampled[0].starts_with("150 events of how flows opened")) << unsampled[0];
    EXPECT_NE(unsampled[0].find("one flow in 16"), std::string::npos);
}

}  // namespace
}  // namespace flowstamp
