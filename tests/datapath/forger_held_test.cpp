// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// What is sent behind a genuine reset holds it up no longer than its sender takes to answer.
#include <gtest/gtest.h>

#include "tests/datapath/forger_fixture.h"

namespace flowstamp::testing {
namespace {

class DatapathForgerHeld : public DatapathForger {
  protected:
    static constexpr std::uint64_t kRttMs = 20;

    /// Our stack's answer to a challenge.
    static void ask(Conversation& talk) {
        talk.pass_us(50);
        talk.send(End::us, Ack);
    }
    /// A bare ACK in the peer's name from 20 hops farther, with the timestamp of its latest packet.
    void speak_from_elsewhere(Conversation& talk, const Segment& latest) {
        Segment ack = latest;
        ack.ttl = static_cast<std::uint8_t>(ack.ttl - 20);
        ack.id = 7;
        inject(talk, ack);
    }
    /// A reset in the window, past its exact place, from 3 hops nearer.
    void forge_from_nearer(Conversation& talk, std::uint32_t ahead) {
        Segment forged = talk.stateless_reset();
        forged.seq += ahead;
        forged.ttl = static_cast<std::uint8_t>(forged.ttl + 3);
        inject(talk, forged);
    }
};
INSTANTIATE_TEST_SUITE_P(Datapath, DatapathForgerHeld, ::testing::ValuesIn(ingress_hooks()),
                         case_name);

/// Who is not where the peer is does not speak for it.
TEST_P(DatapathForgerHeld, WhoSpeaksFromElsewhereIsNotThePeer) {
    protect();
    Conversation talk = established();
    const Segment latest = talk.next(End::peer, Ack);
    inject(talk, talk.next(End::peer, Rst | Ack));
    speak_from_elsewhere(talk, latest);
    ask(talk);
    talk.pass_ms(kRttMs);
    EXPECT_EQ(inject(talk, talk.stateless_reset()).judgement().pass_reason, FST_PASS_ANSWER);
}

/// The peer was heard since its reset, as by a segment that this overtook, and must uphold it for a while: that is as long,
/// whatever resets from nearer come in between.
TEST_P(DatapathForgerHeld, ResetsFromNearerTakeNothingFromThePeersAnswers) {
    protect();
    const auto answers_until_heard = [this](std::uint32_t resets) {
        Conversation talk = established();
        const Segment latest = talk.next(End::peer, Ack);
        inject(talk, talk.next(End::peer, Rst | Ack));
        inject(talk, latest);
        ask(talk);
        for (std::uint32_t answers = 1; answers < 50; answers++) {
            for (std::uint32_t i = 0; i < resets; i++)
                forge_from_nearer(talk, 5000 - 10 * answers - i);
            talk.pass_ms(kRttMs);
            if (inject(talk, talk.stateless_reset()).judgement().pass_reason == FST_PASS_ANSWER)
                return answers;
            ask(talk);
        }
        return 0U;
    };
    const std::uint32_t alone = answers_until_heard(0);
    EXPECT_GT(alone, 1U);
    for (const std::uint32_t resets : {1, 2, 5}) {
        SCOPED_TRACE(resets);
        EXPECT_EQ(answers_until_heard(resets), alone);
    }
}

/// Its marks speak for its reset, which comes by a new route: that is the way that its answers come by, whatever resets
/// come from elsewhere in between, also if one is why the peer's own was held.
TEST_P(DatapathForgerHeld, ResetsFromElsewhereHideNoNewRoute) {
    protect();
    for (const bool held : {false, true}) {
        SCOPED_TRACE(held);
        Conversation talk = established();
        const auto by_the_new_route = [](Segment segment) {
            segment.ttl = static_cast<std::uint8_t>(segment.ttl - 10);
            return segment;
        };
        if (held) {
            forge_from_nearer(talk, 0);
            ask(talk);
        }
        EXPECT_EQ(inject(talk, by_the_new_route(talk.next(End::peer, Rst | Ack))).dropped, held);
        ask(talk);
        talk.pass_us(10'000);
        forge_from_nearer(talk, 5000);
        ask(talk);
        talk.pass_us(10'000);
        EXPECT_EQ(inject(talk, by_the_new_route(talk.stateless_reset())).judgement().pass_reason,
                  FST_PASS_ANSWER);
    }
}

/// Where one was refuted lately, those that are confirmed and come from elsewhere are dropped: they take nothing of the
/// question that a genuine one asks.
TEST_P(DatapathForgerHeld, ResetsThatAreDroppedPutNoAnswerOff) {
    protect();
    Conversation talk =
        established({.peer = {.ttl = 57, .timestamps = false, .mac = Setting{}.peer.mac}});
    inject(talk, mimic(talk));
    ask(talk);
    talk.exchange(3);
    talk.pass_ms(100);
    ASSERT_NE(talk.flow().reset_flags[talk.index(End::peer)] & FST_RESET_REFUTED, 0);
    inject(talk, talk.next(End::peer, Rst | Ack));
    ask(talk);
    int answers = 0;
    bool heard = false;
    for (; answers < 10 && !heard; answers++) {
        talk.pass_us(10'000);
        EXPECT_EQ(inject(talk, crude(talk)).judgement().action, FST_ACTION_DROPPED);
        talk.pass_us(10'000);
        const Outcome answer = inject(talk, talk.stateless_reset());
        heard = answer.judgement().pass_reason == FST_PASS_ANSWER;
        if (!answer.dropped)
            ask(talk);
    }
    EXPECT_TRUE(heard);
    EXPECT_LE(answers, 3);
}

/// A box nearer than the peer answers each of our ACKs twice, early and just before the peer does. None of the peer's marks
/// speaks for its reset.
TEST_P(DatapathForgerHeld, AnswersFromNearerPutNoneOfThePeersOff) {
    protect();
    Conversation talk = established(
        {.peer = {.ttl = 57, .ids = Ids::zero, .timestamps = false, .mac = Setting{}.peer.mac}});
    const auto from_nearer = [&talk] {
        Segment forged = talk.stateless_reset();
        forged.ttl = static_cast<std::uint8_t>(forged.ttl + 3);
        return forged;
    };
    inject(talk, talk.next(End::peer, Rst | Ack));
    ask(talk);
    int answers = 0;
    bool heard = false;
    for (; answers < 20 && !heard; answers++) {
        talk.pass_us(8'000);
        if (!inject(talk, from_nearer()).dropped)
            ask(talk);
        talk.pass_us(10'400);
        if (!inject(talk, from_nearer()).dropped)
            ask(talk);
        talk.pass_us(1550);
        const Outcome answer = inject(talk, talk.stateless_reset());
        heard = answer.judgement().action == FST_ACTION_OBSERVED;
        if (!answer.dropped)
            ask(talk);
    }
    EXPECT_TRUE(heard);
    EXPECT_LE(answers, 1);
}

}  // namespace
}  // namespace flowstamp::testing
