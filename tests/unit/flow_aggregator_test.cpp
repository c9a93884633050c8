// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/aggregator.h"

#include <gtest/gtest.h>

#include "tests/support/events.h"
#include "user/net/identity.h"
#include "user/net/stamps.h"

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

TEST(Aggregator, TheNextFlowInASlotIsAnother) {
    analysis::Aggregator aggregator(100);
    FlowScript script;
    analysis::Observation syn = script.at(0ms).syn(2000);
    analysis::Observation next = script.at(5ms).syn(7000);
    next.event.generation = syn.event.generation + 1;
    aggregator.record(syn);
    aggregator.record(next);
    EXPECT_FALSE(aggregator.started(analysis::view_of(syn.event)));
    EXPECT_EQ(aggregator.started(analysis::view_of(next.event)), next.wall);
    aggregator.record(syn);  // another CPU's, late
    EXPECT_EQ(aggregator.started(analysis::view_of(next.event)), next.wall);
}

TEST(Aggregator, ASlotBeyondTheTableIsIgnored) {
    analysis::Aggregator aggregator(2);
    FlowScript script(example_flow(), 3, "eth0");
    analysis::Observation syn = script.syn();
    aggregator.record(syn);
    EXPECT_FALSE(aggregator.started(analysis::view_of(syn.event)));
}

/// A flow in the table whose SYN came at `syn_ns`, an answer a millisecond later.
fst_flow opened_at(std::uint64_t syn_ns) {
    fst_flow flow = example_flow();
    const unsigned opener = 0;
    flow.state = FST_OF(FST_FLOW_SYN, opener) | FST_OF(FST_FLOW_SYN_ACK, opener ^ 1U);
    fst_direction& own = flow.direction[opener];
    own = {};
    own.packets = 2;
    own.last_ns = syn_ns + 2'000'000;
    own.ring[0] = {.time_us = static_cast<__u32>(syn_ns / 1000),
                   .ip_id = 1,
                   .ttl = 64,
                   .tcp_flags = FST_TCP_SYN};
    own.ring[1] = {.time_us = static_cast<__u32>(own.last_ns / 1000),
                   .ip_id = 2,
                   .ttl = 64,
                   .tcp_flags = FST_TCP_ACK};
    own.ring_next = 2;
    return flow;
}

TEST(Aggregator, LearnsFromTheTableWhatALostEventWouldHaveTold) {
    constexpr std::uint64_t kSyn = 5'000'000'000;
    constexpr Nanoseconds kOffset = 1000s;
    analysis::Aggregator aggregator(100);
    fst_flow flow = opened_at(kSyn);
    aggregator.learn(11, flow, kOffset);
    const analysis::ViewKey view{11, flow.generation, flow.key.ifindex};
    EXPECT_EQ(aggregator.started(view), Nanoseconds(kSyn) + kOffset);

    FlowScript script(flow, 11, "eth0");
    analysis::Observation later = script.at(10ms).later({});
    aggregator.record(later);
    EXPECT_EQ(later.isn_id, net::isn_id(flow));

    flow.direction[0].packets = 100;  // the SYN's stamp is overwritten by now: it was learned
    analysis::FlowRecord record{.slot = flow, .slot_index = 11, .end = analysis::FlowEnd::closed};
    aggregator.complete(record);
    EXPECT_EQ(record.start, Nanoseconds(kSyn) + kOffset);
}

TEST(Aggregator, WhereNothingWasHeardTheRecordsOwnSlotTells) {
    constexpr std::uint64_t kSyn = 5'000'000'000;
    const analysis::Aggregator aggregator(100);
    const fst_flow flow = opened_at(kSyn);
    analysis::FlowRecord record{.slot = flow, .slot_index = 11, .end = analysis::FlowEnd::open};
    record.last = Nanoseconds(static_cast<std::int64_t>(net::last_packet_ns(flow))) + 1000s;
    aggregator.complete(record);
    EXPECT_EQ(record.start, Nanoseconds(kSyn) + 1000s);
}

}  // namespace
}  // namespace flowstamp
