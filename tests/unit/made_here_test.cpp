// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/reset/made_here.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/events.h"
#include "tests/unit/router_fixture.h"
#include "user/output/text/statement_text.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::StartsWith;

struct Case {
    const char* name;
    bool v6, translates;
};

class MadeHere : public WatchedRouterTest, public ::testing::WithParamInterface<Case> {
  protected:
    RoutedTalk talk = with(GetParam().v6, GetParam().translates);
};

TEST_P(MadeHere, WhatLeftAndNeverCameInIsProven) {
    handshake(talk);
    exchange(talk);
    leave(talk, reset(talk), 0);
    ASSERT_TRUE(says_made_here());
    ASSERT_EQ(bench.findings_text(), "forged-rst confirmed");
    EXPECT_THAT(output::summary_text(bench.findings()[0]),
                StartsWith("This host made this reset in the name of "));
    EXPECT_FALSE(bench.findings()[0].middlebox) << "no other box is blamed";
    EXPECT_TRUE(bench.policy().learned.empty());
}

TEST_P(MadeHere, InEitherEndsName) {
    handshake(talk);
    exchange(talk);
    leave(talk, client_reset(talk), 0);
    EXPECT_TRUE(says_made_here());
}

TEST_P(MadeHere, WhatCameInByAWatchedInterfaceIsNot) {
    handshake(talk);
    exchange(talk);
    forward(talk, reset(talk, 57));
    EXPECT_FALSE(says_made_here());
    EXPECT_EQ(bench.findings_text(), "");
}

/// A program that takes frames in and sends them out by itself: the kernel knows of no way in.
TEST_P(MadeHere, WhatAProgramForwardsCameInAllTheSame) {
    handshake(talk);
    exchange(talk);
    come_in(talk, reset(talk, 57));
    bench.rig().advance_us(20);
    leave(talk, reset(talk, 57), 0);
    EXPECT_FALSE(says_made_here());
}

/// ... and changes them.
TEST_P(MadeHere, NorIfAnotherResetOfThatSenderHasJustComeIn) {
    handshake(talk);
    exchange(talk);
    come_in(talk, reset(talk, 57));
    bench.rig().advance_us(20);
    Segment changed = reset(talk, 57);
    changed.window = 17;
    leave(talk, changed, 0);
    EXPECT_FALSE(says_made_here());
}

TEST_P(MadeHere, WhatCameInByAnInterfaceThatIsNotWatchedIsNot) {
    handshake(talk);
    exchange(talk);
    leave(talk, reset(talk, 57), 9);
    EXPECT_FALSE(says_made_here());
}

/// The addresses are kept, but the connections are two: a proxy here is the client's peer.
TEST_P(MadeHere, AProxysOwnConnectionIsItsOwn) {
    RoutedTalk outer = talk;
    outer.server_isn = outer.server_next = 0x33333333;
    for (int i = 0; i < 4; i++) {
        const bool opens = i == 0;
        const TcpFlags client_flags = opens ? Syn : Ack, server_flags = opens ? Syn | Ack : Ack;
        for (RoutedTalk* side : {&talk, &outer}) {
            const bool inner = side == &talk;
            const Segment asks{.from = Side::client,
                               .flags = client_flags,
                               .seq = side->client_next,
                               .ack = opens ? 0 : side->server_next};
            inner ? come_in(*side, asks) : leave(*side, asks, 0);
            side->client_next += opens ? 1 : 0;
            const Segment answers{
                .flags = server_flags, .seq = side->server_next, .ack = side->client_next};
            inner ? leave(*side, answers, 0) : come_in(*side, answers);
            side->server_next += opens ? 1 : 0;
            bench.rig().advance_ms(10);
        }
    }
    leave(talk, reset(talk), 0);
    ASSERT_FALSE(bench.resets().empty());
    EXPECT_FALSE(says_made_here());
}

/// Its sender is this host itself.
TEST_P(MadeHere, AHostsOwnConnectionIsItsOwn) {
    for (const TcpFlags flags : {Syn, Ack, Ack}) {
        come_in(talk, {.from = Side::client,
                       .flags = flags,
                       .seq = talk.client_next,
                       .ack = flags == Syn ? 0 : talk.server_next});
        talk.client_next += flags == Syn ? 1 : 0;
        leave(talk,
              {.flags = flags == Syn ? Syn | Ack : Ack,
               .seq = talk.server_next,
               .ack = talk.client_next},
              0);
        talk.server_next += flags == Syn ? 1 : 0;
        bench.rig().advance_ms(10);
    }
    leave(talk, reset(talk), 0);
    ASSERT_FALSE(bench.resets().empty());
    EXPECT_FALSE(says_made_here());
}

INSTANTIATE_TEST_SUITE_P(Routers, MadeHere,
                         ::testing::Values(Case{"V4", false, false}, Case{"V6", true, false},
                                           Case{"Nat", false, true}),
                         [](const auto& info) { return info.param.name; });

class MadeHereMidway : public WatchedRouterTest {};

/// Without the handshake the ends show that both sides are one flow; behind a NAT nothing does.
TEST_F(MadeHereMidway, OnlyWithoutNat) {
    for (const bool translates : {false, true}) {
        RoutedTalk talk = with(false, translates);
        talk.port = translates ? 40001 : 40000;
        exchange(talk);
        leave(talk, reset(talk), 0);
        ASSERT_FALSE(bench.resets().empty());
        EXPECT_EQ(says_made_here(), !translates);
    }
}

/// As eth1 and eth2 show the example's flow on a router.
TEST(FlowViewsOfOne, NeedTheSamePlaceInTheStream) {
    fst_flow here = example_flow(), there = example_flow();
    there.key.ifindex++;
    EXPECT_EQ(analysis::same_sender(here, kServer, there), kServer);
    there.key.tunnelled = 1;
    EXPECT_EQ(analysis::same_sender(here, kServer, there), std::nullopt);
    there.key.tunnelled = 0;
    there.isn[kServer]++;
    EXPECT_EQ(analysis::same_sender(here, kServer, there), std::nullopt) << "two connections";
    here.state |= FST_FLOW_MIDWAY;
    EXPECT_EQ(analysis::same_sender(here, kServer, there), kServer) << "not known, and near";
    there.direction[kServer].seq_edge += 1U << 30;
    EXPECT_EQ(analysis::same_sender(here, kServer, there), std::nullopt);
}

TEST(FlowViewsOfOne, AreFoundByTheirNumbersAcrossNat) {
    fst_flow here = example_flow(), there = example_flow();
    there.key = key_of("203.0.113.9", 1024, "10.0.0.7", 8443, 4);
    EXPECT_EQ(analysis::same_sender(here, kServer, there), kServer);
    std::swap(there.isn[0], there.isn[1]);
    std::swap(there.direction[0], there.direction[1]);
    EXPECT_EQ(analysis::same_sender(here, kServer, there), kClient) << "the ends' order differs";
    there.state |= FST_FLOW_MIDWAY;
    EXPECT_EQ(analysis::same_sender(here, kServer, there), std::nullopt);
}

}  // namespace
}  // namespace flowstamp::testing
