// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Connections whose every segment is signed, or bears IPv4 options: a forged one without takes nothing from them.
#include <gtest/gtest.h>

#include "tests/datapath/forger_fixture.h"

namespace flowstamp::testing {
namespace {

class DatapathForgerOptions : public DatapathForger {
  protected:
    using Change = void (*)(Segment&);
    static void sign(Segment& segment) { segment.options = {option_of(19)}; }
    /// Record route, as an empty one.
    static void record_route(Segment& segment) { segment.ip_options = {7, 7, 4, 0, 0, 0, 0, 0}; }

    static Outcome send_changed(Conversation& talk, Change change, End from, TcpFlags flags,
                                std::size_t payload = 0) {
        Segment segment = talk.next(from, flags, payload);
        change(segment);
        return talk.send(segment);
    }
    static void exchange(Conversation& talk, Change change) {
        for (int i = 0; i < 5; i++) {
            send_changed(talk, change, End::us, Psh | Ack, 100);
            talk.pass_ms(20);
            send_changed(talk, change, End::peer, Psh | Ack, 100);
            send_changed(talk, change, End::us, Ack);
        }
    }
    /// No challenge may bear a signature, which is that of one sequence number.
    void expect_signed_reset_passes(Conversation& talk) {
        Segment reset = mimic(talk);
        sign(reset);
        EXPECT_EQ(inject(talk, reset).judgement().pass_reason, FST_PASS_OPTIONS);
    }
    Conversation changed(Change change) {
        Setting plain;  // options have room
        plain.peer.timestamps = plain.us.timestamps = false;
        Conversation talk(acting(), hook(), plain);
        send_changed(talk, change, End::us, Syn);
        talk.pass_ms(20);
        send_changed(talk, change, End::peer, Syn | Ack);
        send_changed(talk, change, End::us, Ack);
        exchange(talk, change);
        talk.pass_ms(100);
        return talk;
    }
};
INSTANTIATE_TEST_SUITE_P(Datapath, DatapathForgerOptions, ::testing::ValuesIn(ingress_hooks()),
                         case_name);

/// Linux may throw away a segment whose options are malformed, on any connection (6.7: tcp_do_parse_auth_options()).
TEST_P(DatapathForgerOptions, MalformedOnesTeachNothing) {
    protect();
    const RawOption too_long{.kind = 254, .data = Bytes(18, 0), .length = 40},
        no_length{.kind = 254, .data = Bytes(18, 0), .length = 0};
    for (const RawOption& malformed : {too_long, no_length}) {
        Conversation talk = established();
        const fst_direction before = talk.direction(End::peer);
        Segment bare = talk.next(End::peer, Ack);
        bare.options = {malformed};
        bare.timestamps->val += 1500;
        inject(talk, bare);
        Segment data = talk.next(End::peer, Psh | Ack, 100);
        data.options = {malformed};
        data.ttl = static_cast<std::uint8_t>(data.ttl - 9);
        inject(talk, data);
        const fst_direction now = talk.direction(End::peer);
        EXPECT_EQ(now.ts_val, before.ts_val);
        EXPECT_EQ(now.seq_edge, before.seq_edge);
        EXPECT_EQ(now.ttl[1], before.ttl[1]);
    }
}

/// Where our own stack signs, it throws away what is not signed (Linux: tcp_inbound_hash()).
TEST_P(DatapathForgerOptions, WhatIsNotSignedTeachesNothingOfASignedConnection) {
    protect();
    Conversation talk = changed(sign);
    const fst_direction before = talk.direction(End::peer);
    inject(talk, talk.next(End::peer, Ack));
    inject(talk, talk.next(End::peer, Psh | Ack, 100));
    inject(talk, talk.next(End::peer, Fin | Ack));
    EXPECT_EQ(talk.direction(End::peer).flags, before.flags);
    EXPECT_EQ(talk.direction(End::peer).ttl[0], before.ttl[0]);
    EXPECT_EQ(talk.direction(End::peer).seq_edge, before.seq_edge);
    EXPECT_FALSE(talk.state_has(FST_FLOW_FIN, End::peer));
    exchange(talk, sign);
    EXPECT_EQ(talk.direction(End::peer).seq_edge, talk.edge(End::peer));
    Segment reset = mimic(talk);
    sign(reset);
    const Outcome outcome = inject(talk, reset);
    EXPECT_FALSE(outcome.dropped);
    EXPECT_EQ(outcome.judgement().pass_reason, FST_PASS_OPTIONS);
}

/// Nor before our own first segment: a forged SYN with the client's number, or a SYN-ACK.
TEST_P(DatapathForgerOptions, AnUnsignedHandshakeHidesNoSignedOne) {
    protect();
    Setting plain;
    plain.peer.timestamps = plain.us.timestamps = false;
    for (const bool we_serve : {false, true}) {
        SCOPED_TRACE(we_serve);
        Conversation talk(acting(), hook(), plain);
        const End client = we_serve ? End::peer : End::us;
        if (we_serve) {
            inject(talk, talk.next(End::peer, Syn));
        }
        send_changed(talk, sign, client, Syn);
        if (!we_serve) {
            Segment forged = talk.next(End::peer, Syn | Ack);
            forged.seq += 0x01020304;
            inject(talk, forged);
        }
        talk.pass_ms(20);
        send_changed(talk, sign, other(client), Syn | Ack);
        send_changed(talk, sign, client, Ack);
        exchange(talk, sign);
        EXPECT_TRUE(talk.state_has(FST_FLOW_ESTABLISHED));
        expect_signed_reset_passes(talk);
    }
}

/// A key may be given up while the connection is open.
TEST_P(DatapathForgerOptions, WhoSignsNoLongerTakesUnsignedSegments) {
    protect();
    Conversation talk = changed(sign);
    talk.exchange(5);
    talk.pass_ms(100);
    EXPECT_EQ(talk.direction(End::peer).seq_edge, talk.edge(End::peer));
    EXPECT_TRUE(talk.direction(End::peer).flags & FST_DIRECTION_BASE);
    expect_refused(talk, crude(talk));
}

/// One set on an open connection: from then on our stack asks for it.
TEST_P(DatapathForgerOptions, WhoSignsFromNowOnTakesNoUnsignedSegments) {
    protect();
    Setting plain;
    plain.peer.timestamps = plain.us.timestamps = false;
    Conversation talk = established(plain);
    exchange(talk, sign);
    const fst_direction before = talk.direction(End::peer);
    EXPECT_EQ(before.seq_edge, talk.edge(End::peer));
    inject(talk, talk.next(End::peer, Psh | Ack, 100));
    EXPECT_EQ(talk.direction(End::peer).seq_edge, before.seq_edge);
    expect_signed_reset_passes(talk);
}

/// The reset of a peer whose segments all have IPv4 options is upheld, whatever one without has taught.
TEST_P(DatapathForgerOptions, OneSegmentWithoutIpOptionsHidesNoResetWithThem) {
    protect();
    Conversation talk = changed(record_route);
    inject(talk, talk.next(End::peer, Ack));
    exchange(talk, record_route);
    ASSERT_TRUE(talk.direction(End::peer).flags & FST_DIRECTION_BASE);
    talk.pass_ms(100);
    Segment reset = mimic(talk);
    record_route(reset);
    EXPECT_EQ(inject(talk, reset).judgement().action, FST_ACTION_CHALLENGED);
    bool upheld = false;
    for (int i = 0; i < 3 && !upheld; i++) {
        talk.pass_us(50);
        send_changed(talk, record_route, End::us, Ack);
        talk.pass_ms(20);
        Segment answer = talk.stateless_reset();
        record_route(answer);
        upheld = inject(talk, answer).judgement().challenge == FST_CHALLENGE_UPHELD;
    }
    EXPECT_TRUE(upheld);
}

}  // namespace
}  // namespace flowstamp::testing
