// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/flows/flow_ranking.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/support/events.h"

namespace flowstamp {
namespace {

using namespace std::chrono_literals;
using cmd::FlowOrder;
using cmd::FlowRanking;
using ::testing::ElementsAre;
using testing::example_flow;
using ::testing::IsEmpty;
using testing::kClient;
using testing::kServer;

/// The slots, in order.
std::vector<std::uint32_t> slots_of(FlowRanking& ranking) {
    std::vector<std::uint32_t> slots;
    for (const FlowRanking::Place& place : ranking.take()) {
        slots.push_back(place.slot);
    }
    return slots;
}

TEST(FlowRanking, KeepsTheGreatest) {
    FlowRanking ranking(3);
    for (const std::uint32_t value : {5U, 1U, 9U, 7U, 2U, 8U}) {
        ranking.add({.value = value, .slot = value});
    }
    EXPECT_EQ(ranking.count(), 6U);
    EXPECT_THAT(slots_of(ranking), ElementsAre(9, 8, 7));
    EXPECT_THAT(slots_of(ranking), IsEmpty());
}

TEST(FlowRanking, EqualOnesStandInTheTablesOrder) {
    for (const std::size_t most : {0U, 3U}) {
        FlowRanking ranking(most);
        for (const std::uint32_t slot : {4U, 2U, 3U}) {
            ranking.add({.table = 1, .slot = slot});
        }
        ranking.add({.table = 0, .slot = 9});
        const auto slots = slots_of(ranking);
        EXPECT_EQ(slots.size(), most == 0 ? 4U : 3U);
        EXPECT_EQ(slots[0], 9U);
        EXPECT_EQ(slots[1], 2U);
        EXPECT_EQ(slots[2], 3U);
    }
}

TEST(FlowRanking, EqualsASort) {
    std::mt19937 random(1);
    FlowRanking some(20), all(0);
    for (std::uint32_t slot = 0; slot < 1000; slot++) {
        const FlowRanking::Place place{.value = random() % 100, .slot = slot};
        some.add(place);
        all.add(place);
    }
    auto expected = slots_of(all);
    EXPECT_EQ(expected.size(), 1000U);
    expected.resize(20);
    EXPECT_EQ(slots_of(some), expected);
}

TEST(FlowRanking, ValuesAreThoseOfBothDirections) {
    fst_flow flow = example_flow();
    flow.direction[kClient].packets = 3;
    flow.direction[kServer].packets = 4'000'000'000;
    flow.direction[kClient].bytes = 100;
    flow.direction[kServer].bytes = 7;
    flow.direction[kClient].min_rtt_us = 2;
    flow.direction[kServer].min_rtt_us = 70;
    flow.direction[kClient].last_ns = 5'000'000'000;
    flow.direction[kServer].last_ns = 6'000'000'000;
    EXPECT_EQ(cmd::value_of(flow, FlowOrder::packets, 9s), 4'000'000'003U);
    EXPECT_EQ(cmd::value_of(flow, FlowOrder::bytes, 9s), 107U);
    EXPECT_EQ(cmd::value_of(flow, FlowOrder::rtt, 9s), 72U);
    EXPECT_EQ(cmd::value_of(flow, FlowOrder::age, 9s), 3'000'000'000U);
    EXPECT_EQ(cmd::value_of(flow, FlowOrder::age, 5s), 0U) << "a packet came meanwhile";
    EXPECT_EQ(cmd::value_of(flow, FlowOrder::resets, 9s), 0U);
}

TEST(FlowRanking, CountsResetsByStampsAndState) {
    fst_flow flow = example_flow();
    const auto resets = [&] { return cmd::value_of(flow, FlowOrder::resets, 9s); };
    for (unsigned i = 0; i < 3; i++) {
        flow.direction[kServer].ring[i] = {
            .time_us = 0, .ip_id = 0, .ttl = 60, .tcp_flags = FST_TCP_RST};
    }
    EXPECT_EQ(resets(), 0U) << "the state knows none: remains of another flow in the slot";
    flow.state |= FST_OF(FST_FLOW_FORGED, kServer);
    EXPECT_EQ(resets(), 3U);
    flow.state |= FST_OF(FST_FLOW_RST, kClient);
    EXPECT_EQ(resets(), 4U) << "its stamp is gone";
}

}  // namespace
}  // namespace flowstamp
