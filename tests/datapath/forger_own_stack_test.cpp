// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// What this host's own stack has taken in, its ACKs tell: what it may throw away, or holds back, moves nothing
// and licenses no reset.
#include <gtest/gtest.h>

#include "flowstamp/acceptance_rules.h"
#include "tests/datapath/forger_fixture.h"

namespace flowstamp::testing {
namespace {

class DatapathForgerOwnStack : public DatapathForger {
  protected:
    static Setting without_timestamps() {
        Setting setting;
        setting.peer.timestamps = setting.us.timestamps = false;
        return setting;
    }
    /// Sent by our own stack, which knows more than the conversation.
    Outcome leave(Conversation& talk, const Segment& segment) {
        return acting().run(FST_HOOK_TC_EGRESS, {.bytes = talk.encode(segment)});
    }
    /// Our SYN of another connection on the same addresses and ports.
    Segment use_port_again(Conversation& talk) {
        Segment syn = talk.next(End::us, Syn);
        syn.seq += 0x30000000;
        syn.ack = 0;
        leave(talk, syn);
        return syn;
    }
    static Segment signed_copy(Segment segment) {
        segment.options = {option_of(19)};
        return segment;
    }
};
INSTANTIATE_TEST_SUITE_P(Datapath, DatapathForgerOwnStack, ::testing::ValuesIn(ingress_hooks()),
                         case_name);

/// The kernel throws a signature away for which the socket has no key.
TEST_P(DatapathForgerOwnStack, WhatIsSignedMovesNothingOfAConnectionThatIsNot) {
    Conversation talk = established(without_timestamps());
    const fst_direction before = talk.direction(End::peer);
    inject(talk, signed_copy(talk.next(End::peer, Psh | Ack, 100)));
    EXPECT_EQ(talk.direction(End::peer).seq_edge, before.seq_edge);
    talk.send(End::us, Psh | Ack, 100);
    inject(talk, signed_copy(talk.next(End::peer, Ack)));
    EXPECT_EQ(talk.direction(End::peer).ack_edge, before.ack_edge);
}

/// Linux takes in a segment without the timestamps that were agreed upon, others do not: it counts once it
/// is acknowledged, by who really received it.
TEST_P(DatapathForgerOwnStack, WhatAStackMayTakeInCountsOnceItIsAcknowledged) {
    Conversation talk = established();
    const fst_direction before = talk.direction(End::peer);
    Segment bare = talk.next(End::peer, Psh | Ack, 100);
    bare.timestamps.reset();
    inject(talk, bare);
    EXPECT_EQ(talk.direction(End::peer).seq_edge, before.seq_edge);
    Segment ack = talk.next(End::us, Ack);
    ack.ack = before.seq_edge + 100;
    leave(talk, ack);
    EXPECT_EQ(talk.direction(End::peer).seq_edge, before.seq_edge + 100);
    EXPECT_EQ(talk.direction(End::us).ack_edge, before.seq_edge + 100);
}

/// The peer's window is closed: our ACK bears the number where that ends, below what we have sent.
TEST_P(DatapathForgerOwnStack, AnAckIntoAClosedWindowIsHeard) {
    Conversation talk = established();
    talk.send(End::us, Psh | Ack, 500);
    const fst_direction before = talk.direction(End::peer);
    Segment bare = talk.next(End::peer, Psh | Ack, 100);
    bare.timestamps.reset();
    bare.window = 0;
    inject(talk, bare);
    Segment ack = talk.next(End::us, Ack);
    ack.seq -= 500;
    ack.ack = before.seq_edge + 100;
    leave(talk, ack);
    EXPECT_EQ(talk.direction(End::peer).seq_edge, before.seq_edge + 100);
}

/// The same where what it acknowledges was seen, and where that number lies within a window that was not: else
/// our own window would seem to end too early.
TEST_P(DatapathForgerOwnStack, AnAckIntoAClosedWindowMovesOurAckEdge) {
    for (const std::uint32_t opened : {0U, 1U}) {
        Conversation talk = established();
        talk.send(End::us, Psh | Ack, 500);
        Segment closing = talk.next(End::peer, Psh | Ack, 100);
        closing.window = 0;
        inject(talk, closing);
        Segment ack = talk.next(End::us, Ack);
        ack.seq -= 500 - opened;
        ack.ack = talk.direction(End::peer).seq_edge;
        leave(talk, ack);
        EXPECT_EQ(talk.direction(End::us).ack_edge, talk.direction(End::peer).seq_edge) << opened;
    }
}

/// The same of the first part of a datagram, whose rest may never come.
TEST_P(DatapathForgerOwnStack, AFirstFragmentAloneMovesNothing) {
    Conversation talk = established();
    const fst_direction before = talk.direction(End::peer);
    Segment part = talk.next(End::peer, Psh | Ack, 200);
    part.more_fragments = true;
    inject(talk, part);
    EXPECT_EQ(talk.direction(End::peer).seq_edge, before.seq_edge);
}

/// Both ends have sent a FIN; ours is acknowledged, the peer's lies on a byte that is held back.
TEST_P(DatapathForgerOwnStack, AFinThatWasNotAcknowledgedLicensesNoReset) {
    protect();
    Conversation talk = established();
    close_our_side(talk);
    talk.send(End::peer, Psh | Ack, 100);
    talk.send(End::us, Ack);
    Segment byte = talk.next(End::peer, Psh | Ack, 1);
    byte.seq += 50;
    inject(talk, byte);
    Segment fin = talk.next(End::peer, Fin | Ack);
    fin.seq += 51;
    inject(talk, fin);
    expect_refused(talk, crude(talk));
}

/// On a flow that was joined midway an ACK far back may be too old for the stack.
TEST_P(DatapathForgerOwnStack, AFinThatMayBeTooOldLicensesNoReset) {
    protect();
    Conversation talk(acting(), hook());
    for (int i = 0; i < 300; i++) {
        talk.send(End::us, Psh | Ack, 1400);
        talk.pass_ms(20);
        talk.send(End::peer, Psh | Ack, 100);
        talk.pass_ms(20);
    }
    close_our_side(talk);
    Segment fin = talk.next(End::peer, Fin | Ack);
    fin.ack -= 300000;
    inject(talk, fin);
    expect_refused(talk, crude(talk));
}

/// What comes behind the peer's FIN is nothing of its stream.
TEST_P(DatapathForgerOwnStack, NothingFollowsAFin) {
    Conversation talk = established();
    talk.send(End::peer, Fin | Ack);
    talk.send(End::us, Ack);
    const fst_direction before = talk.direction(End::peer);
    talk.pass_ms(100);
    inject(talk, talk.next(End::peer, Psh | Ack, 1));
    EXPECT_EQ(talk.direction(End::peer).seq_edge, before.seq_edge);
}

/// No socket had this port when a SYN in the server's name came: the connection begins with our own.
TEST_P(DatapathForgerOwnStack, ASynFromOutsideBeginsNoConnectionOfOurs) {
    for (const End name : {End::peer, End::us}) {
        SCOPED_TRACE(name == End::us);
        protect();
        Conversation talk(acting(), hook());
        Segment early = talk.next(name, Syn);
        early.seq += 0x1234567;
        early.options = {option_of(19)};
        inject(talk, early);
        talk.pass_ms(300);
        talk.open().exchange(5);
        EXPECT_TRUE(talk.state_has(FST_FLOW_ESTABLISHED));
        EXPECT_TRUE(talk.state_has(FST_FLOW_LOCAL, End::us));
        EXPECT_FALSE(talk.state_has(FST_FLOW_SYN, End::peer));
        EXPECT_FALSE(talk.state_has(FST_FLOW_MIDWAY));
        expect_refused(talk, crude(talk));
    }
}

/// A listener throws a signed SYN away, which is no reason to miss the client's own.
TEST_P(DatapathForgerOwnStack, SignedSynsTakeNoPortFromAClient) {
    protect();
    Conversation talk(acting(), hook());
    Segment junk = talk.next(End::peer, Syn);
    junk.options = {option_of(19)};
    const auto flood = [&] {
        junk.seq += 0x1010101;
        inject(talk, junk);
        talk.pass_ms(5);
    };
    flood();
    talk.send(End::peer, Syn);
    flood();
    talk.send(End::us, Syn | Ack);
    flood();
    talk.send(End::peer, Ack);
    EXPECT_TRUE(talk.state_has(FST_FLOW_ESTABLISHED));
    EXPECT_FALSE(talk.state_has(FST_FLOW_MIDWAY));
    EXPECT_EQ(talk.flow().isn[talk.index(End::peer)], talk.setting().peer.isn);
}

/// A signed SYN-ACK before the real one takes away none of what that one says.
TEST_P(DatapathForgerOwnStack, ASignedSynAckHidesNotTheServersOwn) {
    Conversation talk(acting(), hook());
    talk.send(End::us, Syn);
    talk.pass_ms(10);
    Segment forged = talk.next(End::peer, Syn | Ack);
    forged.timestamps.reset();
    forged.ttl = 40;
    forged.options = {option_of(19)};
    inject(talk, forged);
    talk.pass_ms(10);
    talk.send(End::peer, Syn | Ack);
    talk.send(End::us, Ack);
    EXPECT_TRUE(talk.state_has(FST_FLOW_TS));
    EXPECT_EQ(talk.direction(End::peer).ttl[0], talk.setting().peer.ttl);
    EXPECT_EQ(talk.direction(End::peer).ttl[1], 0);
}

/// The connection was open before the watch began, and its first packet seen came from outside, in our name.
TEST_P(DatapathForgerOwnStack, WhatCameInOurNameBeforeOurFirstPacketIsForgotten) {
    protect();
    Conversation talk(acting(), hook());
    Segment junk = talk.next(End::us, Psh | Ack, 500);
    junk.ttl = 40;
    inject(talk, junk);
    talk.exchange(12);
    EXPECT_TRUE(talk.state_has(FST_FLOW_LOCAL, End::us));
    EXPECT_EQ(talk.direction(End::us).ttl[0], talk.setting().us.ttl);
    const std::uint32_t edge = talk.direction(End::us).ack_edge;
    junk = talk.next(End::us, Ack);
    junk.ack += 1000;
    inject(talk, junk);
    EXPECT_EQ(talk.direction(End::us).ack_edge, edge);
    expect_refused(talk, crude(talk));
}

/// The keepalive makes our stack ask the peer. What comes before the answer can have come is held: Linux'
/// limit of challenge ACKs has no part in it.
TEST_P(DatapathForgerOwnStack, AGenuineResetBehindTwoForgedOnesIsAskedForAgain) {
    protect();
    Setting setting;
    setting.rtt_us = 40'000;
    Conversation talk = established(setting);
    const Outcome first = inject(talk, crude(talk));
    EXPECT_EQ(first.judgement().action, FST_ACTION_CHALLENGED);
    EXPECT_FALSE(first.dropped);
    talk.pass_us(50);
    talk.send(End::us, Ack);
    const Outcome second = inject(talk, crude(talk));
    EXPECT_EQ(second.judgement().action, FST_ACTION_CHALLENGED);
    EXPECT_TRUE(second.dropped) << "the question is under way";
    talk.pass_ms(100);
    const Outcome genuine = inject(talk, talk.next(End::peer, Rst | Ack));
    EXPECT_EQ(genuine.judgement().action, FST_ACTION_CHALLENGED);
    ASSERT_FALSE(genuine.dropped);
    EXPECT_EQ(genuine.bytes[47], Ack) << "a keepalive, which is always answered";
    talk.pass_us(50);
    talk.send(End::us, Ack);
    talk.pass_ms(40);
    const Outcome answer = inject(talk, talk.stateless_reset());
    EXPECT_EQ(answer.judgement().challenge, FST_CHALLENGE_UPHELD);
}

/// A tunnel's end hands what it unpacks to the socket of the connection outside.
TEST_P(DatapathForgerOwnStack, ATunnelBringsNoResetToAConnectionOutsideOfIt) {
    protect();
    Conversation talk = established();
    const Bytes frame = talk.encode(mimic(talk));
    const Packet tunnel = Ethernet{} / Ipv4{} / Packet(Udp{.dst_port = 4789}) / Vxlan{};
    const Outcome outcome = acting().run(hook(), {.bytes = (tunnel / Payload(frame)).bytes()});
    EXPECT_TRUE(outcome.dropped);
}

/// What threw the challenge away on its way to the stack may let the next one pass.
TEST_P(DatapathForgerOwnStack, AChallengeThatBringsForthNothingIsRepeated) {
    protect();
    Conversation talk = established();
    EXPECT_FALSE(inject(talk, crude(talk)).dropped);
    talk.pass_ms(1);
    EXPECT_FALSE(inject(talk, crude(talk)).dropped);
    talk.pass_us(50);
    talk.send(End::us, Ack);
    talk.pass_ms(1);
    EXPECT_TRUE(inject(talk, crude(talk)).dropped);
    talk.pass_ms(5);
    EXPECT_FALSE(inject(talk, crude(talk)).dropped);
}

/// A challenge that is made of it may be thrown away as well, with the options that it bears: the peer's own reset
/// after it is asked for anew.
TEST_P(DatapathForgerOwnStack, ASignedResetHoldsNoGenuineOneUp) {
    protect();
    Conversation talk = established(without_timestamps());
    inject(talk, signed_copy(mimic(talk)));
    talk.pass_ms(10);
    EXPECT_FALSE(inject(talk, mimic(talk)).dropped);
}

/// Only what ends within the window is taken in, with its ACK.
TEST_P(DatapathForgerOwnStack, WhatEndsPastTheWindowAcknowledgesNothing) {
    Conversation talk = established();
    talk.send(End::us, Psh | Ack, 500);
    const fst_direction before = talk.direction(End::peer);
    Segment beyond = talk.next(End::peer, Psh | Ack, 1000);
    beyond.seq +=
        (static_cast<std::uint32_t>(talk.setting().us.window) << talk.setting().us.wscale) - 500;
    inject(talk, beyond);
    EXPECT_EQ(talk.direction(End::peer).ack_edge, before.ack_edge);
    EXPECT_EQ(talk.direction(End::peer).seq_edge, before.seq_edge);
}

/// Behind a segment that was lost more may wait than the reach of a guess.
TEST_P(DatapathForgerOwnStack, AnAckMayJumpFar) {
    protect();
    Setting setting = without_timestamps();
    setting.us.wscale = 14;
    setting.us.window = 0xffff;
    Conversation talk = established(setting);
    Segment last = talk.next(End::peer, Psh | Ack, 1400);
    last.seq += 5'000'000;
    inject(talk, last);
    Segment ack = talk.next(End::us, Ack);
    ack.ack = last.seq + 1400;
    leave(talk, ack);
    EXPECT_EQ(talk.direction(End::us).ack_edge, ack.ack);
}

/// A kernel answers with its default TTL, its socket reset with another: on a LAN the answers are nearer.
TEST_P(DatapathForgerOwnStack, AnswersOfAVouchedResetMayComeFromNearer) {
    protect();
    Setting setting;
    setting.rtt_us = 200;
    Conversation talk = established(setting);
    inject(talk, talk.next(End::peer, Rst | Ack));  // with its timestamps
    bool upheld = false;
    for (int i = 0; i < 8 && !upheld; i++) {
        talk.pass_us(50);
        talk.send(End::us, Ack);
        talk.pass_us(1000);
        Segment answer = talk.stateless_reset();
        answer.ttl = 64;
        upheld = inject(talk, answer).judgement().challenge == FST_CHALLENGE_UPHELD;
    }
    EXPECT_TRUE(upheld);
}

/// Its gateway's other half has taken over: another MAC, another distance.
TEST_P(DatapathForgerOwnStack, AVouchedResetIsUpheldByANewRoute) {
    protect();
    Conversation talk = established();
    const auto by_the_new_route = [](Segment segment) {
        segment.ttl = 61;
        segment.mac = "00:00:5e:00:53:66";
        return segment;
    };
    inject(talk, by_the_new_route(mimic(talk)));
    bool upheld = false;
    for (int i = 0; i < 4 && !upheld; i++) {
        talk.pass_us(50);
        talk.send(End::us, Ack);
        talk.pass_ms(20);
        upheld = inject(talk, by_the_new_route(talk.stateless_reset())).judgement().challenge ==
                 FST_CHALLENGE_UPHELD;
    }
    EXPECT_TRUE(upheld);
}

/// Which of a SYN's copies was answered is not known: that is no round trip.
TEST_P(DatapathForgerOwnStack, ALostSynMakesNoRoundTrip) {
    Conversation talk(acting(), hook());
    const Segment syn = talk.next(End::us, Syn);
    talk.send(syn);
    talk.pass_ms(1000);
    talk.send(syn);
    talk.pass_ms(20);
    talk.send(End::peer, Syn | Ack);
    EXPECT_EQ(talk.direction(End::peer).min_rtt_us, 0U);
}

/// What comes early and looks like an answer may be one, by a shorter way. A box that answers each of our ACKs
/// is asked a few times at the most.
TEST_P(DatapathForgerOwnStack, EarlyAnswersAreAskedForAFewTimesOnly) {
    protect();
    Setting setting;
    setting.rtt_us = 80'000;
    Conversation talk = established(setting);
    int passed_on = 0;
    for (int i = 0; i < 30; i++) {
        Segment reset = talk.stateless_reset();
        const Outcome outcome = inject(talk, reset);
        EXPECT_EQ(outcome.judgement().action, FST_ACTION_CHALLENGED);
        passed_on += outcome.dropped ? 0 : 1;
        if (!outcome.dropped) {
            talk.pass_us(50);
            talk.send(End::us, Ack);
        }
        talk.pass_us(1000);
    }
    EXPECT_EQ(passed_on, 4);
}

/// The old connection ended unseen, and the port is used again: the peer, or a firewall before it, refuses.
TEST_P(DatapathForgerOwnStack, ARefusalIsNotJudgedByAnOlderConnection) {
    protect();
    Conversation talk = established();
    const Segment syn = use_port_again(talk);
    Segment refusal = crude(talk);
    refusal.seq = talk.direction(End::peer).seq_edge + 0x40000000;
    refusal.ack = syn.seq + 1;
    const fst_judgement judged = inject(talk, refusal).judgement();
    EXPECT_EQ(judged.action, FST_ACTION_OBSERVED);
    EXPECT_EQ(judged.verdict, FST_VERDICT_GENUINE);
    EXPECT_EQ(judged.cause, FST_CAUSE_CLOSED_PORT);
}

/// The same in the old connection's window: if it lives, that would end it.
TEST_P(DatapathForgerOwnStack, ARefusalInTheWindowOfAnOlderConnectionIsJudgedByIt) {
    protect();
    Conversation talk = established();
    const Segment syn = use_port_again(talk);
    Segment reset = crude(talk);
    reset.ack = syn.seq + 1;
    expect_refused(talk, reset);
}

/// In SYN-SENT Linux ignores a reset whose timestamp echoes none of its own: then the handshake goes on.
TEST_P(DatapathForgerOwnStack, AResetBeforeTheHandshakeIsOverClosesNothing) {
    protect();
    Conversation talk(acting(), hook());
    talk.send(End::us, Syn);
    Segment reset = talk.next(End::peer, Rst | Ack);
    reset.ack = talk.direction(End::us).seq_edge;
    inject(talk, reset);
    talk.pass_ms(20);
    talk.send(End::peer, Syn | Ack);
    talk.send(End::us, Ack);
    EXPECT_FALSE(talk.state_has(FST_FLOW_RST, End::peer));
    expect_refused(talk, mimic(talk));
}

/// In SYN-SENT a stack takes in nothing without a SYN, in SYN-RECEIVED none of Linux' with another echo.
TEST_P(DatapathForgerOwnStack, WhatComesBeforeTheHandshakeIsOverTeachesNothing) {
    Conversation talk(acting(), hook());
    talk.send(End::us, Syn);
    Segment early = talk.next(End::peer, Ack);
    early.ack = talk.direction(End::us).seq_edge;
    early.ttl = static_cast<std::uint8_t>(early.ttl + 4);
    inject(talk, early);
    EXPECT_EQ(talk.direction(End::peer).ttl[0], 0);
    EXPECT_EQ(talk.direction(End::peer).min_rtt_us, 0U);

    Conversation accepted(acting(), hook());
    accepted.send(End::peer, Syn);
    accepted.send(End::us, Syn | Ack);
    Segment third = accepted.next(End::peer, Ack);
    third.ttl = static_cast<std::uint8_t>(third.ttl + 4);
    third.timestamps->ecr -= 7;
    inject(accepted, third);
    EXPECT_FALSE(accepted.state_has(FST_FLOW_ESTABLISHED));
    EXPECT_EQ(accepted.direction(End::peer).ttl[1], 0);
}

/// A FIN that may not have been taken in, as it bore no timestamps: if it was, its number is one that a reset may
/// bear as well.
TEST_P(DatapathForgerOwnStack, AResetJustBelowTheAckIsChallenged) {
    protect();
    Conversation talk = established();
    Segment fin = talk.next(End::peer, Fin | Ack);
    fin.timestamps.reset();
    inject(talk, fin);
    Segment ack = talk.next(End::us, Ack);
    ack.ack = fin.seq + 1;
    leave(talk, ack);
    Segment reset = mimic(talk);
    reset.seq = fin.seq;
    expect_refused(talk, reset);
}

/// A second reset far ahead hides the first one's place.
TEST_P(DatapathForgerOwnStack, AResetThatIsHeldSaysNothingOfItsSendersPlace) {
    protect();
    Conversation talk = established();
    inject(talk, mimic(talk));
    const std::uint32_t place = talk.flow().rst_seq[talk.index(End::peer)];
    Segment far = mimic(talk);
    far.seq += 20'000;
    inject(talk, far);
    EXPECT_EQ(talk.flow().rst_seq[talk.index(End::peer)], place);
}

}  // namespace
}  // namespace flowstamp::testing
