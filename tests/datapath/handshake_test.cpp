// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// How connections begin and end, and how a new one on the same ports replaces the old one.
#include "tests/datapath/fixture.h"

namespace flowstamp::testing {
namespace {

class DatapathHandshake : public DatapathTest {
  protected:
    Conversation opened(const Setting& setting = {}) {
        Conversation talk(watching(), hook(), setting);
        talk.open();
        return talk;
    }
};
INSTANTIATE_TEST_SUITE_P(Datapath, DatapathHandshake, ::testing::ValuesIn(every_hook()), case_name);

TEST_P(DatapathHandshake, SeenCompletely) {
    for (const bool v6 : {false, true}) {
        Conversation talk(watching(), hook(), {.v6 = v6});
        const Outcome syn = talk.send(End::us, Syn);
        ASSERT_NE(syn.find(FST_EVENT_SYN), nullptr);
        EXPECT_NE(syn.find(FST_EVENT_SYN)->event.packet.flags & FST_PACKET_NEW_FLOW, 0);
        EXPECT_TRUE(talk.state_has(FST_FLOW_SYN, End::us));
        talk.pass_ms(20);
        const Outcome syn_ack = talk.send(End::peer, Syn | Ack);
        ASSERT_NE(syn_ack.find(FST_EVENT_SYN_ACK), nullptr);
        EXPECT_TRUE(talk.state_has(FST_FLOW_SYN_ACK, End::peer));
        EXPECT_FALSE(talk.state_has(FST_FLOW_ESTABLISHED));
        const Outcome ack = talk.send(End::us);
        EXPECT_NE(ack.find(FST_EVENT_ESTABLISHED), nullptr);
        EXPECT_EQ(ack.events.size(), 1U);
        EXPECT_TRUE(talk.state_has(FST_FLOW_ESTABLISHED));
        EXPECT_FALSE(talk.state_has(FST_FLOW_MIDWAY));
    }
}

/// Reported once per connection: by the third packet, if it acknowledges the SYN-ACK.
TEST_P(DatapathHandshake, EstablishedOnce) {
    Conversation talk(watching(), hook());
    int reports = 0;
    const auto note = [&](const Outcome& outcome) {
        for (const SeenEvent& seen : outcome.events) {
            reports += seen.event.header.kind == FST_EVENT_ESTABLISHED ? 1 : 0;
        }
    };
    for (const int connection : {1, 2}) {
        SCOPED_TRACE(connection);
        note(talk.send(End::us, Syn));
        talk.pass_ms(20);
        const Segment syn_ack = talk.next(End::peer, Syn | Ack);
        note(talk.send(syn_ack));
        Segment other = talk.next(End::us);
        other.ack -= 1;
        note(talk.send(other));
        EXPECT_EQ(reports, connection - 1) << "not yet: the SYN-ACK is not acknowledged";
        talk.pass_us(100);
        note(talk.send(End::us));
        EXPECT_EQ(reports, connection);
        talk.pass_ms(60);
        note(talk.send(syn_ack));  // retransmitted
        note(talk.send(End::us));
        for (const End end : {End::us, End::peer, End::us}) {
            talk.pass_ms(10);
            note(talk.send(end, Psh | Ack, 100));
        }
        note(talk.send(End::us, Fin | Ack));
        note(talk.send(End::peer, Fin | Ack));
        note(talk.send(End::us));
        EXPECT_EQ(reports, connection);
        talk.pass_ms(500);
        talk.restart(0x22222222, 0x33333333);
    }
}

/// Of a flow joined midway: by the first packet of the second direction.
TEST_P(DatapathHandshake, EstablishedMidwayOnce) {
    Conversation talk(watching(), hook());
    EXPECT_TRUE(talk.send(End::peer, Ack, 10).events.empty());
    talk.pass_ms(10);
    const Outcome second = talk.send(End::us);
    EXPECT_NE(second.find(FST_EVENT_ESTABLISHED), nullptr);
    EXPECT_EQ(second.events.size(), 1U);
    for (const End end : {End::peer, End::us, End::peer}) {
        talk.pass_ms(10);
        EXPECT_TRUE(talk.send(end, Ack, 10).events.empty());
    }
}

TEST_P(DatapathHandshake, ThePeerOpens) {
    Conversation talk(watching(), hook());
    talk.send(End::peer, Syn);
    talk.send(End::us, Syn | Ack);
    talk.pass_ms(20);
    talk.send(End::peer);
    EXPECT_TRUE(talk.state_has(FST_FLOW_ESTABLISHED));
    EXPECT_TRUE(talk.state_has(FST_FLOW_SYN, End::peer));
    EXPECT_TRUE(talk.state_has(FST_FLOW_TS));
}

TEST_P(DatapathHandshake, TimestampsOnlyIfBothOffer) {
    for (const bool peer : {false, true}) {
        Setting setting;
        (peer ? setting.peer : setting.us).timestamps = false;
        Conversation talk = opened(setting);
        EXPECT_FALSE(talk.state_has(FST_FLOW_TS));
    }
}

TEST_P(DatapathHandshake, JoinedMidway) {
    Conversation talk(watching(), hook());
    talk.send(End::peer, Ack, 10);
    EXPECT_TRUE(talk.state_has(FST_FLOW_MIDWAY));
    EXPECT_FALSE(talk.state_has(FST_FLOW_ESTABLISHED));
    talk.send(End::us);
    EXPECT_TRUE(talk.state_has(FST_FLOW_ESTABLISHED));
    EXPECT_TRUE(talk.state_has(FST_FLOW_MIDWAY)) << "permanently";
    EXPECT_TRUE(talk.state_has(FST_FLOW_TS));
}

TEST_P(DatapathHandshake, JoinedAtTheSynAck) {
    Conversation talk(watching(), hook());
    talk.send(End::peer, Syn | Ack);
    EXPECT_TRUE(talk.state_has(FST_FLOW_MIDWAY));
    EXPECT_EQ(talk.flow().isn[talk.index(End::peer)], talk.setting().peer.isn);
    talk.send(End::us);
    EXPECT_TRUE(talk.state_has(FST_FLOW_ESTABLISHED));
}

TEST_P(DatapathHandshake, SynRetransmitted) {
    Conversation talk(watching(), hook());
    const Segment syn = talk.next(End::us, Syn);
    talk.send(syn);
    talk.pass_ms(1000);
    const Outcome again = talk.send(syn);
    ASSERT_NE(again.find(FST_EVENT_SYN), nullptr);
    const fst_packet& reported = again.find(FST_EVENT_SYN)->event.packet;
    EXPECT_EQ(reported.flags & FST_PACKET_NEW_FLOW, 0);
    EXPECT_NE(reported.flags & FST_PACKET_RETRANSMITTED, 0);
    EXPECT_EQ(talk.direction(End::us).retransmitted, 1);
    EXPECT_EQ(talk.flow().generation, again.find(FST_EVENT_SYN)->event.generation);
}

/// The stack answers it with a challenge ACK (RFC 9293, 3.10.7.4): it must not end the flow.
TEST_P(DatapathHandshake, UnexpectedSynOnAnOpenFlow) {
    Conversation talk = opened();
    talk.exchange(3);
    const fst_direction before = talk.direction(End::us);
    const std::uint32_t generation = talk.flow().generation;
    Segment syn = talk.next(End::us, Syn);
    syn.seq = 0x01020304;
    syn.ttl = 33;
    const Outcome outcome = talk.send(syn);
    EXPECT_NE(outcome.find(FST_EVENT_SYN), nullptr);
    EXPECT_EQ(outcome.find(FST_EVENT_ENDED), nullptr);
    EXPECT_TRUE(talk.state_has(FST_FLOW_CANDIDATE));
    EXPECT_TRUE(talk.state_has(FST_FLOW_ESTABLISHED));
    EXPECT_EQ(talk.flow().generation, generation);
    EXPECT_EQ(talk.direction(End::us).seq_edge, before.seq_edge);
    EXPECT_EQ(talk.direction(End::us).ttl[0], before.ttl[0]);
}

/// But if a SYN-ACK answers it, it was real, and the old flow is over.
TEST_P(DatapathHandshake, UnexpectedSynThatIsAnswered) {
    Conversation talk = opened();
    talk.exchange(3);
    const std::uint32_t generation = talk.flow().generation;
    talk.restart(0x22222222, 0x33333333);
    talk.send(End::us, Syn);
    EXPECT_EQ(talk.flow().generation, generation);
    talk.pass_ms(20);
    talk.send(End::peer, Syn | Ack);
    EXPECT_EQ(talk.flow().generation, generation);
    const Outcome third = talk.send(End::us);
    const SeenEvent* ended = third.find(FST_EVENT_ENDED);
    ASSERT_NE(ended, nullptr);
    EXPECT_EQ(ended->event.generation, generation);
    EXPECT_EQ(ended->flow->direction[talk.index(End::us)].packets, 2U + 6);
    EXPECT_EQ(talk.flow().generation, generation + 1);
    EXPECT_FALSE(talk.state_has(FST_FLOW_MIDWAY));
    EXPECT_TRUE(talk.state_has(FST_FLOW_ESTABLISHED));
    talk.exchange(2);
    EXPECT_EQ(talk.direction(End::peer).seq_edge, 0x22222222U + 1 + 2000);
    EXPECT_EQ(talk.direction(End::us).seq_edge, 0x33333333U + 1 + 4000);
}

/// No evidence carries over to a new SYN: after a RST or both FINs the ports start over.
TEST_P(DatapathHandshake, PortsReused) {
    for (const bool by_reset : {true, false}) {
        SCOPED_TRACE(by_reset ? "after a RST" : "after FINs");
        Conversation talk = opened();
        talk.exchange(3);
        if (by_reset) {
            talk.send(talk.next(End::peer, Rst | Ack));
        } else {
            talk.send(End::us, Fin | Ack);
            talk.send(End::peer, Fin | Ack);
            talk.send(End::us);
        }
        talk.pass_ms(500);
        const std::uint32_t generation = talk.flow().generation;
        talk.traits(End::peer).ttl = 120;  // another host behind the address
        talk.restart(0x22222222, 0x33333333);
        const Outcome syn = talk.send(End::us, Syn);
        ASSERT_NE(syn.find(FST_EVENT_ENDED), nullptr);
        EXPECT_EQ(syn.find(FST_EVENT_ENDED)->event.generation, generation);
        EXPECT_EQ(talk.flow().generation, generation + 1);
        EXPECT_EQ(talk.direction(End::peer).packets, 0U);
        EXPECT_EQ(talk.flow().rst_ttl[talk.index(End::peer)], 0);
        talk.pass_ms(20);
        talk.send(End::peer, Syn | Ack);
        talk.send(End::us);
        talk.exchange(3);
        EXPECT_EQ(talk.direction(End::peer).ttl[0], 120);
        EXPECT_EQ(talk.direction(End::peer).ttl[1], 0);
        Segment reset = talk.stateless_reset();
        reset.ttl = 120;
        const fst_judgement judgement = talk.send(reset).judgement();
        EXPECT_EQ(signal_names(counted(judgement.signals)), "none");
        EXPECT_EQ(judgement.verdict, FST_VERDICT_GENUINE);
    }
}

/// The same SYN that was refused, retransmitted, begins a flow, too.
TEST_P(DatapathHandshake, TheSameSynAfterARefusal) {
    Conversation talk(watching(), hook());
    const Segment syn = talk.next(End::us, Syn);
    talk.send(syn);
    talk.pass_ms(20);
    Segment refusal = talk.stateless_reset();
    refusal.flags = Rst | Ack;
    refusal.seq = 0;
    refusal.ack = talk.edge(End::us);
    talk.send(refusal);
    talk.pass_ms(500);
    const std::uint32_t generation = talk.flow().generation;
    talk.send(syn);
    EXPECT_EQ(talk.flow().generation, generation + 1);
}

/// RFC 9293, section 3.5.
TEST_P(DatapathHandshake, SimultaneousOpen) {
    Conversation talk(watching(), hook());
    const Segment ours = talk.next(End::us, Syn), theirs = talk.next(End::peer, Syn);
    talk.send(ours);
    talk.pass_ms(5);
    const Outcome crossing = talk.send(theirs);
    EXPECT_EQ(crossing.find(FST_EVENT_SYN)->event.packet.flags & FST_PACKET_NEW_FLOW, 0);
    Segment our_answer = talk.next(End::us, Syn | Ack),
            their_answer = talk.next(End::peer, Syn | Ack);
    our_answer.seq = talk.setting().us.isn;
    their_answer.seq = talk.setting().peer.isn;
    talk.send(our_answer);
    talk.pass_ms(10);
    talk.send(their_answer);
    talk.send(End::us);
    EXPECT_TRUE(talk.state_has(FST_FLOW_ESTABLISHED));
    EXPECT_FALSE(talk.state_has(FST_FLOW_MIDWAY));
    talk.exchange(2);
    EXPECT_EQ(talk.direction(End::peer).seq_edge, talk.setting().peer.isn + 1 + 2000);
}

/// A SYN-ACK with another acknowledgement number does not answer our SYN: it changes nothing.
TEST_P(DatapathHandshake, ASynAckThatAnswersNothing) {
    Conversation talk(watching(), hook());
    talk.send(End::us, Syn);
    Segment spoofed = talk.next(End::peer, Syn | Ack);
    spoofed.ack += 1;
    spoofed.ttl = 99;
    talk.send(spoofed);
    EXPECT_FALSE(talk.state_has(FST_FLOW_SYN_ACK, End::peer));
    EXPECT_EQ(talk.direction(End::peer).flags & FST_DIRECTION_SEEN, 0);
    EXPECT_EQ(talk.direction(End::peer).ttl[0], 0);
    talk.restart(talk.setting().peer.isn, talk.setting().us.isn);
    talk.open();
    EXPECT_TRUE(talk.state_has(FST_FLOW_ESTABLISHED));
}

/// The peer did not see an older connection on these ports end: it acknowledges what it knows (RFC
/// 9293, section 3.10.7.4; RFC 5961, section 4), and nothing is learned from that.
TEST_P(DatapathHandshake, ASynAnsweredByAnOlderConnection) {
    for (const bool by_reset : {true, false}) {
        SCOPED_TRACE(by_reset ? "after a RST" : "after FINs");
        Conversation talk = opened();
        talk.exchange(3);
        Segment stale = talk.next(End::peer);
        stale.ttl = 33;
        if (by_reset) {
            talk.send(End::us, Rst | Ack);
        } else {
            talk.send(End::us, Fin | Ack);
            talk.send(End::peer, Fin | Ack);
            talk.send(End::us);
        }
        talk.pass_ms(500);
        talk.restart(0x22222222, 0x33333333);
        const Segment syn = talk.next(End::us, Syn);
        EXPECT_NE(talk.send(syn).find(FST_EVENT_ENDED), nullptr);
        for (const int attempt : {1, 2}) {
            SCOPED_TRACE(attempt);
            talk.pass_ms(20);
            stale.id++;
            const Outcome answer = talk.send(stale);
            const SeenEvent* reported = answer.find(FST_EVENT_STALE_ACK);
            ASSERT_NE(reported, nullptr);
            EXPECT_EQ(answer.events.size(), 1U);
            EXPECT_EQ(reported->event.packet.ack, stale.ack);
            EXPECT_EQ(reported->event.packet.direction, talk.index(End::peer));
            EXPECT_NE(reported->event.packet.flags & FST_PACKET_OUT_OF_PROFILE, 0);
            EXPECT_EQ(talk.direction(End::peer).flags, 0);
            EXPECT_EQ(talk.direction(End::peer).ttl[0], 0);
            EXPECT_EQ(talk.direction(End::peer).packets, 0U);
            EXPECT_FALSE(talk.state_has(FST_FLOW_ESTABLISHED));
            EXPECT_FALSE(talk.state_has(FST_FLOW_MIDWAY));
            talk.pass_ms(980);
            EXPECT_NE(talk.send(syn).find(FST_EVENT_SYN), nullptr) << "retransmitted";
        }
        talk.pass_ms(20);
        const Outcome answer = talk.send(End::peer, Syn | Ack);
        EXPECT_EQ(answer.find(FST_EVENT_STALE_ACK), nullptr);
        EXPECT_EQ(talk.direction(End::peer).ttl[0], talk.setting().peer.ttl);
        EXPECT_NE(talk.send(End::us).find(FST_EVENT_ESTABLISHED), nullptr);
        EXPECT_TRUE(talk.send(End::peer).events.empty());
    }
}

/// A kernel whose peer began anew on an open connection's ports: once per SYN. It is the peer's own
/// ACK, and fits.
TEST_P(DatapathHandshake, ASynOnAnOpenFlowAnsweredByAChallengeAck) {
    for (const bool v6 : {false, true}) {
        Conversation talk = opened({.v6 = v6});
        talk.exchange(3);
        talk.pass_ms(20);
        EXPECT_TRUE(talk.send(End::peer).events.empty()) << "there was no SYN";
        talk.pass_ms(20);
        Segment syn = talk.next(End::us, Syn);
        syn.seq = 0x01020304;
        talk.send(syn);
        talk.pass_ms(20);
        const Outcome challenge = talk.send(End::peer);
        const SeenEvent* reported = challenge.find(FST_EVENT_STALE_ACK);
        ASSERT_NE(reported, nullptr);
        EXPECT_EQ(challenge.events.size(), 1U);
        EXPECT_EQ(reported->event.packet.ack, talk.edge(End::us));
        EXPECT_EQ(reported->event.packet.flags & FST_PACKET_OUT_OF_PROFILE, 0);
        EXPECT_TRUE(talk.state_has(FST_FLOW_ESTABLISHED));
        talk.pass_ms(20);
        EXPECT_TRUE(talk.send(End::peer).events.empty()) << "it answers no further SYN";
    }
}

/// The peer goes on: its data is no answer to the SYN.
TEST_P(DatapathHandshake, DataAfterASynOnAnOpenFlowIsNoStaleAck) {
    Conversation talk = opened();
    talk.exchange(3);
    talk.pass_ms(20);
    Segment syn = talk.next(End::us, Syn);
    syn.seq = 0x01020304;
    talk.send(syn);
    talk.pass_ms(5);
    EXPECT_TRUE(talk.send(End::peer, Psh | Ack, 100).events.empty());
}

/// An ACK of the SYN is no older connection's. Where a socket of this host has sent the SYN, its stack throws it
/// away all the same; elsewhere the SYN-ACK may have passed before it.
TEST_P(DatapathHandshake, AnAckOfTheSynIsNotStale) {
    for (const std::size_t payload : {0, 10}) {
        Conversation talk(watching(), hook());
        talk.send(End::us, Syn);
        talk.pass_ms(20);
        EXPECT_TRUE(talk.send(End::peer, Ack, payload).events.empty());
        EXPECT_EQ(talk.direction(End::peer).flags & FST_DIRECTION_SEEN, 0);
        EXPECT_EQ(talk.direction(End::peer).ttl[0], 0);
        if (in_kernel()) {
            continue;  // there each packet that leaves has a socket
        }
        Conversation forwarded(watching(), hook());
        const Segment syn = forwarded.next(End::us, Syn);
        watching().run(FST_HOOK_TC_EGRESS, {.bytes = forwarded.encode(syn), .has_no_socket = true});
        Segment ack = forwarded.next(End::peer, Ack, payload);
        ack.ack = syn.seq + 1;
        EXPECT_TRUE(watching().run(hook(), {.bytes = forwarded.encode(ack)}).events.empty());
        EXPECT_EQ(forwarded.direction(End::peer).ttl[0], forwarded.setting().peer.ttl);
    }
}

TEST_P(DatapathHandshake, BothEndsSendFin) {
    Conversation talk = opened();
    talk.exchange(2);
    EXPECT_NE(talk.send(End::us, Fin | Ack).find(FST_EVENT_FIN), nullptr);
    EXPECT_TRUE(talk.state_has(FST_FLOW_FIN, End::us));
    EXPECT_FALSE(talk.state_has(FST_FLOW_FIN, End::peer));
    EXPECT_NE(talk.send(End::peer, Fin | Ack).find(FST_EVENT_FIN), nullptr);
    EXPECT_TRUE(talk.state_has(FST_FLOW_FIN, End::peer));
}

}  // namespace
}  // namespace flowstamp::testing
