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
        EXPECT_TRUE(ack.events.empty());
        EXPECT_TRUE(talk.state_has(FST_FLOW_ESTABLISHED));
        EXPECT_FALSE(talk.state_has(FST_FLOW_MIDWAY));
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
    EXPECT_TRUE(talk.state_has(FST_FLOW_NEW_SYN));
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
    const Outcome answer = talk.send(End::peer, Syn | Ack);
    const SeenEvent* ended = answer.find(FST_EVENT_ENDED);
    ASSERT_NE(ended, nullptr);
    EXPECT_EQ(ended->event.generation, generation);
    EXPECT_EQ(ended->flow->direction[talk.index(End::us)].packets, 2U + 6 + 1);
    EXPECT_EQ(talk.flow().generation, generation + 1);
    EXPECT_FALSE(talk.state_has(FST_FLOW_MIDWAY));
    talk.send(End::us);
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
