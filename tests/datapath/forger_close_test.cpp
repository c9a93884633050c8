// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// What a forger sends around a connection's begin and end, so that a later reset passes.
#include <gtest/gtest.h>

#include "flowstamp/acceptance_rules.h"
#include "tests/datapath/forger_fixture.h"

namespace flowstamp::testing {
namespace {

class DatapathForgerClose : public DatapathForger {};
INSTANTIATE_TEST_SUITE_P(Datapath, DatapathForgerClose, ::testing::ValuesIn(ingress_hooks()),
                         case_name);

/// Linux takes the number of the peer's FIN for exact. A byte behind that FIN is none of its stream.
TEST_P(DatapathForgerClose, AByteBehindTheFinHidesNotItsNumber) {
    protect();
    Conversation talk = established();
    talk.send(End::peer, Fin | Ack);
    talk.send(End::us, Ack);
    Segment byte = talk.next(End::peer, Psh | Ack, 1);
    inject(talk, byte);
    Segment reset = crude(talk);
    reset.seq = talk.direction(End::us).ack_edge - 1;
    expect_refused(talk, reset);
}

/// Nor does it help that the FIN passed before the watch began.
TEST_P(DatapathForgerClose, AFinBeforeTheWatchHidesNotItsNumber) {
    protect();
    Conversation talk(acting(), hook());
    for (int i = 0; i < 5; i++) {
        talk.send(End::us, Psh | Ack, 100);
        talk.pass_ms(20);
        talk.send(End::peer, Ack);
        talk.pass_ms(20);
    }
    ASSERT_TRUE(talk.state_has(FST_FLOW_MIDWAY));
    Segment reset = crude(talk);
    reset.seq = talk.direction(End::us).ack_edge - 1;
    const fst_judgement judged = inject(talk, reset).judgement();
    EXPECT_NE(judged.pass_reason, FST_PASS_SEQUENCE);
    EXPECT_NE(judged.action, FST_ACTION_OBSERVED);
}

/// It decides whether a bare reset passes.
TEST_P(DatapathForgerClose, ADamagedAckOfAFinEndsNothing) {
    protect();
    Conversation talk = established();
    talk.send(End::peer, Fin | Ack);
    talk.send(End::us, Psh | Ack, 1000);
    talk.send(End::us, Fin | Ack);
    talk.pass_ms(20);
    Segment damaged = talk.next(End::peer, Ack);
    damaged.checksum = Checksum::Wrong;
    inject(talk, damaged);
    EXPECT_NE(talk.direction(End::peer).ack_edge, talk.edge(End::us));
    EXPECT_NE(inject(talk, talk.stateless_reset()).judgement().pass_reason, FST_PASS_CLOSED);
}

/// Its receiver holds it back, both times.
TEST_P(DatapathForgerClose, AFinBehindAGapClosesNothingWhenItComesTwice) {
    protect();
    Conversation talk = established();
    Segment fin = talk.next(End::peer, Fin | Ack);
    fin.seq += 100;
    for (int i = 0; i < 2; i++) {
        inject(talk, fin);
        talk.pass_ms(60);
    }
    EXPECT_FALSE(fst_any_fin(talk.flow().state));
}

/// Linux throws away a FIN that is held back once data covers its number (tcp_ofo_queue()): the stream goes on.
TEST_P(DatapathForgerClose, AFinWhoseNumberBecomesABytesClosesNothing) {
    protect();
    Conversation talk = established();
    close_our_side(talk);
    Segment behind_a_gap = talk.next(End::peer, Psh | Ack, 99);
    behind_a_gap.seq += 1;
    inject(talk, behind_a_gap);
    Segment fin = talk.next(End::peer, Fin | Ack, 2);
    fin.seq += 100;
    inject(talk, fin);
    talk.send(End::peer, Psh | Ack, 300);
    talk.send(End::us, Ack);
    EXPECT_FALSE(talk.flow().state & FST_OF(FST_FLOW_FIN, talk.index(End::peer)));
    expect_refused(talk, crude(talk));
}

/// A FIN on the last byte of what the peer sends next, and an ACK with that segment's flags and IP-ID.
TEST_P(DatapathForgerClose, AnAckThatLooksLikeTheDataHidesItNot) {
    Setting plain;
    plain.peer.timestamps = plain.us.timestamps = false;
    protect();
    Conversation talk = established(plain);
    close_our_side(talk);
    Segment fin = talk.next(End::peer, Fin | Ack);
    fin.seq += 99;
    inject(talk, fin);
    inject(talk, talk.next(End::peer, Ack));
    talk.pass_ms(1);
    talk.send(End::peer, Ack, 100);
    talk.send(End::us, Ack);
    expect_refused(talk, crude(talk));
}

/// The stack had taken in a later timestamp, of a segment with IP options, and threw the FIN away as too old (PAWS).
/// The peer's next message ends on that number: our ACK of it is none of a FIN.
TEST_P(DatapathForgerClose, AFinWhoseNumberTheNextMessageEndsOnClosesNothing) {
    for (const std::size_t parts : {1, 2}) {
        SCOPED_TRACE(parts);
        protect();
        Conversation talk = established();
        close_our_side(talk);
        Segment ahead = talk.next(End::peer, Ack);
        ahead.timestamps->val += 500;
        ahead.ip_options = {1, 1, 1, 0};
        inject(talk, ahead);
        inject(talk, talk.next(End::peer, Fin | Psh | Ack, 99));
        talk.pass_ms(600);
        for (std::size_t i = 0; i < parts; i++) {
            talk.send(End::peer, Psh | Ack, 100 / parts);
        }
        talk.send(End::us, Ack);
        EXPECT_FALSE(talk.state_has(FST_FLOW_FIN, End::peer));
        expect_refused(talk, mimic(talk));
    }
}

/// Nor does it where that message looks like a copy of bytes that came before.
TEST_P(DatapathForgerClose, AMessageThatLooksLikeACopyTakesTheFinBack) {
    protect();
    Conversation talk = established();
    close_our_side(talk);
    const Segment message = talk.next(End::peer, Psh | Ack, 100);
    inject(talk, talk.next(End::peer, Fin | Psh | Ack, 99));
    Segment behind =
        talk.next(End::peer, Ack);  // moves the clock, so that the message is not newer
    behind.timestamps->val += 50;
    inject(talk, behind);
    Segment old = message;
    old.seq -= 400;
    inject(talk, old);
    inject(talk, message);
    EXPECT_FALSE(talk.state_has(FST_FLOW_FIN, End::peer));
}

/// What comes again of data that was sent before a FIN covers none of it: the FIN stays.
TEST_P(DatapathForgerClose, DataThatComesAgainTakesNoFinBack) {
    protect();
    Conversation talk = established();
    close_our_side(talk);
    Segment data = talk.next(End::peer, Psh | Ack, 100);
    talk.send(End::peer, Fin | Psh | Ack, 100);
    talk.pass_ms(100);
    data.timestamps->val += 100;
    data.id += 1;
    inject(talk, data);
    EXPECT_TRUE(talk.state_has(FST_FLOW_FIN, End::peer));
    talk.send(End::us, Ack);
    talk.pass_ms(20);
    EXPECT_EQ(inject(talk, mimic(talk)).judgement().pass_reason, FST_PASS_CLOSED);
}

/// Its SYN-ACK bears none: the connection is not signed, though its peer has sent nothing else yet.
TEST_P(DatapathForgerClose, ASignatureHidesNoResetRightAfterTheHandshake) {
    Setting plain;  // options have room
    plain.peer.timestamps = plain.us.timestamps = false;
    for (const std::uint8_t kind : {19, 29}) {
        protect();
        Conversation talk(acting(), hook(), plain);
        talk.send(End::us, Syn);
        talk.pass_ms(20);
        talk.send(End::peer, Syn | Ack);
        talk.send(End::us, Ack);
        talk.pass_ms(20);
        talk.send(End::us, Psh | Ack, 100);
        Segment reset = mimic(talk);
        reset.options = {option_of(kind)};
        EXPECT_EQ(inject(talk, reset).judgement().pass_reason, FST_PASS_NOT_SUSPECT) << int(kind);
    }
}

/// A signed SYN-ACK is thrown away by who has no key for it: it does not show that a port is open.
TEST_P(DatapathForgerClose, ASignedSynAckMakesNoRefusalForged) {
    protect();
    Setting plain;
    plain.peer.timestamps = plain.us.timestamps = false;
    Conversation talk(acting(), hook(), plain);
    talk.send(End::us, Syn);
    talk.pass_ms(1);
    Segment syn_ack = talk.next(End::peer, Syn | Ack);
    syn_ack.options = {option_of(19)};
    inject(talk, syn_ack);
    talk.pass_ms(19);
    Segment refusal = talk.next(End::peer, Rst | Ack);
    refusal.seq = 0;
    refusal.window = 0;
    const fst_judgement judged = inject(talk, refusal).judgement();
    EXPECT_NE(judged.verdict, FST_VERDICT_CONFIRMED);
    EXPECT_EQ(judged.action, FST_ACTION_OBSERVED);
}

/// On a flow that was joined midway: a bare ACK that moves nothing says nothing about the connection.
TEST_P(DatapathForgerClose, ABareAckMakesNoMultipathConnection) {
    protect();
    Setting plain;
    plain.peer.timestamps = plain.us.timestamps = false;
    Conversation talk(acting(), hook(), plain);
    for (int i = 0; i < 5; i++) {
        talk.send(End::us, Psh | Ack, 100);
        talk.pass_ms(20);
        talk.send(End::peer, Psh | Ack, 100);
        talk.pass_ms(20);
    }
    ASSERT_TRUE(talk.state_has(FST_FLOW_MIDWAY));
    Segment ack = talk.next(End::peer, Ack);
    ack.options = {option_of(30)};
    inject(talk, ack);
    EXPECT_FALSE(talk.state_has(FST_FLOW_MPTCP));
}

/// Linux takes the frame's length for the packet's then, and asks for no jumbo payload option.
TEST_P(DatapathForgerClose, AnIpv6LengthOfZeroHidesNoReset) {
    protect();
    Conversation talk = established({.v6 = true});
    const Bytes plain = talk.encode(crude(talk));
    Bytes frame(plain.begin(), plain.begin() + 14 + 40);
    frame[14 + 4] = frame[14 + 5] = 0;
    frame[14 + 6] = 0;                            // hop-by-hop options
    const Bytes options{6, 0, 1, 4, 0, 0, 0, 0};  // then TCP; PadN
    frame.insert(frame.end(), options.begin(), options.end());
    frame.insert(frame.end(), plain.begin() + 14 + 40, plain.end());
    const fst_judgement judged = acting().run(hook(), {.bytes = frame}).judgement();
    EXPECT_NE(judged.action, FST_ACTION_OBSERVED);
}

}  // namespace
}  // namespace flowstamp::testing
