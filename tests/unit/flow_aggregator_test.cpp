// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/aggregator.h"

#include <gtest/gtest.h>

#include "tests/support/events.h"
#include "user/net/identity.h"

namespace flowstamp {
namespace {

using namespace std::chrono_literals;
using flowstamp::testing::example_flow;
using flowstamp::testing::FlowScript;
using flowstamp::testing::key_of;
using flowstamp::testing::RstDetails;

std::uint64_t packet_id(analysis::Aggregator& aggregator, analysis::Observation observation) {
    aggregator.record(observation);
    return observation.packet_id;
}

/// The example's flow as seen on the inner side of a masquerading router.
FlowScript inside(const std::string& client = "10.0.0.5") {
    fst_flow flow = example_flow();
    flow.key = key_of(client, 51234, "198.51.100.7", 443, 4);
    flow.generation = 9;
    return FlowScript(flow, 11, "eth1");
}

TEST(SamePacket, IsRecognizedAtTheOutgoingInterface) {
    analysis::Aggregator aggregator(100);
    fst_flow forwarded = example_flow();
    forwarded.key.ifindex = 4;
    FlowScript in;
    FlowScript out(forwarded, 11, "eth1");
    const auto first = packet_id(aggregator, in.at(0ms).rst({.ttl = 52, .ip_id = 5}));
    const auto again = packet_id(aggregator, out.at(1ms).rst({.ttl = 51, .ip_id = 5}));
    EXPECT_EQ(first, 1U);
    EXPECT_EQ(again, first);
}

TEST(SamePacket, IsRecognizedBehindMasquerading) {
    analysis::Aggregator aggregator(100);
    FlowScript in;
    FlowScript out = inside();
    EXPECT_EQ(packet_id(aggregator, in.at(0ms).rst({})),
              packet_id(aggregator, out.at(1ms).rst({})));
}

TEST(SamePacket, IsRecognizedWhenBothEndsAreTranslatedIfTheHandshakeWasSeen) {
    fst_flow hairpin = example_flow();
    hairpin.key = key_of("10.0.0.1", 51234, "10.0.0.9", 8443, 4);
    FlowScript in;
    FlowScript out(hairpin, 11, "eth1");
    analysis::Aggregator aggregator(100);
    EXPECT_EQ(packet_id(aggregator, in.at(0ms).rst({})),
              packet_id(aggregator, out.at(1ms).rst({})));
    hairpin.isn[0]++;
    FlowScript other(hairpin, 12, "eth2");
    other.flow().key.ifindex = 5;
    EXPECT_NE(packet_id(aggregator, in.at(2ms).rst({})),
              packet_id(aggregator, other.at(3ms).rst({})));
}

TEST(SamePacket, WhatWasChallengedGoesNoFarther) {
    FlowScript in;
    FlowScript out = inside();
    analysis::Aggregator aggregator(100);
    const auto first = packet_id(aggregator, in.at(0ms).rst({.action = FST_ACTION_CHALLENGED}));
    EXPECT_NE(packet_id(aggregator, out.at(1ms).rst({})), first);
}

TEST(SamePacket, TwoEqualOnesOnOneInterfaceAreTwo) {
    analysis::Aggregator aggregator(100);
    FlowScript in;
    FlowScript out = inside();
    const auto one = packet_id(aggregator, in.at(0ms).rst({}));
    const auto two = packet_id(aggregator, in.at(1ms).rst({}));
    EXPECT_NE(one, two);
    EXPECT_EQ(packet_id(aggregator, out.at(2ms).rst({})), one);
    EXPECT_EQ(packet_id(aggregator, out.at(3ms).rst({})), two);
}

TEST(SamePacket, ADifferenceThatNoRouterMakesIsAnotherPacket) {
    analysis::Aggregator aggregator(100);
    FlowScript in;
    const RstDetails details{.ip_id = 7};
    const auto first = packet_id(aggregator, in.at(0ms).rst(details));
    RstDetails other_id = details;
    other_id.ip_id = 8;
    RstDetails other_window = details;
    other_window.window = 1;
    RstDetails other_seq = details;
    other_seq.seq += 1;
    for (const RstDetails& changed : {other_id, other_window, other_seq}) {
        FlowScript out = inside();
        EXPECT_NE(packet_id(aggregator, out.at(1ms).rst(changed)), first);
    }
}

TEST(SamePacket, IsForgottenAfterAWhile) {
    analysis::Aggregator aggregator(100);
    FlowScript in;
    FlowScript out = inside();
    const auto first = packet_id(aggregator, in.at(0ms).rst({}));
    EXPECT_NE(packet_id(aggregator, out.at(51ms).rst({})), first);
}

TEST(SamePacket, SeenTwiceOnTheLoopbackIsOne) {
    analysis::Aggregator aggregator(100);
    FlowScript lo;
    const auto first = packet_id(aggregator, lo.at(0ms).rst({}));
    const auto again = packet_id(
        aggregator, lo.rst({.context = FST_CONTEXT_DUPLICATE_FRAME | FST_CONTEXT_IN_WINDOW}));
    EXPECT_EQ(again, first);
}

TEST(Aggregator, LearnsTheIsnIdFromTheHandshake) {
    analysis::Aggregator aggregator(100);
    FlowScript script;
    analysis::Observation syn = script.at(0ms).syn(2000);
    analysis::Observation syn_ack = script.at(1ms).syn_ack(4000, 2001);
    analysis::Observation later = script.at(2ms).later({});
    for (analysis::Observation* observation : {&syn, &syn_ack, &later}) {
        aggregator.record(*observation);
    }
    EXPECT_FALSE(syn.isn_id);
    EXPECT_EQ(syn_ack.isn_id, net::isn_id(2000, 4000));
    EXPECT_EQ(later.isn_id, syn_ack.isn_id);
    EXPECT_EQ(aggregator.started(analysis::view_of(syn.event)), syn.wall);
}

TEST(Aggregator, IgnoresASynAckToAnotherSyn) {
    analysis::Aggregator aggregator(100);
    FlowScript script;
    analysis::Observation syn = script.at(0ms).syn(2000);
    analysis::Observation syn_ack = script.at(1ms).syn_ack(4000, 3001);
    aggregator.record(syn);
    aggregator.record(syn_ack);
    EXPECT_FALSE(syn_ack.isn_id);
}

TEST(Aggregator, EvictsTheOldestBeyondItsLimit) {
    analysis::Aggregator aggregator(2);
    std::vector<analysis::ViewKey> views;
    for (std::uint32_t slot = 0; slot < 3; slot++) {
        FlowScript script(example_flow(), slot, "eth0");
        analysis::Observation syn = script.syn();
        views.push_back(analysis::view_of(syn.event));
        aggregator.record(syn);
    }
    EXPECT_EQ(aggregator.views(), 2U);
    EXPECT_FALSE(aggregator.started(views[0]));
    EXPECT_TRUE(aggregator.started(views[1]));
    EXPECT_TRUE(aggregator.started(views[2]));
}

}  // namespace
}  // namespace flowstamp
