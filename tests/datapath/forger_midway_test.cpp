// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// A connection that was open before the watch began: who speaks in an end's name before that end does teaches
// nothing that counts once a socket of this host speaks.
#include <gtest/gtest.h>

#include "flowstamp/acceptance_rules.h"
#include "tests/datapath/forger_fixture.h"

namespace flowstamp::testing {
namespace {

class DatapathForgerMidway : public DatapathForger {
  protected:
    static constexpr std::uint32_t kFar = 0x51234567;

    /// From one who knows nothing but addresses and ports, and is elsewhere than the peer.
    static Segment blind_segment(Conversation& talk, End name, TcpFlags flags,
                                 std::size_t payload = 0) {
        Segment segment = talk.next(name, flags, payload);
        segment.seq += kFar;
        segment.ack += (flags & Ack) != 0 ? kFar : 0;
        segment.ttl = 62;
        segment.timestamps.reset();
        return segment;
    }
    static Segment multipath(Segment segment) {
        segment.timestamps.reset();
        segment.options = {option_of(30)};
        return segment;
    }
    static Setting plain() {  // options have room
        Setting setting;
        setting.peer.timestamps = setting.us.timestamps = false;
        return setting;
    }
    void expect_no_multipath(Conversation& talk) {
        EXPECT_FALSE(talk.state_has(FST_FLOW_MPTCP));
        Segment reset = mimic(talk);
        reset.options = {option_of(30)};
        const fst_judgement judged = inject(talk, reset).judgement();
        EXPECT_EQ(judged.pass_reason, FST_PASS_NOT_SUSPECT);
        EXPECT_EQ(judged.action, FST_ACTION_CHALLENGED);
    }
};
INSTANTIATE_TEST_SUITE_P(Datapath, DatapathForgerMidway, ::testing::ValuesIn(ingress_hooks()),
                         case_name);

TEST_P(DatapathForgerMidway, NothingBlindMakesAMultipathConnection) {
    protect();
    {
        SCOPED_TRACE("an ACK");
        Conversation talk(acting(), hook(), plain());
        inject(talk, multipath(blind_segment(talk, End::peer, Ack)));
        talk.exchange(5);
        expect_no_multipath(talk);
    }
    {
        SCOPED_TRACE("a SYN-ACK");
        Conversation talk(acting(), hook(), plain());
        inject(talk, multipath(blind_segment(talk, End::peer, Syn | Ack)));
        talk.exchange(5);
        expect_no_multipath(talk);
    }
    {
        SCOPED_TRACE("a handshake in both names");
        Conversation talk(acting(), hook(), plain());
        Segment syn = multipath(blind_segment(talk, End::peer, Syn));
        inject(talk, syn);
        Segment syn_ack = multipath(blind_segment(talk, End::us, Syn | Ack));
        syn_ack.ack = syn.seq + 1;
        inject(talk, syn_ack);
        Segment third = multipath(blind_segment(talk, End::peer, Ack));
        third.seq = syn.seq + 1;
        third.ack = syn_ack.seq + 1;
        inject(talk, third);
        talk.exchange(5);
        expect_no_multipath(talk);
    }
}

/// An ACK ahead of the receiver's own, or one end's data: on a router anyone on path can send such.
TEST_P(DatapathForgerMidway, OneEndMakesNoMultipathConnectionOnARouter) {
    if (in_kernel()) {
        return;  // its test run gives each packet a socket
    }
    protect();
    Setting setting = plain();
    setting.forwarded = true;
    Conversation talk(acting(), hook(), setting);
    inject(talk, multipath(blind_segment(talk, End::peer, Syn | Ack)));
    talk.exchange(5);
    talk.pass_ms(5);
    talk.send(End::us, Psh | Ack, 100);
    inject(talk, multipath(talk.next(End::peer, Ack)));
    talk.pass_ms(20);
    talk.send(multipath(talk.next(End::peer, Psh | Ack, 100)));
    talk.send(End::us, Ack);
    talk.exchange(2);
    expect_no_multipath(talk);
}

TEST_P(DatapathForgerMidway, BothEndsDataMakesAMultipathConnection) {
    for (const bool forwarded : {false, true}) {
        if (forwarded && in_kernel()) {
            continue;  // its test run gives each packet a socket
        }
        protect();
        Setting setting = plain();
        setting.forwarded = forwarded;
        Conversation talk(acting(), hook(), setting);
        talk.exchange(1);
        talk.send(multipath(talk.next(End::us, Psh | Ack, 100)));
        talk.pass_ms(20);
        EXPECT_FALSE(talk.state_has(FST_FLOW_MPTCP));
        talk.send(multipath(talk.next(End::peer, Psh | Ack, 100)));
        EXPECT_FALSE(talk.state_has(FST_FLOW_MPTCP));
        talk.send(multipath(talk.next(End::us, Ack)));
        EXPECT_TRUE(talk.state_has(FST_FLOW_MPTCP));
    }
}

TEST_P(DatapathForgerMidway, WhatCameInThePeersNameBeforeOurFirstPacketIsForgotten) {
    protect();
    for (const TcpFlags flags : {Ack, Psh | Ack, Fin | Ack, Syn, Syn | Ack}) {
        SCOPED_TRACE(int(flags));
        Conversation talk(acting(), hook());
        inject(talk, blind_segment(talk, End::peer, flags, (flags & Psh) != 0 ? 20 : 0));
        talk.exchange(5);
        EXPECT_EQ(talk.direction(End::peer).ttl[0], talk.setting().peer.ttl);
        EXPECT_EQ(talk.direction(End::peer).ttl[1], 0);
        EXPECT_EQ(talk.direction(End::peer).seq_edge, talk.edge(End::peer));
        EXPECT_TRUE(talk.state_has(FST_FLOW_ESTABLISHED));
        EXPECT_TRUE(talk.state_has(FST_FLOW_TS));
        EXPECT_FALSE(talk.state_has(FST_FLOW_FIN, End::peer));
        EXPECT_FALSE(talk.state_has(FST_FLOW_SYN, End::peer));
        Segment reset = talk.stateless_reset();
        reset.ttl = 62;
        EXPECT_EQ(inject(talk, reset).judgement().verdict, FST_VERDICT_SUSPECTED);
    }
}

/// A segment in our name, and its ACK at once.
TEST_P(DatapathForgerMidway, NoRoundTripIsMadeUpInBothNames) {
    protect();
    Setting setting;
    setting.rtt_us = 600'000;
    Conversation talk(acting(), hook(), setting);
    const Segment ours = blind_segment(talk, End::us, Psh | Ack, 10);
    inject(talk, ours);
    talk.pass_us(10);
    Segment ack = blind_segment(talk, End::peer, Ack);
    ack.seq = ours.ack;
    ack.ack = ours.seq + 10;
    inject(talk, ack);
    talk.pass_ms(100);
    talk.exchange(4);
    EXPECT_EQ(talk.direction(End::peer).min_rtt_us, 600'000U);
}

/// The ACK that a side's first packet bears is one of bytes that passed before this flow was seen.
TEST_P(DatapathForgerMidway, AFirstAckMakesNoRoundTrip) {
    protect();
    for (const bool peer_is_first : {false, true}) {
        SCOPED_TRACE(peer_is_first);
        Conversation talk(acting(), hook());
        if (!peer_is_first) {
            talk.send(End::us, Ack);
        }
        for (int i = 0; i < 4; i++) {
            talk.pass_us(30);
            talk.send(End::peer, Psh | Ack, 1400);
            talk.pass_us(30);
            talk.send(End::us, Ack);
        }
        EXPECT_EQ(talk.direction(End::peer).min_rtt_us, 0U);
        talk.exchange(1);
        EXPECT_EQ(talk.direction(End::peer).min_rtt_us, 20'000U);
    }
}

/// Nor does it count between our first packet and the peer's: our ACK tells where the peer is.
TEST_P(DatapathForgerMidway, BehindOurFirstPacketOnlyWhatFitsItCounts) {
    protect();
    Conversation talk(acting(), hook());
    talk.send(End::us, Psh | Ack, 100);
    inject(talk, blind_segment(talk, End::peer, Ack));
    inject(talk, blind_segment(talk, End::peer, Psh | Ack, 20));
    EXPECT_EQ(talk.direction(End::peer).ttl[0], 0);
    talk.pass_ms(20);
    talk.send(End::peer, Psh | Ack, 100);
    EXPECT_EQ(talk.direction(End::peer).ttl[0], talk.setting().peer.ttl);
    EXPECT_TRUE(talk.state_has(FST_FLOW_TS));
    talk.exchange(3);
    expect_refused(talk, crude(talk));
}

/// What our own ACK bears out stays: where the peer is, and that it has closed.
TEST_P(DatapathForgerMidway, OurFirstAckBearsThePeersPlaceOut) {
    protect();
    Conversation talk(acting(), hook());
    Segment keepalive = talk.next(End::peer, Ack);
    keepalive.seq--;
    talk.send(keepalive);
    talk.pass_us(50);
    talk.send(End::us, Ack);
    EXPECT_TRUE(talk.state_has(FST_FLOW_ESTABLISHED));
    EXPECT_TRUE(talk.state_has(FST_FLOW_TS));
    EXPECT_EQ(talk.direction(End::peer).seq_edge, talk.edge(End::peer));
    expect_refused(talk, crude(talk));

    Conversation closing(acting(), hook());
    closing.send(End::peer, Fin | Ack);
    closing.pass_us(50);
    closing.send(End::us, Ack);
    EXPECT_TRUE(closing.state_has(FST_FLOW_FIN, End::peer));
}

}  // namespace
}  // namespace flowstamp::testing
