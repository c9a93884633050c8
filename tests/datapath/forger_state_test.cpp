// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// What a forger sends ahead, so that a later reset passes: what the stack ignores leaves the flow, its
// handshake and its challenges as they were.
#include <gtest/gtest.h>

#include "flowstamp/reset_rules.h"
#include "tests/datapath/forger_fixture.h"

namespace flowstamp::testing {
namespace {

class DatapathForgerState : public DatapathForger {};
INSTANTIATE_TEST_SUITE_P(Datapath, DatapathForgerState, ::testing::ValuesIn(ingress_hooks()),
                         case_name);

/// A reset that is cut within its options: a fragment that holds the whole fixed header, and one with the
/// rest.
TEST_P(DatapathForgerState, AFragmentThatEndsInTheOptionsHidesNoReset) {
    protect();
    Conversation talk = established();
    Segment reset = crude(talk);
    reset.options = {option_of(0xfd)};
    reset.more_fragments = true;
    Bytes first = talk.encode(reset);
    const std::size_t kept = 14 + 20 + 24;
    ASSERT_GT(first.size(), kept);
    first.resize(kept);
    first[16] = 0;
    first[17] = 20 + 24;
    write_ipv4_checksum(first);
    EXPECT_TRUE(acting().run(hook(), {.bytes = first}).dropped);
}

/// To a reset that is not exact the stack sends its challenge ACK, and no other one for a while: each is
/// asked by a keepalive, which is always answered.
TEST_P(DatapathForgerState, BlindResetsKeepNoGenuineOneFromItsAnswer) {
    protect();
    Conversation talk = established();
    for (const std::uint32_t ahead : {40U, 900U}) {
        Segment inexact = crude(talk);
        inexact.seq += ahead;
        inject(talk, inexact);
        talk.pass_us(300);
    }
    talk.send(End::us, Ack);
    talk.pass_ms(25);
    const Segment genuine = talk.next(End::peer, Rst | Ack);
    const Outcome asked = inject(talk, genuine);
    ASSERT_EQ(asked.judgement().action, FST_ACTION_CHALLENGED);
    EXPECT_EQ(asked.bytes[47], Ack) << "a keepalive";
}

/// The kernel drops a SYN with a signature where the socket has no key.
TEST_P(DatapathForgerState, ASignedSynOpensNothing) {
    protect();
    Conversation talk(acting(), hook());
    talk.send(End::us, Syn);
    talk.pass_us(100);
    Segment signed_syn = talk.next(End::peer, Syn);
    signed_syn.options = {option_of(19)};
    inject(talk, signed_syn);
    EXPECT_FALSE(talk.state_has(FST_FLOW_SYN, End::peer));
}

/// Which of two SYN-ACKs its receiver has taken, its own next packet tells.
TEST_P(DatapathForgerState, TheThirdPacketTellsWhichSynAckCounts) {
    for (const bool forged_first : {true, false}) {
        SCOPED_TRACE(forged_first);
        protect();
        Conversation talk(acting(), hook());
        talk.send(End::us, Syn);
        talk.pass_ms(10);
        Segment forged = talk.next(End::peer, Syn | Ack);
        forged.seq += 0x12345678;
        forged.window = 1000;
        forged.options = {option_of(19)};
        if (forged_first) {
            inject(talk, forged);
        }
        talk.pass_ms(10);
        talk.send(End::peer, Syn | Ack);
        if (!forged_first) {
            inject(talk, forged);
        }
        talk.pass_us(100);
        talk.send(End::us, Ack);
        EXPECT_TRUE(talk.state_has(FST_FLOW_ESTABLISHED));
        EXPECT_EQ(talk.flow().isn[talk.index(End::peer)], talk.setting().peer.isn);
        EXPECT_FALSE(talk.state_has(FST_FLOW_MIDWAY));
        EXPECT_TRUE(talk.state_has(FST_FLOW_TS));
        talk.exchange(5);
        talk.pass_ms(100);
        expect_refused(talk, crude(talk));
    }
}

/// Behind a gap no stack takes a timestamp.
TEST_P(DatapathForgerState, ABareAckBehindAGapSetsNoClock) {
    Conversation talk = established();
    const fst_direction before = talk.direction(End::peer);
    Segment ack = talk.next(End::peer, Ack);
    ack.seq += 1;
    ack.timestamps->val += 4000;
    inject(talk, ack);
    EXPECT_EQ(talk.direction(End::peer).ts_val, before.ts_val);
    EXPECT_EQ(talk.direction(End::peer).ts_offset, before.ts_offset);
    EXPECT_EQ(talk.direction(End::peer).flags & FST_DIRECTION_TS_FAST, 0);
}

/// A connection that was joined in the middle uses Multipath TCP if its segments do.
TEST_P(DatapathForgerState, OnlyWhereSegmentsUseMultipathDoesAResetsOptionCount) {
    for (const bool is_used : {false, true}) {
        SCOPED_TRACE(is_used);
        protect();
        Conversation talk(acting(), hook());
        for (int i = 0; i < 5; i++) {
            Segment data = talk.next(End::peer, Psh | Ack, 100);
            if (is_used) {
                data.options = {option_of(30)};
            }
            talk.send(data);
            talk.pass_ms(20);
            Segment ours = talk.next(End::us, Psh | Ack, 100);
            ours.options = data.options;
            talk.send(ours);
            talk.pass_ms(20);
            Segment ack = talk.next(End::peer, Ack);
            ack.options = data.options;
            talk.send(ack);
        }
        ASSERT_TRUE(talk.state_has(FST_FLOW_MIDWAY));
        Segment reset = mimic(talk);
        reset.options = {option_of(30)};
        EXPECT_EQ(inject(talk, reset).judgement().pass_reason,
                  is_used ? FST_PASS_OPTIONS : FST_PASS_NOT_SUSPECT);
    }
}

/// Where the round trip is too short to tell an answer, what comes from farther than the peer is one
/// burst, however many there are.
TEST_P(DatapathForgerState, NineFromFartherInAMillisecondAreOneBurst) {
    protect();
    Setting setting;
    setting.rtt_us = 100;
    Conversation talk = established(setting);
    for (int i = 0; i < 30; i++) {
        Segment reset = talk.stateless_reset();
        reset.ttl = 40;
        expect_refused(talk, reset);
        talk.pass_us(20);
        talk.send(End::us, Ack);
        talk.pass_us(100);
    }
}

/// A reset may move its sender's clock ahead by a tenth of a second: answers in that time do not suffice
/// while the sender is heard.
TEST_P(DatapathForgerState, NoClockIsMovedAheadOfALivePeer) {
    protect();
    Setting setting;
    setting.peer.ids = Ids::random;
    Conversation talk = established(setting);
    Segment ahead = mimic(talk);
    ahead.timestamps->val += 90;
    inject(talk, ahead);
    for (int i = 0; i < 4; i++) {
        talk.pass_us(100);
        talk.send(End::us, Ack);
        talk.pass_ms(5);
        talk.send(End::peer, Psh | Ack, 100);
        talk.pass_ms(16);
        expect_refused(talk, talk.stateless_reset());
    }
}

/// In SYN-SENT a stack takes in nothing but a SYN or a reset.
TEST_P(DatapathForgerState, NothingClosesAConnectionThatIsNotOpenYet) {
    Conversation talk(acting(), hook());
    talk.send(End::us, Syn);
    talk.pass_us(100);
    for (const TcpFlags flags : {TcpFlags(Fin), Fin | Ack, Psh | Ack, TcpFlags(Psh)}) {
        Segment early = talk.next(End::peer, flags, 10);
        early.ack = talk.edge(End::us) - 0x100000;
        early.ttl = 40;
        inject(talk, early);
    }
    Segment of_the_syn = talk.next(End::peer, Fin | Ack);
    inject(talk, of_the_syn);
    EXPECT_FALSE(talk.state_has(FST_FLOW_FIN, End::peer));
    EXPECT_EQ(talk.direction(End::peer).ttl[0], 0);
}

/// No ACK farther back than the largest window that is known: the stack throws its FIN away.
TEST_P(DatapathForgerState, AFinWithAnOldAckClosesNothing) {
    Conversation talk = established();
    for (int i = 0; i < 4; i++) {
        for (int segment = 0; segment < 25; segment++) {
            talk.send(End::us, Psh | Ack, 1400);
        }
        talk.pass_ms(20);
        talk.send(End::peer, Ack);
    }
    const std::uint32_t largest = 502U << 7U;
    Segment fin = talk.next(End::peer, Fin | Ack);
    fin.ack -= largest + 1000;
    inject(talk, fin);
    EXPECT_FALSE(talk.state_has(FST_FLOW_FIN, End::peer));
}

/// A server's kernel answers a wrong ACK to its SYN-ACK with a reset, and goes on waiting.
TEST_P(DatapathForgerState, AWrongAckOfASynAckIsNone) {
    Conversation talk(acting(), hook());
    talk.send(End::peer, Syn);
    talk.pass_us(100);
    talk.send(End::us, Syn | Ack);
    talk.pass_us(100);
    Segment wrong = talk.next(End::peer, Ack);
    wrong.ack -= 5;
    inject(talk, wrong);
    EXPECT_EQ(talk.direction(End::peer).flags & FST_DIRECTION_ACKED, 0);
    EXPECT_FALSE(talk.state_has(FST_FLOW_ESTABLISHED));
}

}  // namespace
}  // namespace flowstamp::testing
