// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A genuine reset is asked for again, whatever was forged before it.
#include <gtest/gtest.h>

#include <cstring>

#include "tests/datapath/forger_fixture.h"

namespace flowstamp::testing {
namespace {

class DatapathForgerAsked : public DatapathForger {
  protected:
    static constexpr std::uint64_t kRttMs = 20;

    /// A forged reset that the peer has refuted.
    Conversation refuted() {
        Conversation talk =
            established({.peer = {.ttl = 57, .timestamps = false, .mac = Setting{}.peer.mac}});
        inject(talk, mimic(talk));
        talk.pass_us(50);
        talk.send(End::us, Ack);
        talk.exchange(3);
        talk.pass_ms(100);
        EXPECT_NE(talk.flow().reset_flags[talk.index(End::peer)] & FST_RESET_REFUTED, 0);
        return talk;
    }
    /// Another one, bare, from 3 hops farther.
    void forge_from_farther(Conversation& talk) {
        Segment forged = talk.stateless_reset();
        forged.ttl -= 3;
        inject(talk, forged);
        talk.pass_us(50);
        talk.send(End::us, Ack);
        talk.pass_ms(30);
    }
    /// The reset is challenged, our stack sends the ACK, and the peer, which is gone, answers that.
    void expect_heard(Conversation& talk, const Segment& reset) {
        const Outcome asked = inject(talk, reset);
        EXPECT_FALSE(asked.dropped);
        EXPECT_EQ(asked.judgement().action, FST_ACTION_CHALLENGED);
        talk.pass_us(50);
        talk.send(End::us, Ack);
        talk.pass_ms(kRttMs);
        EXPECT_EQ(inject(talk, talk.stateless_reset()).judgement().pass_reason, FST_PASS_ANSWER);
    }
};
INSTANTIATE_TEST_SUITE_P(Datapath, DatapathForgerAsked, ::testing::ValuesIn(ingress_hooks()),
                         case_name);

/// A peer that has read a part of what it was sent, and closes: its window was never seen.
TEST_P(DatapathForgerAsked, ASuspectedOneIsChallengedAlthoughOneWasRefuted) {
    use(FST_DROP_SUSPECTED, FST_CHALLENGE_ALL);
    Conversation talk = refuted();
    forge_from_farther(talk);
    Segment genuine = talk.next(End::peer, Rst | Ack);
    genuine.window = 77;
    genuine.id += 500;
    expect_heard(talk, genuine);
}

/// A forger can make our counter of IP-IDs meet the peer's.
TEST_P(DatapathForgerAsked, SoIsOneThatLooksForged) {
    protect();
    Conversation talk = refuted();
    forge_from_farther(talk);
    Segment genuine = talk.next(End::peer, Rst | Ack);
    genuine.id = talk.ids(End::us).back();
    const Outcome asked = inject(talk, genuine);
    EXPECT_EQ(asked.judgement().verdict, FST_VERDICT_CONFIRMED);
    EXPECT_FALSE(asked.dropped);
    talk.pass_us(50);
    talk.send(End::us, Ack);
    talk.pass_ms(kRttMs);
    EXPECT_EQ(inject(talk, talk.stateless_reset()).judgement().pass_reason, FST_PASS_ANSWER);
}

/// The challenge of one from elsewhere may be thrown away on its way to the stack, as by a router where its TTL ends:
/// then no ACK asks the peer.
TEST_P(DatapathForgerAsked, OneFromThePeersPlaceIsNotHeldForAnothersQuestion) {
    protect();
    Conversation talk = established();
    Segment dies = talk.stateless_reset();
    dies.ttl = 2;
    dies.seq += 1000;
    inject(talk, dies);
    talk.pass_us(200);
    inject(talk, dies);
    expect_heard(talk, talk.next(End::peer, Rst | Ack));
}

/// Nor for any other question that has made our stack send nothing: challenges keep the options of the reset, which it may
/// throw away, or do not fit into the next link. Many of such, from the peer's own place.
TEST_P(DatapathForgerAsked, WhatMadeOurStackSendNothingHoldsNoGenuineOne) {
    protect();
    for (const std::uint32_t step_us : {100, 2000, 4900}) {
        SCOPED_TRACE(step_us);
        Conversation talk = established();
        for (std::uint32_t i = 0; i < 30; i++) {
            Segment forged = talk.stateless_reset();
            forged.seq += 1000 + i;
            inject(talk, forged);
            talk.pass_us(step_us);
        }
        expect_heard(talk, talk.next(End::peer, Rst | Ack));
    }
}

/// It is asked for once at a time all the same: else a box that resets what it sees would be asked ever more often.
TEST_P(DatapathForgerAsked, OfManyAtOnceNoneIsChallengedOnceOurStackHasAsked) {
    protect();
    Conversation talk = established();
    int challenged = 0;
    for (std::uint32_t i = 0; i < 20; i++) {
        Segment reset = talk.next(End::peer, Rst | Ack);
        reset.seq += 100 * i;
        reset.ttl -= i % 3 == 0 ? 5 : 0;
        challenged += inject(talk, reset).dropped ? 0 : 1;
        talk.pass_us(20);
        if (i == 3) {
            talk.send(End::us, Ack);
        }
    }
    EXPECT_EQ(challenged, 4);
}

/// A reset in the window, just before the peer's answer can come, asks no other question.
TEST_P(DatapathForgerAsked, WhatAnswersNothingKeepsNoAnswerFromBeingHeard) {
    protect();
    Conversation talk = established();
    inject(talk, talk.next(End::peer, Rst | Ack));
    talk.pass_us(50);
    talk.send(End::us, Ack);
    int heard = 0, rounds = 0;
    for (; rounds < 10 && !heard; rounds++) {
        talk.pass_us(18'400);  // 0.92 of the least round trip
        Segment forged = talk.stateless_reset();
        forged.seq += 1000;
        inject(talk, forged);
        talk.pass_us(50);
        talk.send(End::us, Ack);
        talk.pass_us(1550);
        heard = inject(talk, talk.stateless_reset()).judgement().pass_reason == FST_PASS_ANSWER;
        talk.pass_us(50);
        talk.send(End::us, Ack);
    }
    EXPECT_TRUE(heard);
    EXPECT_LE(rounds, 1);
}

/// Where nobody has answered for long, the next reset asks anew.
TEST_P(DatapathForgerAsked, AQuestionThatNobodyAnsweredIsAskedAgain) {
    protect();
    for (const std::uint64_t later_ms : {100, 300, 500, 900}) {
        SCOPED_TRACE(later_ms);
        Conversation talk = established();
        Segment forged = talk.stateless_reset();
        forged.seq += 1000;
        inject(talk, forged);
        talk.pass_us(50);
        talk.send(End::us, Ack);
        talk.pass_ms(later_ms);
        expect_heard(talk, talk.next(End::peer, Rst | Ack));
    }
}

/// The times of edges and resets have 32 bits of microseconds.
TEST_P(DatapathForgerAsked, AfterARestOfAnyLengthTheFirstAnswerIsHeard) {
    protect();
    for (const std::uint64_t minutes : {1, 30, 36, 50, 70, 72}) {
        SCOPED_TRACE(minutes);
        Conversation talk = established();
        talk.pass_ms(minutes * 60'000);
        expect_heard(talk, talk.next(End::peer, Rst | Ack));
    }
}

/// What user space sends up the stack while nobody has answered comes in at tc as well. A forger's of that shape does
/// as little: the stack only acknowledges it.
TEST_P(DatapathForgerAsked, WhatAsksAgainTeachesNothing) {
    protect();
    for (const bool timestamps : {false, true}) {
        Conversation talk =
            established({.peer = {.ttl = 57, .timestamps = timestamps, .mac = Setting{}.peer.mac}});
        inject(talk, mimic(talk));
        talk.pass_us(50);
        talk.send(End::us, Ack);
        talk.pass_ms(200);
        const fst_flow before = talk.flow();
        Segment question = talk.next(End::peer, Ack);
        question.seq -= 2;
        question.payload = 1;
        question.timestamps.reset();
        question.id = 0;
        question.ttl -= 3;
        for (int times = 0; times < 4; times++) {
            const Outcome asked = inject(talk, question);
            EXPECT_FALSE(asked.dropped);
            EXPECT_TRUE(asked.events.empty());
        }
        const fst_flow after = talk.flow();
        EXPECT_EQ(std::memcmp(&before, &after, sizeof(before)), 0);
        // Our stack's ACK asks: its answer is in time.
        talk.send(End::us, Ack);
        talk.pass_ms(kRttMs);
        EXPECT_EQ(inject(talk, talk.stateless_reset()).judgement().pass_reason, FST_PASS_ANSWER);
    }
}

}  // namespace
}  // namespace flowstamp::testing
