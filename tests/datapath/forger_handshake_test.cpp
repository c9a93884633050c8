// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Forged SYNs and SYN-ACKs, as the stack takes them in or throws them away.
#include <gtest/gtest.h>

#include "tests/datapath/forger_fixture.h"

namespace flowstamp::testing {
namespace {

class DatapathForgerHandshake : public DatapathForger {
  protected:
    /// Our SYN, and a second later the same again, its clock so many ticks ahead. The first one's timestamp.
    static std::uint32_t send_two_syns(Conversation& talk, std::uint32_t ticks) {
        Segment syn = talk.next(End::us, Syn);
        const std::uint32_t first = syn.timestamps->val;
        talk.send(syn);
        talk.pass_ms(1000);
        syn.timestamps->val = first + ticks;
        syn.id++;
        talk.send(syn);
        talk.pass_ms(20);
        return first;
    }
    /// Our SYN, and a forged SYN-ACK to it whose timestamp echoes none of ours: our stack throws it away.
    void be_answered_in_its_name(Conversation& talk) {
        talk.send(End::us, Syn);
        talk.pass_ms(5);
        Segment forged = talk.next(End::peer, Syn | Ack);
        forged.seq += 0x01020304;
        forged.timestamps->ecr -= 200'000;
        inject(talk, forged);
        talk.pass_us(50);
    }
    /// What a host sends where nobody listens.
    static Segment refusal(Conversation& talk) {
        Segment reset = talk.stateless_reset();
        reset.flags = Rst | Ack;
        reset.seq = 0;
        reset.ack = talk.edge(End::us);
        return reset;
    }
};
INSTANTIATE_TEST_SUITE_P(Datapath, DatapathForgerHandshake, ::testing::ValuesIn(ingress_hooks()),
                         case_name);

/// In SYN-SENT Linux answers it with a reset and goes on waiting.
TEST_P(DatapathForgerHandshake, ASynAckWithAnotherEchoMakesNoRefusalForged) {
    protect();
    Conversation talk(acting(), hook());
    be_answered_in_its_name(talk);
    talk.pass_ms(15);
    const Outcome refused = inject(talk, refusal(talk));
    EXPECT_FALSE(refused.dropped);
    EXPECT_EQ(refused.judgement().verdict, FST_VERDICT_GENUINE);
    EXPECT_TRUE(refused.judgement().context & FST_CONTEXT_TO_SYN);
}

TEST_P(DatapathForgerHandshake, ASynAckWithAnotherEchoIsNotTheServers) {
    protect();
    Conversation talk(acting(), hook());
    be_answered_in_its_name(talk);
    talk.pass_ms(15);
    talk.send(End::peer, Syn | Ack);
    talk.send(End::us, Ack);
    EXPECT_TRUE(talk.state_has(FST_FLOW_ESTABLISHED));
    EXPECT_EQ(talk.flow().isn[talk.index(End::peer)], talk.setting().peer.isn);
    talk.exchange(5);
    talk.pass_ms(100);
    expect_refused(talk, crude(talk));
}

/// The echo of any of its SYNs is right, whichever of them was answered, and none at all.
TEST_P(DatapathForgerHandshake, AnyOfOurSynsMayBeEchoed) {
    for (const std::uint32_t which : {0U, 1U, 2U}) {
        SCOPED_TRACE(which);
        Conversation talk(acting(), hook());
        const std::uint32_t first = send_two_syns(talk, 1000);
        Segment answer = talk.next(End::peer, Syn | Ack);
        answer.timestamps->ecr = which == 2 ? 0 : first + which * 1000;
        talk.send(answer);
        EXPECT_TRUE(talk.state_has(FST_FLOW_SYN_ACK, End::peer));
    }
}

/// On a host whose timestamps tick once per microsecond the third packet tells.
TEST_P(DatapathForgerHandshake, AnEchoOfAFastClockIsTakenWithTheThirdPacket) {
    protect();
    Conversation talk(acting(), hook());
    const std::uint32_t first = send_two_syns(talk, 1'000'000);
    Segment answer = talk.next(End::peer, Syn | Ack);
    answer.timestamps->ecr = first + 1'000'000;
    talk.send(answer);
    talk.send(End::us, Ack);
    EXPECT_TRUE(talk.state_has(FST_FLOW_ESTABLISHED));
    EXPECT_FALSE(talk.state_has(FST_FLOW_MIDWAY));
}

/// What our stack has reset was no SYN-ACK to it, whatever it looked like here.
TEST_P(DatapathForgerHandshake, ASynAckThatWeResetMakesNoRefusalForged) {
    protect();
    Conversation talk(acting(), hook());
    talk.send(End::us, Syn);
    talk.pass_ms(5);
    Segment forged = talk.next(End::peer, Syn | Ack);
    forged.seq += 0x01020304;
    inject(talk, forged);
    talk.pass_us(50);
    Segment ours = talk.next(End::us, Rst);
    ours.timestamps.reset();
    ours.seq = forged.ack;
    acting().run(FST_HOOK_TC_EGRESS, {.bytes = talk.encode(ours)});
    talk.pass_ms(15);
    const Outcome refused = inject(talk, refusal(talk));
    EXPECT_FALSE(refused.dropped);
    EXPECT_NE(refused.judgement().verdict, FST_VERDICT_CONFIRMED);
}

/// Nothing but an answer before it speaks against it: a stack that has taken that in throws this away by itself.
TEST_P(DatapathForgerHandshake, ARefusalIsNotDroppedForASynAckBeforeItAlone) {
    protect();
    Conversation talk(acting(), hook());
    talk.send(End::us, Syn);
    talk.pass_ms(20);
    talk.send(End::peer, Syn | Ack);
    talk.pass_us(10);
    const Outcome refused = inject(talk, refusal(talk));
    EXPECT_FALSE(refused.dropped);
    EXPECT_EQ(refused.judgement().pass_reason, FST_PASS_SYN_SENT);
}

/// Nor for the place that the answer came from, as a refusal has the number 0 in any case (RFC 9293, section 3.10.7.1).
TEST_P(DatapathForgerHandshake, NorForThePlaceOfTheSynAckBeforeIt) {
    for (const fst_drop_mode mode : {FST_DROP_CONFIRMED, FST_DROP_SUSPECTED}) {
        for (const int syns : {1, 2}) {
            SCOPED_TRACE(syns);
            use(mode, FST_CHALLENGE_ALL);
            Conversation talk(acting(), hook());
            if (syns == 2) {
                send_two_syns(talk, 1000);
            } else {
                talk.send(End::us, Syn);
            }
            talk.pass_ms(5);
            Segment forged = talk.next(End::peer, Syn | Ack);
            forged.seq += 0x01020304;
            forged.ttl -= 20;
            inject(talk, forged);
            talk.pass_ms(15);
            for (int i = 0; i < 3; i++) {
                const Outcome refused = inject(talk, refusal(talk));
                EXPECT_FALSE(refused.dropped);
                EXPECT_EQ(refused.judgement().pass_reason, FST_PASS_SYN_SENT);
                talk.pass_ms(1);
            }
        }
    }
}

/// An injector's own mark, here that of Sandvine, is no SYN-ACK's doing.
TEST_P(DatapathForgerHandshake, ARefusalWithAnInjectorsMarkIsDropped) {
    use(FST_DROP_SUSPECTED, FST_CHALLENGE_ALL);
    Conversation talk(acting(), hook());
    talk.send(End::us, Syn);
    talk.pass_ms(10);
    Segment forged = refusal(talk);
    forged.id = 0x3412;
    EXPECT_TRUE(inject(talk, forged).dropped);
}

/// A listener throws it away (Linux: tcp_rcv_state_process()): the client's own SYN is not its copy.
TEST_P(DatapathForgerHandshake, ASynWithAFinBeginsNothing) {
    protect();
    Conversation talk(acting(), hook());
    Segment forged = talk.next(End::peer, Syn | Fin);
    forged.timestamps->val += 1U << 30U;
    inject(talk, forged);
    talk.pass_us(100);
    talk.send(End::peer, Syn);
    talk.pass_us(50);
    talk.send(End::us, Syn | Ack);
    talk.pass_ms(20);
    talk.send(End::peer, Ack);
    EXPECT_TRUE(talk.state_has(FST_FLOW_ESTABLISHED));
    EXPECT_FALSE(talk.state_has(FST_FLOW_MIDWAY));
    for (int i = 0; i < 5; i++) {
        talk.send(End::peer, Psh | Ack, 100);
        talk.send(End::us, Psh | Ack, 100);
        talk.pass_ms(20);
    }
    expect_refused(talk, mimic(talk));
}

/// A client takes the SYN-ACK and ignores the FIN (Linux: tcp_rcv_synsent_state_process()).
TEST_P(DatapathForgerHandshake, ASynAckWithAFinClosesNothing) {
    protect();
    Conversation talk(acting(), hook());
    talk.send(End::us, Syn);
    talk.pass_ms(20);
    inject(talk, talk.next(End::peer, Syn | Fin | Ack));
    talk.pass_us(10);
    talk.send(End::peer, Syn | Ack);
    talk.pass_us(100);
    talk.send(End::us, Ack);
    EXPECT_FALSE(talk.state_has(FST_FLOW_FIN, End::peer));
    EXPECT_FALSE(talk.state_has(FST_FLOW_FIN_AHEAD, End::peer));
    EXPECT_TRUE(talk.state_has(FST_FLOW_ESTABLISHED));
    talk.send(End::us, Psh | Ack, 100);
    close_our_side(talk);
    expect_refused(talk, mimic(talk));
}

}  // namespace
}  // namespace flowstamp::testing
