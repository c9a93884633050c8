// SPDX-License-Identifier: Apache-2.0
// What is done about a RST that is doubted: what becomes of its bytes, when it is believed, and when
// it must be passed all the same. Only where packets come in: see observe_only_test.cpp for egress.
#include "tests/datapath/fixture.h"

namespace flowstamp::testing {
namespace {

constexpr std::uint64_t kRttUs = 20'000;

class DatapathActing : public DatapathTest {
  protected:
    void use(fst_drop_mode drop, fst_challenge_mode challenge) {
        fst_policy policy{};
        policy.drop_mode = drop;
        policy.challenge_mode = challenge;
        acting().set_policy(policy);
    }

    Conversation established(const Setting& setting = {}) {
        Conversation talk(acting(), hook(), setting);
        talk.open().exchange(5);
        talk.pass_ms(200);
        return talk;
    }
};
INSTANTIATE_TEST_SUITE_P(Datapath, DatapathActing, ::testing::ValuesIn(ingress_hooks()), case_name);

/// Nearer by 2 and with our ID: two strong families.
Segment convicted_reset(Conversation& talk) {
    Segment reset = talk.next(End::peer, Rst);
    reset.window = 0;
    reset.timestamps.reset();
    reset.ttl += 2;
    reset.id = talk.ids(End::us).back();
    return reset;
}

/// Whether the question is the RST with another sequence number, or a keepalive in its place.
enum class Form { blunted, past };

/// The packet was asked about: these bytes, and no others, are what the stack must get.
void expect_asked(const Conversation& talk, const Outcome& outcome, const Segment& reset,
                  Form form) {
    const fst_judgement judgement = outcome.judgement();
    EXPECT_EQ(judgement.action, FST_ACTION_CHALLENGED);
    EXPECT_EQ(judgement.challenge, FST_CHALLENGE_ASKED);
    EXPECT_EQ(judgement.pass_reason, FST_PASS_NOT_SUSPECT);
    EXPECT_FALSE(outcome.dropped);
    Segment asked = reset;
    if (form == Form::blunted) {
        const std::uint32_t edge = talk.edge(End::peer);
        asked.seq = (static_cast<std::int32_t>(edge - reset.seq) > 0 ? edge : reset.seq) + 1;
    } else {
        if (reset.payload == 0) {
            asked.payload = 1;
            asked.zeros = true;
            asked.trailer -= reset.trailer != 0 ? 1 : 0;
        }
        asked.seq =
            talk.direction(End::us).ack_edge - static_cast<std::uint32_t>(asked.payload) - 1;
        asked.ack = talk.direction(End::peer).ack_edge;
        asked.flags = Ack;
    }
    EXPECT_EQ(outcome.bytes, talk.encode(asked));  // its checksum with it
    EXPECT_TRUE(tcp_checksum_ok(outcome.bytes) || tcp_checksum_partial(outcome.bytes));
    EXPECT_TRUE(talk.state_has(FST_FLOW_AFTER_RST, End::peer));
    EXPECT_FALSE(talk.state_has(FST_FLOW_RST, End::peer)) << "the flow is still open";
    EXPECT_NE(talk.flow().reset_flags[talk.index(End::peer)] & FST_RESET_CHALLENGED, 0);
}

/// The packet went on as it came, for this reason.
void expect_passed(const Conversation& talk, const Outcome& outcome, const Segment& reset,
                   fst_pass_reason reason) {
    EXPECT_EQ(outcome.judgement().action, FST_ACTION_OBSERVED);
    EXPECT_EQ(outcome.judgement().pass_reason, reason);
    EXPECT_FALSE(outcome.dropped);
    EXPECT_EQ(outcome.bytes, talk.encode(reset));
}

void expect_dropped(const Outcome& outcome) {
    EXPECT_TRUE(outcome.dropped);
    EXPECT_EQ(outcome.judgement().action, FST_ACTION_DROPPED);
    EXPECT_EQ(outcome.judgement().challenge, FST_CHALLENGE_NONE);
}

/// Asks about a RST, lets our stack send its challenge ACK, and waits.
void ask(Conversation& talk, std::uint64_t wait_us) {
    const Segment reset = talk.stateless_reset();
    expect_asked(talk, talk.send(reset), reset, Form::blunted);
    talk.pass_us(50);
    talk.send(End::us);
    talk.pass_us(wait_us);
}

TEST_P(DatapathActing, TheFirstQuestionIsTheResetBlunted) {
    use(FST_DROP_OFF, FST_CHALLENGE_ALL);
    for (const bool v6 : {false, true}) {
        for (const std::size_t payload : {0, 1, 11, 100, 400, 1300}) {
            for (const bool with_timestamps : {false, true}) {
                SCOPED_TRACE(::testing::Message() << v6 << " " << payload << with_timestamps);
                Conversation talk = established({.v6 = v6});
                Segment reset = talk.next(End::peer, Rst | Ack);
                reset.payload = payload;
                if (!with_timestamps) {
                    reset.timestamps.reset();
                }
                const std::uint64_t before = acting().counter(FST_COUNT_CHALLENGED);
                expect_asked(talk, talk.send(reset), reset, Form::blunted);
                EXPECT_EQ(acting().counter(FST_COUNT_CHALLENGED), before + 1);
                EXPECT_TRUE(talk.state_has(FST_FLOW_AWAITS_EGRESS, End::peer));
                EXPECT_EQ(talk.flow().challenges[talk.index(End::peer)], 1);
            }
        }
    }
}

/// Every further one is a keepalive: the RST's own bytes, or one more.
TEST_P(DatapathActing, FurtherQuestionsAreKeepalives) {
    use(FST_DROP_OFF, FST_CHALLENGE_ALL);
    for (const bool v6 : {false, true}) {
        for (const std::size_t payload : {0, 1, 100}) {
            for (const std::size_t trailer : {0, 1, 6}) {
                for (const TcpFlags flags : {TcpFlags{Rst}, Rst | Ack}) {
                    SCOPED_TRACE(::testing::Message()
                                 << v6 << " " << payload << " " << trailer << " " << flags);
                    Conversation talk = established({.v6 = v6});
                    ask(talk, kRttUs * 6);  // too late to be answered
                    Segment again = talk.next(End::peer, flags);
                    again.payload = payload;
                    again.trailer = trailer;
                    expect_asked(talk, talk.send(again), again, Form::past);
                }
            }
        }
    }
}

TEST_P(DatapathActing, TheQuestionLiesPastAllThatWasSent) {
    use(FST_DROP_OFF, FST_CHALLENGE_ALL);
    Conversation talk = established();
    const Segment before = talk.stateless_reset();
    talk.send(End::peer, Psh | Ack, 1000);  // not acknowledged yet
    expect_asked(talk, talk.send(before), before, Form::blunted);

    Conversation ahead = established();
    Segment beyond = ahead.stateless_reset();
    beyond.seq += 5000;  // in the window
    expect_asked(ahead, ahead.send(beyond), beyond, Form::blunted);
}

TEST_P(DatapathActing, TheQuestionsChecksumCarries) {
    use(FST_DROP_OFF, FST_CHALLENGE_ALL);
    // Sums that fold over and under, by sequence numbers around every word's end.
    for (std::uint32_t i = 0; i < 64; i++) {
        Setting setting;
        setting.peer.isn = 0xfffe0000 + i * 0x0fff - 5000;
        setting.us.isn = 0x7fffff00 + i * 0x1003;
        Conversation talk = established(setting);
        const Segment reset = talk.next(End::peer, Rst | Ack);
        expect_asked(talk, talk.send(reset), reset, Form::blunted);
        talk.pass_us(50);
        talk.send(End::us);
        talk.pass_us(kRttUs * 6);
        const Segment again = talk.next(End::peer, Rst);
        expect_asked(talk, talk.send(again), again, Form::past);
    }
}

TEST_P(DatapathActing, OnlyTheSuspectedAreAsked) {
    use(FST_DROP_OFF, FST_CHALLENGE_SUSPECTED);
    Conversation talk = established();
    const Segment genuine = talk.next(End::peer, Rst | Ack);
    expect_passed(talk, talk.send(genuine), genuine, FST_PASS_NOT_SUSPECT);
    EXPECT_TRUE(talk.state_has(FST_FLOW_RST, End::peer));

    Conversation suspect = established();
    Segment nearer = suspect.stateless_reset();
    nearer.ttl += 2;
    const Outcome outcome = suspect.send(nearer);
    EXPECT_EQ(outcome.judgement().verdict, FST_VERDICT_SUSPECTED);
    expect_asked(suspect, outcome, nearer, Form::blunted);
}

TEST_P(DatapathActing, TheAnswerIsBelieved) {
    use(FST_DROP_OFF, FST_CHALLENGE_ALL);
    for (const std::uint64_t wait_us : {kRttUs / 2, kRttUs, 3 * kRttUs}) {
        SCOPED_TRACE(wait_us);
        Conversation talk = established();
        ask(talk, wait_us);
        const std::uint64_t upheld = acting().counter(FST_COUNT_UPHELD);
        const Segment answer = talk.stateless_reset();
        const Outcome outcome = talk.send(answer);
        expect_passed(talk, outcome, answer, FST_PASS_ANSWER);
        EXPECT_EQ(outcome.judgement().challenge, FST_CHALLENGE_UPHELD);
        EXPECT_EQ(outcome.judgement().verdict, FST_VERDICT_GENUINE);
        EXPECT_EQ(acting().counter(FST_COUNT_UPHELD), upheld + 1);
        EXPECT_TRUE(talk.state_has(FST_FLOW_RST, End::peer)) << "the flow is closed";
    }
}

TEST_P(DatapathActing, ASecondResetIsNoAnswer) {
    use(FST_DROP_OFF, FST_CHALLENGE_ALL);
    {
        SCOPED_TRACE("too soon");
        Conversation talk = established();
        ask(talk, kRttUs / 4);
        const Segment again = talk.stateless_reset();
        expect_asked(talk, talk.send(again), again, Form::blunted);
        EXPECT_EQ(talk.flow().challenges[talk.index(End::peer)], 1) << "the same burst";
    }
    {
        SCOPED_TRACE("before our stack has spoken");
        Conversation talk = established();
        const Segment reset = talk.stateless_reset();
        talk.send(reset);
        talk.pass_us(kRttUs);
        expect_asked(talk, talk.send(reset), reset, Form::blunted);
        EXPECT_EQ(talk.flow().challenges[talk.index(End::peer)], 1);
    }
    {
        SCOPED_TRACE("too late");
        Conversation talk = established();
        ask(talk, kRttUs * 6);
        const Segment again = talk.stateless_reset();
        expect_asked(talk, talk.send(again), again, Form::past);
        EXPECT_EQ(talk.flow().challenges[talk.index(End::peer)], 2);
    }
    {
        SCOPED_TRACE("from nearer");
        Conversation talk = established();
        ask(talk, kRttUs);
        Segment again = talk.stateless_reset();
        again.ttl += 2;
        expect_asked(talk, talk.send(again), again, Form::past);
    }
}

TEST_P(DatapathActing, LifeRefutesAndTheNextResetIsANewQuestion) {
    use(FST_DROP_OFF, FST_CHALLENGE_ALL);
    Conversation talk = established();
    ask(talk, 1000);
    talk.send(End::us, Psh | Ack, 100);
    talk.pass_us(kRttUs);
    const std::uint64_t refuted = acting().counter(FST_COUNT_REFUTED);
    const Outcome life = talk.send(End::peer);  // acknowledges what we sent after the RST
    const SeenEvent* told = life.find(FST_EVENT_AFTER_RST);
    ASSERT_NE(told, nullptr);
    EXPECT_EQ(told->event.judgement.challenge, FST_CHALLENGE_REFUTED);
    EXPECT_EQ(signal_names(told->event.judgement.signals), "LIFE_ACK|LIFE_CLOCK");
    EXPECT_EQ(acting().counter(FST_COUNT_REFUTED), refuted + 1);
    const int peer = talk.index(End::peer);
    EXPECT_NE(talk.flow().reset_flags[peer] & FST_RESET_REFUTED, 0);
    EXPECT_EQ(talk.flow().reset_flags[peer] & FST_RESET_CHALLENGED, 0);

    talk.send(End::us);
    talk.pass_us(kRttUs);
    const Segment again = talk.stateless_reset();
    expect_asked(talk, talk.send(again), again, Form::past);
}

/// What was under way when the RST came is no sign of life.
TEST_P(DatapathActing, WhatWasInFlightRefutesNothing) {
    use(FST_DROP_OFF, FST_CHALLENGE_ALL);
    Conversation talk = established();
    talk.pass_us(kRttUs);
    Segment late = talk.next(End::peer, Psh | Ack, 500);
    const Segment reset = talk.stateless_reset();
    talk.send(reset);
    talk.pass_us(100);
    talk.send(End::us);
    talk.pass_us(2000);
    const Outcome outcome = talk.send(late);  // its timestamp is of before the RST
    ASSERT_NE(outcome.find(FST_EVENT_AFTER_RST), nullptr);
    EXPECT_EQ(outcome.find(FST_EVENT_AFTER_RST)->event.judgement.signals, 0U);
    EXPECT_EQ(outcome.find(FST_EVENT_AFTER_RST)->event.judgement.challenge, FST_CHALLENGE_NONE);
    EXPECT_EQ(talk.flow().reset_flags[talk.index(End::peer)] & FST_RESET_ALIVE, 0);
}

/// On a LAN a burst looks like answers: there it takes three of them, or 5 ms.
TEST_P(DatapathActing, AShortRoundTripTakesSeveralAnswers) {
    use(FST_DROP_OFF, FST_CHALLENGE_ALL);
    Conversation talk = established({.rtt_us = 200});
    ask(talk, 300);
    for (int asked = 2; asked <= 3; asked++) {
        const Segment again = talk.stateless_reset();
        expect_asked(talk, talk.send(again), again, Form::past);
        EXPECT_EQ(talk.flow().challenges[talk.index(End::peer)], asked);
        talk.pass_us(50);
        talk.send(End::us);
        talk.pass_us(300);
    }
    const Segment last = talk.stateless_reset();
    const Outcome outcome = talk.send(last);
    expect_passed(talk, outcome, last, FST_PASS_ANSWER);
    EXPECT_EQ(outcome.judgement().challenge, FST_CHALLENGE_UPHELD);
}

TEST_P(DatapathActing, AtMostEightQuestionsInARow) {
    use(FST_DROP_OFF, FST_CHALLENGE_ALL);
    Conversation talk = established();
    for (int i = 1; i <= FST_CHALLENGES_MAX; i++) {
        SCOPED_TRACE(i);
        Segment reset = talk.stateless_reset();
        reset.ttl += 2;  // never an answer
        expect_asked(talk, talk.send(reset), reset, i == 1 ? Form::blunted : Form::past);
        EXPECT_EQ(talk.flow().challenges[talk.index(End::peer)], i);
        talk.pass_us(100);
        talk.send(End::us);
        talk.pass_us(kRttUs);
    }
    Segment reset = talk.stateless_reset();
    reset.ttl += 2;
    expect_passed(talk, talk.send(reset), reset, FST_PASS_TOO_MANY);
}

TEST_P(DatapathActing, TheFirstConvictedIsAskedAboutThenDropped) {
    use(FST_DROP_CONFIRMED, FST_CHALLENGE_OFF);
    Conversation talk = established();
    const Segment first = convicted_reset(talk);
    const Outcome outcome = talk.send(first);
    EXPECT_EQ(outcome.judgement().verdict, FST_VERDICT_CONFIRMED);
    expect_asked(talk, outcome, first, Form::blunted);
    talk.pass_us(100);
    talk.send(End::us, Psh | Ack, 100);
    talk.pass_us(kRttUs);
    talk.send(End::peer);  // alive: refuted
    const std::uint64_t drops = acting().counter(FST_COUNT_DROPPED);
    expect_dropped(talk.send(convicted_reset(talk)));
    EXPECT_EQ(acting().counter(FST_COUNT_DROPPED), drops + 1);
    EXPECT_FALSE(talk.state_has(FST_FLOW_RST, End::peer));
}

TEST_P(DatapathActing, DropConfirmedPassesTheSuspected) {
    use(FST_DROP_CONFIRMED, FST_CHALLENGE_OFF);
    Conversation talk = established();
    Segment nearer = talk.stateless_reset();
    nearer.ttl += 2;
    expect_passed(talk, talk.send(nearer), nearer, FST_PASS_NOT_SUSPECT);

    use(FST_DROP_SUSPECTED, FST_CHALLENGE_OFF);
    Conversation other = established();
    nearer = other.stateless_reset();
    nearer.ttl += 2;
    expect_asked(other, other.send(nearer), nearer, Form::blunted);
}

/// Refuted once, with nothing from either end since: eight are dropped, the ninth passes.
TEST_P(DatapathActing, AtMostEightDrops) {
    use(FST_DROP_CONFIRMED, FST_CHALLENGE_OFF);
    Conversation talk = established();
    talk.send(convicted_reset(talk));
    talk.send(End::us, Psh | Ack, 100);
    talk.pass_us(kRttUs);
    talk.send(End::peer);
    for (int i = 1; i <= FST_DROPS_MAX; i++) {
        SCOPED_TRACE(i);
        talk.pass_us(50);
        expect_dropped(talk.send(convicted_reset(talk)));
        EXPECT_EQ(talk.flow().challenges[talk.index(End::peer)] >> 4, i);
    }
    const Segment last = convicted_reset(talk);
    expect_passed(talk, talk.send(last), last, FST_PASS_TOO_MANY);
}

/// After a drop our next data draws the same RST again: a dead peer does that, so it passes.
TEST_P(DatapathActing, AnInsistingResetPasses) {
    use(FST_DROP_CONFIRMED, FST_CHALLENGE_OFF);
    for (const bool heard : {false, true}) {
        Conversation talk = established();
        talk.send(convicted_reset(talk));
        talk.send(End::us, Psh | Ack, 100);
        talk.pass_us(kRttUs);
        talk.send(End::peer);
        expect_dropped(talk.send(convicted_reset(talk)));
        talk.pass_us(100);
        if (heard) {
            talk.send(End::peer);
        }
        talk.send(End::us, Psh | Ack, 100);
        talk.pass_us(kRttUs);
        const Segment again = convicted_reset(talk);
        const Outcome outcome = talk.send(again);
        if (heard) {
            expect_dropped(outcome);  // it has spoken since: it is alive
        } else {
            expect_passed(talk, outcome, again, FST_PASS_RESET_REPEATED);
        }
    }
}

}  // namespace
}  // namespace flowstamp::testing
