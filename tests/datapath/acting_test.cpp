// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Actions on a suspicious RST at ingress: how a challenge changes its bytes, when it is accepted,
// and when it must be passed anyway. For egress see observe_only_test.cpp.
#include "flowstamp/reset_rules.h"
#include "tests/datapath/fixture.h"

namespace flowstamp::testing {
namespace {

constexpr std::uint64_t kRttUs = 20'000;

class DatapathActing : public DatapathTest {
  protected:
    Conversation established(const Setting& setting = {}) {
        Conversation talk(acting(), hook(), setting);
        talk.open().exchange(5);
        talk.pass_ms(200);
        return talk;
    }
};
INSTANTIATE_TEST_SUITE_P(Datapath, DatapathActing, ::testing::ValuesIn(ingress_hooks()), case_name);

/// Nearer by 2 hops and with our ID: two strong families.
Segment confirmed_reset(Conversation& talk) {
    Segment reset = talk.next(End::peer, Rst);
    reset.window = 0;
    reset.timestamps.reset();
    reset.ttl += 2;
    reset.id = talk.ids(End::us).back();
    return reset;
}

/// The packet was turned into a challenge, a keepalive: the stack must get exactly these bytes.
void expect_challenged(const Conversation& talk, const Outcome& outcome, const Segment& reset) {
    const fst_judgement judgement = outcome.judgement();
    EXPECT_EQ(judgement.action, FST_ACTION_CHALLENGED);
    EXPECT_EQ(judgement.challenge, FST_CHALLENGE_ASKED);
    EXPECT_EQ(judgement.pass_reason, FST_PASS_NOT_SUSPECT);
    EXPECT_FALSE(outcome.dropped);
    Segment challenge = reset;
    if (reset.payload == 0) {
        challenge.payload = 1;
        challenge.zeros = true;
        challenge.trailer -= reset.trailer != 0 ? 1 : 0;
    }
    challenge.seq =
        talk.direction(End::us).ack_edge - static_cast<std::uint32_t>(challenge.payload) - 1;
    challenge.ack = talk.direction(End::peer).ack_edge;
    challenge.flags = Ack;
    EXPECT_EQ(outcome.bytes, talk.encode(challenge));  // including its checksum
    EXPECT_TRUE(tcp_checksum_ok(outcome.bytes) || tcp_checksum_partial(outcome.bytes));
    EXPECT_TRUE(talk.state_has(FST_FLOW_AFTER_RST, End::peer));
    EXPECT_FALSE(talk.state_has(FST_FLOW_RST, End::peer)) << "the flow is still open";
    EXPECT_NE(talk.flow().reset_flags[talk.index(End::peer)] & FST_RESET_CHALLENGED, 0);
}

/// The challenge before it is under way, and asks for this one, too.
void expect_held(const Conversation& talk, const Outcome& outcome) {
    EXPECT_EQ(outcome.judgement().action, FST_ACTION_CHALLENGED);
    EXPECT_EQ(outcome.judgement().challenge, FST_CHALLENGE_ASKED);
    EXPECT_TRUE(outcome.dropped);
    EXPECT_FALSE(talk.state_has(FST_FLOW_RST, End::peer)) << "the flow is still open";
}

/// The packet was passed unchanged, for this reason.
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

/// Challenges a RST, lets our stack send its challenge ACK, and waits.
void challenge_and_wait(Conversation& talk, std::uint64_t wait_us) {
    const Segment reset = talk.stateless_reset();
    expect_challenged(talk, talk.send(reset), reset);
    talk.pass_us(50);
    talk.send(End::us);
    talk.pass_us(wait_us);
}

/// As many bytes as the RST, or one more.
TEST_P(DatapathActing, AChallengeIsAKeepalive) {
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
                expect_challenged(talk, talk.send(reset), reset);
                EXPECT_EQ(acting().counter(FST_COUNT_CHALLENGED), before + 1);
                EXPECT_TRUE(talk.state_has(FST_FLOW_AWAITS_EGRESS, End::peer));
                EXPECT_EQ(talk.flow().challenges[talk.index(End::peer)], 1);
            }
        }
    }
}

TEST_P(DatapathActing, SoIsEachFurtherOne) {
    use(FST_DROP_OFF, FST_CHALLENGE_ALL);
    for (const bool v6 : {false, true}) {
        for (const std::size_t payload : {0, 1, 100}) {
            for (const std::size_t trailer : {0, 1, 6}) {
                for (const TcpFlags flags : {TcpFlags{Rst}, Rst | Ack}) {
                    SCOPED_TRACE(::testing::Message()
                                 << v6 << " " << payload << " " << trailer << " " << flags);
                    Conversation talk = established({.v6 = v6});
                    challenge_and_wait(talk, 1'700'000);  // the next burst
                    Segment again = talk.next(End::peer, flags);
                    again.payload = payload;
                    again.trailer = trailer;
                    expect_challenged(talk, talk.send(again), again);
                }
            }
        }
    }
}

/// Who sent it before our ACK reached him will answer that ACK. What has an answer's shape may be that answer.
TEST_P(DatapathActing, WhatComesBeforeTheQuestionArrivesIsHeld) {
    use(FST_DROP_OFF, FST_CHALLENGE_ALL);
    Conversation talk = established();
    const Segment before = talk.next(End::peer, Rst | Ack);
    talk.send(End::peer, Psh | Ack, 1000);  // not acknowledged yet
    expect_challenged(talk, talk.send(before), before);
    expect_challenged(talk, talk.send(before), before);  // our stack has sent nothing yet

    Conversation ahead = established();
    Segment beyond = ahead.stateless_reset();
    beyond.seq += 5000;  // in the window
    expect_challenged(ahead, ahead.send(beyond), beyond);
    ahead.pass_us(50);
    ahead.send(End::us);
    expect_held(ahead, ahead.send(beyond));

    Conversation asked = established();
    challenge_and_wait(asked, kRttUs / 5);
    expect_held(asked, asked.send(asked.next(End::peer, Rst | Ack)));
    const Segment answer = asked.stateless_reset();
    expect_challenged(asked, asked.send(answer), answer);
    EXPECT_EQ(asked.flow().challenges[asked.index(End::peer)], 1) << "the same burst";
    asked.pass_us(kRttUs / 3);
    const Segment later = asked.next(End::peer, Rst | Ack);
    expect_challenged(asked, asked.send(later), later);
}

TEST_P(DatapathActing, ChallengeChecksumHandlesCarries) {
    use(FST_DROP_OFF, FST_CHALLENGE_ALL);
    // Sums with carry and borrow, by sequence numbers around every word's end.
    for (std::uint32_t i = 0; i < 64; i++) {
        Setting setting;
        setting.peer.isn = 0xfffe0000 + i * 0x0fff - 5000;
        setting.us.isn = 0x7fffff00 + i * 0x1003;
        Conversation talk = established(setting);
        const Segment reset = talk.next(End::peer, Rst | Ack);
        expect_challenged(talk, talk.send(reset), reset);
        talk.pass_us(50);
        talk.send(End::us);
        expect_held(talk, talk.send(talk.next(End::peer, Rst | Ack)));
        talk.pass_us(700'000);  // too late for an answer
        const Segment again = talk.next(End::peer, Rst);
        expect_challenged(talk, talk.send(again), again);
    }
}

TEST_P(DatapathActing, OnlySuspectedOnesAreChallenged) {
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
    expect_challenged(suspect, outcome, nearer);
}

TEST_P(DatapathActing, AnswerIsAccepted) {
    use(FST_DROP_OFF, FST_CHALLENGE_ALL);
    for (const std::uint64_t wait_us : {kRttUs * 7 / 8, kRttUs, 3 * kRttUs}) {
        SCOPED_TRACE(wait_us);
        Conversation talk = established();
        challenge_and_wait(talk, wait_us);
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

TEST_P(DatapathActing, SecondResetIsNoAnswer) {
    use(FST_DROP_OFF, FST_CHALLENGE_ALL);
    {
        SCOPED_TRACE("too soon");
        Conversation talk = established();
        challenge_and_wait(talk, kRttUs * 3 / 4);
        const Segment again = talk.stateless_reset();
        expect_challenged(talk, talk.send(again), again);
        EXPECT_EQ(talk.flow().challenges[talk.index(End::peer)], 1) << "the same burst";
    }
    {
        SCOPED_TRACE("before our stack has sent anything");
        Conversation talk = established();
        const Segment reset = talk.stateless_reset();
        talk.send(reset);
        talk.pass_us(kRttUs);
        expect_challenged(talk, talk.send(reset), reset);
        EXPECT_EQ(talk.flow().challenges[talk.index(End::peer)], 1);
    }
    {
        SCOPED_TRACE("too late");
        Conversation talk = established();
        challenge_and_wait(talk, 700'000);
        const Segment again = talk.stateless_reset();
        expect_challenged(talk, talk.send(again), again);
        EXPECT_EQ(talk.flow().challenges[talk.index(End::peer)], 2);
    }
    {
        SCOPED_TRACE("of another shape than a stack's answer");
        Conversation talk = established();
        challenge_and_wait(talk, kRttUs);
        const Segment again = talk.next(End::peer, Rst | Ack);
        expect_challenged(talk, talk.send(again), again);
        EXPECT_EQ(talk.flow().challenges[talk.index(End::peer)], 1) << "the same burst";
    }
    {
        SCOPED_TRACE("from nearer");
        Conversation talk = established();
        challenge_and_wait(talk, kRttUs);
        Segment again = talk.stateless_reset();
        again.ttl += 2;
        expect_challenged(talk, talk.send(again), again);
    }
}

TEST_P(DatapathActing, LivenessRefutesAndTheNextResetIsANewChallenge) {
    use(FST_DROP_OFF, FST_CHALLENGE_ALL);
    Conversation talk = established();
    challenge_and_wait(talk, 1000);
    talk.send(End::us, Psh | Ack, 100);
    talk.pass_us(kRttUs);
    const std::uint64_t refuted = acting().counter(FST_COUNT_REFUTED);
    const Outcome alive = talk.send(End::peer);  // acknowledges what we sent after the RST
    const SeenEvent* reported = alive.find(FST_EVENT_AFTER_RST);
    ASSERT_NE(reported, nullptr);
    EXPECT_EQ(reported->event.judgement.challenge, FST_CHALLENGE_REFUTED);
    EXPECT_EQ(signal_names(reported->event.judgement.signals), "LIVENESS_ACK|LIVENESS_CLOCK");
    EXPECT_EQ(acting().counter(FST_COUNT_REFUTED), refuted + 1);
    const int peer = talk.index(End::peer);
    EXPECT_NE(talk.flow().reset_flags[peer] & FST_RESET_REFUTED, 0);
    EXPECT_EQ(talk.flow().reset_flags[peer] & FST_RESET_CHALLENGED, 0);

    talk.send(End::us);
    talk.pass_us(kRttUs);
    const Segment again = talk.stateless_reset();
    expect_challenged(talk, talk.send(again), again);
}

/// Packets in flight when the RST arrived are no sign of liveness.
TEST_P(DatapathActing, PacketsInFlightRefuteNothing) {
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
TEST_P(DatapathActing, ShortRoundTripNeedsSeveralAnswers) {
    use(FST_DROP_OFF, FST_CHALLENGE_ALL);
    Conversation talk = established({.rtt_us = 200});
    challenge_and_wait(talk, 300);
    for (int challenge = 2; challenge <= 3; challenge++) {
        const Segment again = talk.stateless_reset();
        expect_challenged(talk, talk.send(again), again);
        EXPECT_EQ(talk.flow().challenges[talk.index(End::peer)], challenge);
        talk.pass_us(50);
        talk.send(End::us);
        talk.pass_us(300);
    }
    const Segment last = talk.stateless_reset();
    const Outcome outcome = talk.send(last);
    expect_passed(talk, outcome, last, FST_PASS_ANSWER);
    EXPECT_EQ(outcome.judgement().challenge, FST_CHALLENGE_UPHELD);
}

TEST_P(DatapathActing, AtMostEightChallengesInABurst) {
    use(FST_DROP_OFF, FST_CHALLENGE_ALL);
    Conversation talk = established();
    for (int i = 1; i <= FST_CHALLENGES_MAX; i++) {
        SCOPED_TRACE(i);
        const Segment reset = talk.stateless_reset();
        expect_challenged(talk, talk.send(reset), reset);
        EXPECT_EQ(talk.flow().challenges[talk.index(End::peer)], i);
        talk.pass_us(100);
        talk.send(End::us);
        talk.pass_us(700'000);  // too late for an answer
    }
    const Segment reset = talk.stateless_reset();
    expect_passed(talk, talk.send(reset), reset, FST_PASS_TOO_MANY);
}

/// A peer whose kernel answers from nearer than its socket did, on suspicion: its eighth answer is believed, though
/// another one comes too early before it. Our end only reads, so nothing else would ask.
TEST_P(DatapathActing, AnEarlyAnswerKeepsNotTheLastOneFromBeingHeard) {
    use(FST_DROP_SUSPECTED, FST_CHALLENGE_ALL);
    Conversation talk = established();
    const auto nearer = [&] {
        Segment reset = talk.stateless_reset();
        reset.ttl += 4;
        return reset;
    };
    for (int i = 1; i <= FST_CHALLENGES_MAX; i++) {
        SCOPED_TRACE(i);
        EXPECT_EQ(talk.send(nearer()).judgement().action, FST_ACTION_CHALLENGED);
        talk.pass_us(100);
        talk.send(End::us);
        talk.pass_us(kRttUs / 2);
        if (i == FST_CHALLENGES_MAX) {
            EXPECT_NE(talk.send(nearer()).judgement().action, FST_ACTION_OBSERVED);
        }
        talk.pass_us(kRttUs / 2);
    }
    const Segment last = nearer();
    expect_passed(talk, talk.send(last), last, FST_PASS_TOO_MANY);
}

TEST_P(DatapathActing, FirstConfirmedIsChallengedThenDropped) {
    use(FST_DROP_CONFIRMED, FST_CHALLENGE_OFF);
    Conversation talk = established();
    const Segment first = confirmed_reset(talk);
    const Outcome outcome = talk.send(first);
    EXPECT_EQ(outcome.judgement().verdict, FST_VERDICT_CONFIRMED);
    expect_challenged(talk, outcome, first);
    talk.pass_us(100);
    talk.send(End::us, Psh | Ack, 100);
    talk.pass_us(kRttUs);
    talk.send(End::peer);  // alive: refuted
    const std::uint64_t drops = acting().counter(FST_COUNT_DROPPED);
    expect_dropped(talk.send(confirmed_reset(talk)));
    EXPECT_EQ(acting().counter(FST_COUNT_DROPPED), drops + 1);
    EXPECT_FALSE(talk.state_has(FST_FLOW_RST, End::peer));
}

TEST_P(DatapathActing, DropConfirmedPassesSuspectedOnes) {
    use(FST_DROP_CONFIRMED, FST_CHALLENGE_OFF);
    Conversation talk = established();
    Segment nearer = talk.stateless_reset();
    nearer.ttl += 2;
    expect_passed(talk, talk.send(nearer), nearer, FST_PASS_NOT_SUSPECT);

    use(FST_DROP_SUSPECTED, FST_CHALLENGE_OFF);
    Conversation other = established();
    nearer = other.stateless_reset();
    nearer.ttl += 2;
    expect_challenged(other, other.send(nearer), nearer);
}

/// Refuted once, then nothing from either end: eight bursts are dropped, the ninth passes.
TEST_P(DatapathActing, AtMostEightDrops) {
    use(FST_DROP_CONFIRMED, FST_CHALLENGE_OFF);
    Conversation talk = established();
    talk.send(confirmed_reset(talk));
    talk.send(End::us, Psh | Ack, 100);
    talk.pass_us(kRttUs);
    talk.send(End::peer);
    for (int i = 1; i <= FST_DROPS_MAX; i++) {
        SCOPED_TRACE(i);
        talk.pass_us(FST_WATCH_US + 50);
        for (int of_burst = 0; of_burst < 3; of_burst++) {
            expect_dropped(talk.send(confirmed_reset(talk)));
            EXPECT_EQ(talk.flow().challenges[talk.index(End::peer)] >> 4, i);
        }
    }
    talk.pass_us(FST_WATCH_US + 50);
    const Segment last = confirmed_reset(talk);
    expect_passed(talk, talk.send(last), last, FST_PASS_TOO_MANY);
}

/// After a drop our next data provokes an answer, as of a dead peer: so it passes. Not so the same
/// reset again, once the peer has shown that it lives: that is a box that answers each packet.
TEST_P(DatapathActing, RepeatedResetPassesInAStacksShape) {
    struct Row {
        TcpFlags flags;
        bool heard;
        bool passes;
    };
    use(FST_DROP_CONFIRMED, FST_CHALLENGE_OFF);
    for (const Row& row :
         {Row{Rst, false, true}, Row{Rst | Ack, false, false}, Row{Rst, true, false}}) {
        SCOPED_TRACE(::testing::Message() << int(row.flags) << row.heard);
        Conversation talk = established();
        const auto reset = [&](TcpFlags flags) {
            Segment segment = flags == Rst ? talk.stateless_reset() : talk.next(End::peer, flags);
            segment.timestamps.reset();
            segment.id = talk.ids(End::us).back();
            segment.window = 4321;
            segment.ttl -= 3;
            return segment;
        };
        talk.send(reset(Rst | Ack));
        talk.send(End::us, Psh | Ack, 100);
        talk.pass_us(kRttUs);
        talk.send(End::peer);
        expect_dropped(talk.send(reset(Rst | Ack)));
        talk.pass_us(100);
        if (row.heard) {
            talk.send(End::peer);
        }
        talk.send(End::us, Psh | Ack, 100);
        talk.pass_us(kRttUs);
        const Segment again = reset(row.flags);
        const Outcome outcome = talk.send(again);
        ASSERT_EQ(outcome.judgement().verdict, FST_VERDICT_CONFIRMED);
        if (row.passes) {
            expect_passed(talk, outcome, again, FST_PASS_RESET_REPEATED);
        } else {
            expect_dropped(outcome);
        }
    }
}

}  // namespace
}  // namespace flowstamp::testing
