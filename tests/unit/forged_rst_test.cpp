// SPDX-License-Identifier: Apache-2.0
#include "user/detect/forged_rst.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/events.h"
#include "tests/support/recording_sink.h"

namespace flowstamp {
namespace {

using namespace std::chrono_literals;
using flowstamp::testing::example_flow;
using flowstamp::testing::ForgedRstBench;
using flowstamp::testing::kClient;
using flowstamp::testing::key_of;
using flowstamp::testing::kServer;
using flowstamp::testing::RstDetails;
using flowstamp::testing::Story;
using ::testing::HasSubstr;

constexpr std::uint64_t bit(fs_signal signal) {
    return FS_SIGNAL_BIT(signal);
}

constexpr std::uint8_t kRstAck = FS_TCP_RST | FS_TCP_ACK;
constexpr std::uint32_t kHeeded = FS_CONTEXT_IN_WINDOW | FS_CONTEXT_EXACT;
/// What a kernel without the connection sends, asked by an ACK half a round trip ago.
constexpr std::uint32_t kStatelessAnswer = kHeeded | FS_CONTEXT_STATELESS | FS_CONTEXT_PROVOKED;
constexpr std::uint64_t kTwoFamilies = bit(FS_SIGNAL_NEARER) | bit(FS_SIGNAL_ID_ECHO);

class ForgedRstTest : public ::testing::Test, protected ForgedRstBench {
  protected:
    [[nodiscard]] fs_verdict verdict() const {
        return static_cast<fs_verdict>(sink.resets.back().judgement.verdict);
    }
    [[nodiscard]] fs_cause cause() const {
        return static_cast<fs_cause>(sink.resets.back().judgement.cause);
    }
    [[nodiscard]] fs_challenge challenge() const {
        return static_cast<fs_challenge>(sink.resets.back().judgement.challenge);
    }
    Story story;
};

TEST_F(ForgedRstTest, TellsEveryResetOnceWithItsCause) {
    see(story.rst({.context = kStatelessAnswer}));
    advance(story.now() + 60s);
    detector.finish(sink);
    ASSERT_EQ(sink.resets.size(), 1U);
    EXPECT_EQ(verdict(), FS_VERDICT_GENUINE);
    EXPECT_EQ(cause(), FS_CAUSE_STATELESS);
    EXPECT_EQ(sink.resets[0].id, 1U);
    EXPECT_FALSE(sink.resets[0].again);
    EXPECT_TRUE(sink.findings.empty());
    EXPECT_EQ(detector.remembered(), 0U);
}

TEST_F(ForgedRstTest, TellsWhatTheKernelConvictedAsAFinding) {
    see(story.rst({.ttl = 60, .ip_id = 0x0505, .signals = kTwoFamilies}));
    ASSERT_EQ(sink.findings.size(), 1U);
    const Finding& finding = sink.findings[0];
    EXPECT_EQ(finding.verdict, FS_VERDICT_CONFIRMED);
    EXPECT_EQ(finding.resets, 1U);
    EXPECT_FALSE(finding.again);
    EXPECT_FALSE(finding.resolution);
    EXPECT_EQ(finding.summary,
              "198.51.100.7:443 did not send this reset: it came from 4 hops away, 198.51.100.7 "
              "is 12 hops away, and it bears an IP-ID of the other end, 0x0505.");
    ASSERT_EQ(finding.evidence.size(), 2U);
    EXPECT_EQ(finding.evidence[0].signal, "nearer");
    EXPECT_EQ(finding.evidence[0].strength, Strength::strong);
    EXPECT_EQ(finding.evidence[0].packet, "60 (4 hops)");
    EXPECT_EQ(finding.evidence[0].baseline, "52 (12 hops)");
    EXPECT_EQ(finding.evidence[1].signal, "id-echo");
    EXPECT_EQ(finding.evidence[1].packet, "0x0505");
    EXPECT_NE(finding.advice.find("--drop confirmed"), std::string::npos);
}

TEST_F(ForgedRstTest, RaisesTheFindingWhenTheSenderGoesOn) {
    see(story.at(0ms).rst({.ttl = 60, .signals = bit(FS_SIGNAL_NEARER)}));
    EXPECT_EQ(verdict(), FS_VERDICT_SUSPECTED);
    see(story.at(25ms).later({.ack = 2501, .signals = bit(FS_SIGNAL_LIFE_ACK)}));
    ASSERT_EQ(sink.resets.size(), 2U);
    EXPECT_EQ(verdict(), FS_VERDICT_CONFIRMED);
    EXPECT_EQ(sink.resets[1].id, sink.resets[0].id);
    EXPECT_TRUE(sink.resets[1].again);
    ASSERT_EQ(sink.findings.size(), 2U);
    EXPECT_EQ(sink.findings[1].id, sink.findings[0].id);
    EXPECT_TRUE(sink.findings[1].again);
    EXPECT_EQ(sink.findings[1].verdict, FS_VERDICT_CONFIRMED);
    EXPECT_THAT(sink.findings[1].summary, HasSubstr("and 198.51.100.7 went on sending."));
    EXPECT_EQ(findings.suspected(), 0U);
    EXPECT_EQ(findings.confirmed(), 1U);
}

// Life: the peer goes on, causally later.

TEST_F(ForgedRstTest, LifeConvictsWhatLookedGenuine) {
    for (const fs_signal signal : {FS_SIGNAL_LIFE_ACK, FS_SIGNAL_LIFE_CLOCK}) {
        Story its(example_flow(), 20U + signal, "eth0");
        see(its.at(0ms).rst({.context = kHeeded | FS_CONTEXT_STATELESS}));
        EXPECT_EQ(verdict(), FS_VERDICT_GENUINE);
        see(its.at(30ms).later({.signals = bit(signal)}));
        EXPECT_EQ(verdict(), FS_VERDICT_CONFIRMED) << signal_name(signal);
        EXPECT_EQ(cause(), FS_CAUSE_FORGED);
    }
}

TEST_F(ForgedRstTest, LifeCountsForTwoSecondsOnly) {
    see(story.at(0ms).rst({}));
    see(story.at(2001ms).later({.signals = bit(FS_SIGNAL_LIFE_ACK)}));
    EXPECT_EQ(sink.resets.size(), 1U);
}

TEST_F(ForgedRstTest, LifeMustComeFromThePeersDistance) {
    see(story.at(0ms).rst({}));
    see(story.at(10ms).later({.ttl = 54, .signals = bit(FS_SIGNAL_LIFE_ACK)}));
    see(story.at(11ms).later({.ttl = 50, .signals = bit(FS_SIGNAL_LIFE_CLOCK)}));
    EXPECT_EQ(sink.resets.size(), 1U);
    see(story.at(12ms).later({.ttl = 51, .signals = bit(FS_SIGNAL_LIFE_ACK)}));
    EXPECT_EQ(verdict(), FS_VERDICT_CONFIRMED);
}

/// One spoofed packet had taught the forger's distance: the sender's own counts all the same.
TEST_F(ForgedRstTest, LifeMayComeFromAnyDistanceThatTheSideHas) {
    fs_flow flow = example_flow();
    flow.direction[kServer].ttl[1] = 62;
    Story taught(flow, 7, "eth0");
    see(taught.at(0ms).rst({.ttl = 62}));
    see(taught.at(10ms).later({.ttl = 52, .signals = bit(FS_SIGNAL_LIFE_ACK)}));
    EXPECT_EQ(verdict(), FS_VERDICT_CONFIRMED);
}

TEST_F(ForgedRstTest, ASynEndsTheObservation) {
    see(story.at(0ms).rst({}));
    see(story.at(10ms).syn(9000));
    see(story.at(20ms).later({.signals = bit(FS_SIGNAL_LIFE_ACK)}));
    EXPECT_EQ(sink.resets.size(), 1U);
    EXPECT_EQ(verdict(), FS_VERDICT_GENUINE);
}

TEST_F(ForgedRstTest, AFrameSeenTwiceIsNoLife) {
    see(story.at(0ms).rst({}));
    see(story.at(1ms).later(
        {.signals = bit(FS_SIGNAL_LIFE_ACK), .flags = FS_PACKET_DF | FS_PACKET_TWICE}));
    EXPECT_EQ(sink.resets.size(), 1U);
}

TEST_F(ForgedRstTest, AnAnswerOfAKernelWithoutTheConnectionNeedsAnAckOfLaterData) {
    see(story.at(0ms).rst({.context = kStatelessAnswer}));
    see(story.at(10ms).later({.payload = 1000, .signals = bit(FS_SIGNAL_LIFE_CLOCK)}));
    EXPECT_EQ(verdict(), FS_VERDICT_GENUINE);
    see(story.at(30ms).later({.ack = 2400, .signals = bit(FS_SIGNAL_LIFE_ACK)}));
    EXPECT_EQ(verdict(), FS_VERDICT_CONFIRMED);
}

TEST_F(ForgedRstTest, ASecondHostBehindTheAddressIsTheCause) {
    see(story.at(0ms).rst({.context = kStatelessAnswer, .challenge = FS_CHALLENGE_ASKED}));
    see(story.at(10ms).later({.signals = bit(FS_SIGNAL_LIFE_CLOCK)}));
    advance(story.now() + 6s);  // the answer's time is up: told again
    EXPECT_EQ(verdict(), FS_VERDICT_GENUINE);
    EXPECT_EQ(cause(), FS_CAUSE_OTHER_HOST);
}

/// A kernel answers with its default TTL in the name of a socket that had its own: from which distance
/// cannot be told.
TEST_F(ForgedRstTest, ASecondHostMayHaveAnotherInitialTtl) {
    constexpr std::uint64_t kOtherBase = bit(FS_SIGNAL_TTL_BASE) | bit(FS_SIGNAL_FARTHER);
    see(story.at(0ms).rst({.ttl = 117, .signals = kOtherBase, .context = kStatelessAnswer}));
    see(story.at(10ms).later({.payload = 1000, .signals = bit(FS_SIGNAL_LIFE_CLOCK)}));
    EXPECT_EQ(verdict(), FS_VERDICT_GENUINE);
    see(story.at(30ms).later({.ack = 2400, .signals = bit(FS_SIGNAL_LIFE_ACK)}));
    EXPECT_EQ(verdict(), FS_VERDICT_CONFIRMED);
}

TEST_F(ForgedRstTest, UnprovokedItIsConvictedByItsClock) {
    see(story.at(0ms).rst({.context = kHeeded | FS_CONTEXT_STATELESS}));
    see(story.at(10ms).later({.signals = bit(FS_SIGNAL_LIFE_CLOCK)}));
    EXPECT_EQ(verdict(), FS_VERDICT_CONFIRMED);
}

TEST_F(ForgedRstTest, AnIdThatGoesOnConvictsAnAbortThatContinuedIt) {
    const RstDetails abort{.tcp_flags = kRstAck,
                           .ip_id = 0x1a2c,
                           .window = 64,
                           .signals = bit(FS_SIGNAL_VOUCH_ID),
                           .cause = FS_CAUSE_ABORT};
    see(story.at(0ms).rst(abort));
    see(story.at(1ms).later({.ip_id = 0x1a2b}));  // was under way
    EXPECT_EQ(verdict(), FS_VERDICT_GENUINE);
    see(story.at(5ms).later({.ip_id = 0x1a2c}));  // the RST took its number
    EXPECT_EQ(verdict(), FS_VERDICT_CONFIRMED);
    EXPECT_EQ(sink.resets.back().evidence[0].signal, "life-id");
    EXPECT_EQ(sink.resets.back().evidence[0].baseline,
              "0x1a2c on a segment that is no reset, 5.0 ms later");
}

TEST_F(ForgedRstTest, AnIdFarAheadOrZeroIsNoContinuation) {
    const RstDetails abort{.tcp_flags = kRstAck,
                           .ip_id = 0xf9e5,
                           .signals = bit(FS_SIGNAL_VOUCH_ID),
                           .cause = FS_CAUSE_ABORT};
    see(story.at(0ms).rst(abort));
    see(story.at(1ms).later({.ip_id = 0}));
    see(story.at(2ms).later({.ip_id = static_cast<std::uint16_t>(0xf9e5 + 300)}));
    EXPECT_EQ(sink.resets.size(), 1U);
    see(story.at(3ms).later({.ip_id = 0xf9e5 + 20}));
    EXPECT_EQ(verdict(), FS_VERDICT_CONFIRMED);
}

/// On a router a question, put as a keepalive of a byte long received, passes the other interface.
TEST_F(ForgedRstTest, AQuestionOnItsWayOutIsNoLife) {
    see(story.at(0ms).rst({.tcp_flags = kRstAck,
                           .ip_id = 0x1a2c,
                           .signals = bit(FS_SIGNAL_VOUCH_ID),
                           .cause = FS_CAUSE_ABORT}));
    Observation question = story.at(1ms).later(
        {.seq = 4998, .payload = 1, .ip_id = 0x1a2d, .signals = bit(FS_SIGNAL_LIFE_CLOCK)});
    see(question);
    EXPECT_EQ(sink.resets.size(), 1U);
    // The peer's own keepalive, one byte below its edge.
    see(story.at(2ms).later(
        {.seq = 4999, .payload = 1, .ip_id = 0x1a2d, .signals = bit(FS_SIGNAL_LIFE_CLOCK)}));
    EXPECT_EQ(verdict(), FS_VERDICT_CONFIRMED);
}

TEST_F(ForgedRstTest, AnIdProvesNothingWhereTheResetDidNotContinueIt) {
    see(story.at(0ms).rst({.tcp_flags = kRstAck, .ip_id = 0x1a2c}));
    see(story.at(5ms).later({.ip_id = 0x1a2d}));
    EXPECT_EQ(sink.resets.size(), 1U);
}

TEST_F(ForgedRstTest, DataBeyondTheResetMakesSuspectAndJoins) {
    see(story.at(0ms).rst({.seq = 5000}));
    see(story.at(5ms).later({.seq = 5000, .payload = 1448}));
    EXPECT_EQ(verdict(), FS_VERDICT_SUSPECTED);
    Story other(example_flow(), 8, "eth0");
    see(other.at(0ms).rst({.seq = 5000, .signals = bit(FS_SIGNAL_ID_CONSTANT)}));
    see(other.at(5ms).later({.seq = 5000, .payload = 1448}));
    EXPECT_EQ(verdict(), FS_VERDICT_CONFIRMED);
}

TEST_F(ForgedRstTest, DataThatWasUnderWayProvesNothing) {
    see(story.at(0ms).rst({.seq = 6448}));
    see(story.at(3ms).later({.seq = 5000, .payload = 1448}));  // up to the RST's place
    EXPECT_EQ(sink.resets.size(), 1U);
    Story behind(example_flow(), 8, "eth0");
    see(behind.at(0ms).rst({.seq = 4000}));  // below the data edge
    see(behind.at(3ms).later({.seq = 5000, .payload = 1448}));
    EXPECT_EQ(sink.resets.size(), 2U);
    EXPECT_EQ(verdict(), FS_VERDICT_GENUINE);
}

// A later RST of a row is measured on its own.

TEST_F(ForgedRstTest, EachResetOfABurstIsConvictedByAnAckOfDataSentAfterIt) {
    see(story.at(0ms).rst({}));
    story.flow().direction[kClient].seq_edge = 3001;  // we sent more between the two
    see(story.at(5ms).rst({.seq = 5001}));
    see(story.at(30ms).later({.ack = 2500, .signals = bit(FS_SIGNAL_LIFE_ACK)}));
    ASSERT_EQ(sink.resets.size(), 3U);
    EXPECT_EQ(sink.resets[2].id, 1U);  // sent after the first, before the second
    EXPECT_EQ(verdict(), FS_VERDICT_CONFIRMED);
    see(story.at(40ms).later({.ack = 3002, .signals = bit(FS_SIGNAL_LIFE_ACK)}));
    ASSERT_EQ(sink.resets.size(), 4U);
    EXPECT_EQ(sink.resets[3].id, 2U);
    ASSERT_EQ(sink.findings.size(), 1U);  // one finding for the burst
}

TEST_F(ForgedRstTest, ALaterResetsClockIsItsOwn) {
    see(story.at(0ms).rst({.tcp_flags = kRstAck, .ts_val = 700'000}));
    see(story.at(20ms).rst({.tcp_flags = kRstAck, .ts_val = 700'020}));
    see(story.at(21ms).later({.ts_val = 700'010, .signals = bit(FS_SIGNAL_LIFE_CLOCK)}));
    ASSERT_EQ(sink.resets.size(), 3U);
    EXPECT_EQ(sink.resets[2].id, 1U);
    see(story.at(30ms).later({.ts_val = 700'025, .signals = bit(FS_SIGNAL_LIFE_CLOCK)}));
    ASSERT_EQ(sink.resets.size(), 4U);
    EXPECT_EQ(sink.resets[3].id, 2U);
}

// SYN_RST

constexpr RstDetails kRefusal{.seq = 0,
                              .ack = 2001,
                              .tcp_flags = kRstAck,
                              .context = FS_CONTEXT_TO_SYN | FS_CONTEXT_IN_WINDOW,
                              .cause = FS_CAUSE_CLOSED_PORT};

class SynRstTest : public ForgedRstTest {
  protected:
    SynRstTest() {
        story.flow().state = FS_OF(FS_FLOW_SYN, kClient);
        story.flow().direction[kClient].flags = FS_DIRECTION_SEEN | FS_DIRECTION_BASE_SYN;
    }
};

TEST_F(SynRstTest, ConvictsARefusalThatASynAckFollows) {
    see(story.at(0ms).syn());
    see(story.at(5ms).rst(kRefusal));
    EXPECT_EQ(cause(), FS_CAUSE_CLOSED_PORT);
    see(story.at(20ms).syn_ack());
    EXPECT_EQ(verdict(), FS_VERDICT_CONFIRMED);
    EXPECT_EQ(sink.resets.back().evidence[0].signal, "syn-rst");
}

TEST_F(SynRstTest, ConvictsARefusalThatFollowsASynAck) {
    see(story.at(0ms).syn());
    see(story.at(5ms).syn_ack());
    see(story.at(20ms).rst(kRefusal));
    ASSERT_EQ(sink.resets.size(), 1U);
    EXPECT_EQ(verdict(), FS_VERDICT_CONFIRMED);
}

TEST_F(SynRstTest, SparesARetryAfterARefusal) {  // Windows sends its SYN again after 500 ms
    see(story.at(0ms).syn());
    see(story.at(5ms).rst(kRefusal));
    see(story.at(505ms).syn());
    see(story.at(510ms).syn_ack());
    EXPECT_EQ(verdict(), FS_VERDICT_GENUINE);
}

TEST_F(SynRstTest, SparesAResetAfterWeAcknowledgedSomething) {
    see(story.at(0ms).syn());
    see(story.at(5ms).syn_ack());
    story.flow().direction[kClient].flags |= FS_DIRECTION_ACKED;
    see(story.at(20ms).rst(kRefusal));
    EXPECT_EQ(verdict(), FS_VERDICT_GENUINE);
}

TEST_F(SynRstTest, SparesMultipathSubflowsAndOtherAnswers) {
    see(story.at(0ms).syn(2000, FS_PACKET_MPTCP));
    see(story.at(5ms).rst(kRefusal));
    see(story.at(6ms).syn_ack());
    EXPECT_EQ(verdict(), FS_VERDICT_GENUINE);
    Story accepted(story.flow(), 8, "eth0");  // accepted, then reset in the connection's numbers
    see(accepted.at(0ms).syn());
    see(accepted.at(5ms).syn_ack());
    RstDetails reset = kRefusal;
    reset.seq = 4001;
    see(accepted.at(6ms).rst(reset));
    EXPECT_EQ(verdict(), FS_VERDICT_GENUINE);
    Story elsewhere(story.flow(), 9, "eth0");  // the SYN-ACK answers another SYN
    see(elsewhere.at(0ms).syn());
    see(elsewhere.at(5ms).rst(kRefusal));
    see(elsewhere.at(6ms).syn_ack(4000, 3001));
    EXPECT_EQ(verdict(), FS_VERDICT_GENUINE);
}

// RST_SEQ_CHANGE

TEST_F(ForgedRstTest, ASecondGuessConvictsBoth) {
    see(story.at(0ms).rst({.seq = 5000}));
    see(story.at(1ms).rst({.seq = 6460}));
    ASSERT_EQ(sink.resets.size(), 3U);
    EXPECT_EQ(sink.resets[1].id, 1U);
    EXPECT_TRUE(sink.resets[1].again);
    EXPECT_EQ(sink.resets[1].judgement.verdict, FS_VERDICT_CONFIRMED);
    EXPECT_EQ(sink.resets[2].id, 2U);
    EXPECT_EQ(sink.resets[2].judgement.verdict, FS_VERDICT_CONFIRMED);
    EXPECT_EQ(sink.resets[2].evidence[0].signal, "seq-change");
    EXPECT_EQ(sink.findings.size(), 1U);
}

TEST_F(ForgedRstTest, StatelessAnswersToSegmentsInFlightAreNoGuesses) {
    // Linux answers n segments with n RSTs that step through what was acknowledged.
    for (std::uint32_t step = 0; step < 5; step++) {
        see(story.after(1ms).rst({.seq = 5000 - 1448 * (4 - step), .context = kStatelessAnswer}));
    }
    EXPECT_EQ(sink.resets.size(), 5U);
    EXPECT_TRUE(sink.findings.empty());
}

TEST_F(ForgedRstTest, TheGuardsOfTheSecondGuess) {
    const RstDetails first{.seq = 5000};
    const RstDetails second{.seq = 6460};
    const auto judge = [&](RstDetails one, RstDetails two, Nanoseconds apart,
                           std::uint32_t ack_edge = 5000) {
        ForgedRstBench bench;
        Story its;
        bench.see(its.at(0ms).rst(one));
        its.flow().direction[kClient].ack_edge = ack_edge;
        bench.see(its.at(apart).rst(two));
        return bench.sink.resets.back().judgement.verdict;
    };
    EXPECT_EQ(judge(first, second, 1999ms), FS_VERDICT_CONFIRMED);
    EXPECT_EQ(judge(first, second, 2001ms), FS_VERDICT_GENUINE);
    RstDetails changed = second;
    changed.tcp_flags = kRstAck;
    EXPECT_EQ(judge(first, changed, 1ms), FS_VERDICT_GENUINE) << "other flags";
    changed = second;
    changed.seq = 5002;
    EXPECT_EQ(judge(first, changed, 1ms), FS_VERDICT_GENUINE) << "2 further is no guess";
    changed = second;
    changed.signals = bit(FS_SIGNAL_VOUCH_TS);
    EXPECT_EQ(judge(first, changed, 1ms), FS_VERDICT_GENUINE) << "right timestamps";
    for (const std::uint32_t spoils :
         {FS_CONTEXT_FIN, FS_CONTEXT_AFTER_OWN_RST, FS_CONTEXT_HALF_VIEW, FS_CONTEXT_TWICE}) {
        changed = second;
        changed.context |= spoils;
        EXPECT_EQ(judge(first, changed, 1ms), FS_VERDICT_GENUINE) << spoils;
    }
    changed = first;
    changed.seq = 4990;
    EXPECT_EQ(judge(changed, second, 1ms), FS_VERDICT_GENUINE) << "below the data edge";
    EXPECT_EQ(judge(first, second, 1ms, 6459), FS_VERDICT_GENUINE) << "we acknowledged up to it";
}

TEST_F(ForgedRstTest, TwoPathsJoinTheFirstResetsEvidenceToo) {
    see(story.at(0ms).rst({.ttl = 52, .signals = bit(FS_SIGNAL_WINDOW_FOREIGN)}));
    EXPECT_EQ(verdict(), FS_VERDICT_GENUINE);
    see(story.at(900ms).rst({.seq = 5001, .ttl = 60}));
    ASSERT_EQ(sink.resets.size(), 3U);
    EXPECT_EQ(sink.resets[1].id, 1U);
    EXPECT_EQ(sink.resets[1].judgement.verdict, FS_VERDICT_SUSPECTED);
}

/// An abort with the socket's TTL, and the kernel's bare resets with the host's.
TEST_F(ForgedRstTest, TwoInitialTtlsOfOneHostAreNoTwoPaths) {
    see(story.at(0ms).rst(
        {.tcp_flags = kRstAck, .ttl = 97, .signals = bit(FS_SIGNAL_WINDOW_FOREIGN)}));
    see(story.at(10ms).rst({.ttl = 61}));
    see(story.at(20ms).rst({.tcp_flags = kRstAck, .ttl = 250}));
    ASSERT_EQ(sink.resets.size(), 3U);
    EXPECT_EQ(sink.resets[0].judgement.verdict, FS_VERDICT_GENUINE);
}

TEST_F(ForgedRstTest, OneViewSuspectsAtTheMost) {
    see(story.at(0ms).rst({.context = kHeeded | FS_CONTEXT_HALF_VIEW}));
    see(story.at(20ms).later({.signals = bit(FS_SIGNAL_LIFE_ACK)}));
    EXPECT_EQ(verdict(), FS_VERDICT_SUSPECTED);
}

// The challenge

constexpr RstDetails kAsked{
    .context = kStatelessAnswer, .action = FS_ACTION_CHALLENGED, .challenge = FS_CHALLENGE_ASKED};

TEST_F(ForgedRstTest, AnUpheldChallengeClearsSuspicion) {
    RstDetails suspected = kAsked;
    suspected.context = kHeeded;
    suspected.ttl = 60;
    suspected.signals = bit(FS_SIGNAL_NEARER);
    see(story.at(0ms).rst(suspected));
    EXPECT_EQ(verdict(), FS_VERDICT_SUSPECTED);
    EXPECT_EQ(challenge(), FS_CHALLENGE_ASKED);
    see(story.at(30ms).rst({.context = kStatelessAnswer, .challenge = FS_CHALLENGE_UPHELD}));
    ASSERT_EQ(sink.resets.size(), 3U);
    EXPECT_EQ(sink.resets[1].id, 1U);
    EXPECT_EQ(sink.resets[1].judgement.verdict, FS_VERDICT_GENUINE);
    EXPECT_EQ(sink.resets[1].judgement.challenge, FS_CHALLENGE_UPHELD);
    EXPECT_EQ(sink.resets[1].judgement.cause, FS_CAUSE_EDGE);
    EXPECT_EQ(sink.resets[2].id, 2U);
    EXPECT_EQ(sink.resets[2].answers, 1U);
    EXPECT_EQ(challenge(), FS_CHALLENGE_NONE);  // it answers; it was not asked
    ASSERT_EQ(sink.findings.size(), 2U);
    EXPECT_EQ(sink.findings[1].resolution, Resolution::withdrawn);
    EXPECT_EQ(detector.challenges(), (ChallengeTally{.asked = 1, .upheld = 1}));
}

TEST_F(ForgedRstTest, ARefutedChallengeIsProofOnceThePeerHears) {
    for (int i = 0; i < 3; i++) {
        see(story.after(1ms).rst(kAsked));
    }
    EXPECT_TRUE(sink.findings.empty());
    see(story.at(40ms).later(
        {.signals = bit(FS_SIGNAL_LIFE_CLOCK), .challenge = FS_CHALLENGE_REFUTED}));
    ASSERT_EQ(sink.resets.size(), 6U);
    for (std::size_t i = 3; i < 6; i++) {
        EXPECT_EQ(sink.resets[i].judgement.verdict, FS_VERDICT_SUSPECTED) << "it may be deaf";
        EXPECT_EQ(sink.resets[i].judgement.challenge, FS_CHALLENGE_REFUTED);
    }
    see(story.at(400ms).later({.seq = 5101, .payload = 400, .signals = bit(FS_SIGNAL_LIFE_LASTS)}));
    EXPECT_EQ(sink.resets.size(), 6U) << "no more than our window held: a deaf peer may send that";
    see(story.at(445ms).later({.seq = 5501, .payload = 1, .signals = bit(FS_SIGNAL_LIFE_LASTS)}));
    ASSERT_EQ(sink.resets.size(), 9U);
    for (std::size_t i = 6; i < 9; i++) {
        EXPECT_EQ(sink.resets[i].judgement.verdict, FS_VERDICT_CONFIRMED);
    }
    ASSERT_EQ(sink.findings.size(), 2U);  // suspected, then risen
    EXPECT_EQ(sink.findings[1].id, sink.findings[0].id);
    EXPECT_EQ(sink.findings[1].verdict, FS_VERDICT_CONFIRMED);
    EXPECT_EQ(sink.findings[1].action, FS_ACTION_CHALLENGED);
    EXPECT_THAT(sink.findings[1].summary,
                HasSubstr("asked whether it meant it, 198.51.100.7 went on sending"));
    EXPECT_EQ(detector.challenges(), (ChallengeTally{.asked = 3, .refuted = 3}));
}

TEST_F(ForgedRstTest, ARefutedChallengeIsProofWhereNoKernelWithoutTheConnectionAnswersSo) {
    RstDetails abort = kAsked;
    abort.context = kHeeded;
    abort.tcp_flags = kRstAck;
    see(story.at(0ms).rst(abort));
    see(story.at(40ms).later(
        {.signals = bit(FS_SIGNAL_LIFE_CLOCK), .challenge = FS_CHALLENGE_REFUTED}));
    EXPECT_EQ(verdict(), FS_VERDICT_CONFIRMED);
}

TEST_F(ForgedRstTest, ADeafPeersRefutationIsWithdrawnWhenItUpholds) {  // REJECT on the peer
    see(story.at(0ms).rst(kAsked));
    see(story.at(20ms).later(
        {.signals = bit(FS_SIGNAL_LIFE_CLOCK), .challenge = FS_CHALLENGE_REFUTED}));
    EXPECT_EQ(verdict(), FS_VERDICT_SUSPECTED);
    see(story.at(90ms).rst({.context = kStatelessAnswer, .challenge = FS_CHALLENGE_UPHELD}));
    ASSERT_EQ(sink.resets.size(), 4U);
    EXPECT_EQ(sink.resets[2].id, 1U);
    EXPECT_EQ(sink.resets[2].judgement.verdict, FS_VERDICT_GENUINE);
    EXPECT_EQ(sink.resets[2].judgement.challenge, FS_CHALLENGE_UPHELD);
    EXPECT_EQ(sink.resets[3].answers, 1U);
    EXPECT_EQ(sink.findings.back().resolution, Resolution::withdrawn);
    EXPECT_EQ(detector.challenges(), (ChallengeTally{.asked = 1, .upheld = 1}));
}

/// --drop alone questions what it convicts; what it does not convict passes, the answer too.
TEST_F(ForgedRstTest, AGenuineResetThatPassesUnquestionedIsAnAnswer) {
    RstDetails convicted = kAsked;
    convicted.context = kHeeded;
    convicted.ttl = 60;
    convicted.signals = kTwoFamilies;
    see(story.at(0ms).rst(convicted));
    see(story.at(1ms).rst({.ttl = 52,
                           .context = kStatelessAnswer,
                           .passed = FS_PASS_NOT_DOUBTED}));  // too soon: 20 ms away
    EXPECT_EQ(detector.challenges().upheld, 0U);
    see(story.at(21ms).rst(
        {.ttl = 52, .context = kStatelessAnswer, .passed = FS_PASS_NOT_DOUBTED}));
    EXPECT_EQ(detector.challenges(), (ChallengeTally{.asked = 1, .upheld = 1}));
    EXPECT_EQ(sink.resets.back().answers, 1U);
    EXPECT_EQ(sink.resets[0].judgement.verdict, FS_VERDICT_CONFIRMED);
    const Reset& again = sink.resets[sink.resets.size() - 2];
    EXPECT_EQ(again.id, 1U);
    EXPECT_EQ(again.judgement.verdict, FS_VERDICT_CONFIRMED) << "both were reset";
    EXPECT_EQ(again.judgement.challenge, FS_CHALLENGE_UPHELD);
}

TEST_F(ForgedRstTest, AnotherDistanceGivesNoAnswer) {
    RstDetails convicted = kAsked;
    convicted.ttl = 60;
    convicted.signals = kTwoFamilies;
    see(story.at(0ms).rst(convicted));
    see(story.at(21ms).rst(
        {.ttl = 55, .context = kStatelessAnswer, .passed = FS_PASS_NOT_DOUBTED}));
    RstDetails passed{.ttl = 52, .context = kStatelessAnswer, .passed = FS_PASS_TOO_MANY};
    see(story.at(22ms).rst(passed));  // not believed, only let through
    EXPECT_EQ(detector.challenges().upheld, 0U);
}

TEST_F(ForgedRstTest, AQuestionWithoutAnswerIsToldAsThat) {
    see(story.at(0ms).rst(kAsked));
    advance(story.now() + 4999ms);
    EXPECT_EQ(sink.resets.size(), 1U);
    advance(story.now() + 5s);
    ASSERT_EQ(sink.resets.size(), 2U);
    EXPECT_EQ(challenge(), FS_CHALLENGE_UNANSWERED);
    EXPECT_EQ(detector.challenges(), (ChallengeTally{.asked = 1, .unanswered = 1}));
}

TEST_F(ForgedRstTest, ALateAnswerStillCounts) {
    see(story.at(0ms).rst(kAsked));
    advance(story.now() + 5s);
    see(story.at(50s).later({.challenge = FS_CHALLENGE_REFUTED}));
    EXPECT_EQ(verdict(), FS_VERDICT_SUSPECTED);
    EXPECT_EQ(challenge(), FS_CHALLENGE_REFUTED);
    EXPECT_EQ(detector.challenges(), (ChallengeTally{.asked = 1, .refuted = 1}));
}

TEST_F(ForgedRstTest, AnAnswerUpholdsTheRowItEndsNotWhatWasAskedLongBefore) {
    see(story.at(0ms).rst(kAsked));
    advance(story.now() + 5s);
    see(story.at(30s).rst(kAsked));
    see(story.after(1ms).rst(kAsked));
    see(story.after(30ms).rst({.context = kStatelessAnswer, .challenge = FS_CHALLENGE_UPHELD}));
    EXPECT_EQ(detector.challenges(), (ChallengeTally{.asked = 3, .upheld = 2, .unanswered = 1}));
}

TEST_F(ForgedRstTest, AProvenRefutationStands) {
    see(story.at(0ms).rst(kAsked));
    see(story.at(20ms).later(
        {.signals = bit(FS_SIGNAL_LIFE_ACK), .challenge = FS_CHALLENGE_REFUTED}));
    see(story.at(90ms).rst({.context = kStatelessAnswer, .challenge = FS_CHALLENGE_UPHELD}));
    EXPECT_EQ(detector.challenges(), (ChallengeTally{.asked = 1, .refuted = 1}));
    EXPECT_FALSE(sink.resets.back().answers);
}

TEST_F(ForgedRstTest, WhatIsStillAskedAtTheEndIsUnanswered) {
    see(story.at(0ms).rst(kAsked));
    detector.finish(sink);
    EXPECT_EQ(challenge(), FS_CHALLENGE_UNANSWERED);
    EXPECT_EQ(detector.challenges(), (ChallengeTally{.asked = 1, .unanswered = 1}));
    EXPECT_EQ(detector.remembered(), 0U);
}

// One packet at several places

class RouterTest : public ForgedRstTest {
  protected:
    static Story inside() {
        fs_flow flow = example_flow();
        flow.key = key_of("10.0.0.5", 51234, "198.51.100.7", 443, 4);
        return Story(flow, 11, "eth1");
    }
    Story inner = inside();
};

TEST_F(RouterTest, TellsAResetOnceThoughTwoInterfacesShowIt) {
    see(story.at(0ms).rst({.ttl = 60, .signals = kTwoFamilies}));
    see(inner.at(1ms).rst({.ttl = 59, .signals = kTwoFamilies}));
    EXPECT_EQ(sink.resets.size(), 1U);
    EXPECT_EQ(sink.findings.size(), 1U);
    see(story.at(20ms).later({.signals = bit(FS_SIGNAL_LIFE_ACK)}));
    see(inner.at(21ms).later({.ttl = 51, .signals = bit(FS_SIGNAL_LIFE_ACK)}));
    EXPECT_EQ(sink.resets.size(), 1U);
    EXPECT_EQ(sink.findings.size(), 1U);
}

TEST_F(RouterTest, TheViewThatKnowsMoreRaisesTheVerdict) {
    see(story.at(0ms).rst(
        {.ttl = 60, .signals = kTwoFamilies, .context = kHeeded | FS_CONTEXT_HALF_VIEW}));
    EXPECT_EQ(verdict(), FS_VERDICT_SUSPECTED);
    see(inner.at(1ms).rst({.ttl = 60, .signals = kTwoFamilies}));
    ASSERT_EQ(sink.resets.size(), 2U);
    EXPECT_EQ(sink.resets[1].id, sink.resets[0].id);
    EXPECT_EQ(verdict(), FS_VERDICT_CONFIRMED);
    EXPECT_EQ(sink.findings.size(), 2U);
    EXPECT_EQ(sink.findings[1].id, sink.findings[0].id);
}

TEST_F(RouterTest, LifeSeenAtEitherPlaceCounts) {
    see(story.at(0ms).rst({}));
    see(inner.at(1ms).rst({.ttl = 51}));
    see(inner.at(20ms).later({.signals = bit(FS_SIGNAL_LIFE_ACK)}));
    EXPECT_EQ(verdict(), FS_VERDICT_CONFIRMED);
    EXPECT_EQ(sink.resets.size(), 2U);
}

// What became of the flow

class OutcomeTest : public ForgedRstTest {
  protected:
    /// The flow as its slot shows it when the finding settles.
    fs_flow& now() { return slots.flows[story.slot()]; }
    void settle() {
        story.at(3s);
        advance(story.now());
    }
    [[nodiscard]] std::optional<Resolution> resolution() const {
        return sink.findings.back().resolution;
    }
    void forge(fs_action action) {
        slots.flows[story.slot()] = story.flow();
        see(story.at(0ms).rst({.ttl = 60, .signals = kTwoFamilies, .action = action}));
    }
    std::uint64_t ns(Nanoseconds time) {
        return static_cast<std::uint64_t>(story.at(time).now().count());
    }
};

TEST_F(OutcomeTest, ADroppedResetThatTheFlowOutlived) {
    forge(FS_ACTION_DROPPED);
    now().direction[kServer].last_ns = ns(2900ms);
    settle();
    ASSERT_EQ(sink.findings.size(), 2U);
    EXPECT_EQ(resolution(), Resolution::went_on);
    EXPECT_TRUE(sink.findings[1].again);
    EXPECT_THAT(sink.findings[1].summary, HasSubstr("The flow went on."));
    EXPECT_EQ(sink.resets.size(), 1U);
}

TEST_F(OutcomeTest, AFarEndThatResetsTooCannotBeBeatenFromOneSide) {
    forge(FS_ACTION_DROPPED);
    see(story.at(40ms).rst({.context = kStatelessAnswer}));
    EXPECT_EQ(verdict(), FS_VERDICT_GENUINE);
    settle();
    EXPECT_EQ(resolution(), Resolution::both_ends);
    EXPECT_THAT(sink.findings.back().summary,
                HasSubstr("198.51.100.7 has then reset the flow itself: a box that also resets "
                          "the far end cannot be beaten from one side."));
}

TEST_F(OutcomeTest, AFarEndThatFallsSilentCannotBeBeatenFromOneSide) {
    forge(FS_ACTION_DROPPED);
    now().direction[kClient].seq_edge += 500;  // our data waits for its acknowledgment
    settle();
    EXPECT_EQ(resolution(), Resolution::both_ends);
    EXPECT_THAT(sink.findings.back().summary, HasSubstr("silent since"));
    EXPECT_FALSE(sink.findings.back().advice.empty());
}

TEST_F(OutcomeTest, AnIdleFlowsSilenceSaysNothing) {
    story.flow().direction[kServer].last_ns = ns(-60s);
    forge(FS_ACTION_CHALLENGED);
    settle();
    EXPECT_EQ(sink.findings.size(), 1U);
}

TEST_F(OutcomeTest, AFlowThatEndsInOrderWentOn) {
    forge(FS_ACTION_DROPPED);
    now().state |= FS_OF(FS_FLOW_FIN, kServer);
    settle();
    EXPECT_EQ(resolution(), Resolution::went_on);
}

TEST_F(OutcomeTest, AnObservedResetEndsTheFlowWhenOurEndAnswersWithResets) {
    forge(FS_ACTION_OBSERVED);
    see(story.at(5ms).rst({.from = kClient,
                           .seq = 2001,
                           .ttl = 63,
                           .context = FS_CONTEXT_AFTER_OWN_RST | FS_CONTEXT_STATELESS,
                           .cause = FS_CAUSE_OWN_RST}));
    settle();
    EXPECT_EQ(resolution(), Resolution::ended);
}

TEST_F(OutcomeTest, AnObservedResetThatTheStackRefused) {
    forge(FS_ACTION_OBSERVED);
    now().direction[kClient].last_ns = ns(2500ms);
    settle();
    EXPECT_EQ(resolution(), Resolution::went_on);
}

TEST_F(OutcomeTest, ASlotThatWasGivenAwaySaysNothing) {
    forge(FS_ACTION_DROPPED);
    now().generation++;
    now().direction[kServer].last_ns = ns(2900ms);
    settle();
    EXPECT_EQ(sink.findings.size(), 1U);
}

TEST_F(OutcomeTest, ALaterForgeryOnTheSameFlowIsAnotherFinding) {
    forge(FS_ACTION_DROPPED);
    now().direction[kServer].last_ns = ns(2900ms);
    settle();
    see(story.at(30s).rst({.ttl = 60, .signals = kTwoFamilies, .action = FS_ACTION_DROPPED}));
    ASSERT_EQ(sink.findings.size(), 3U);
    EXPECT_NE(sink.findings[2].id, sink.findings[0].id);
    EXPECT_FALSE(sink.findings[2].again);
}

// Bounds

TEST_F(ForgedRstTest, AStormIsForgottenAsItGoes) {
    for (std::uint32_t i = 0; i < 20'000; i++) {
        Story its(example_flow(), i % 500, "eth0");
        its.flow().key.port[kClient] = static_cast<std::uint16_t>(i);
        see(its.at(i * 1us).rst({.ip_id = static_cast<std::uint16_t>(i)}));
    }
    EXPECT_EQ(sink.resets.size(), 20'000U);
    EXPECT_LE(detector.remembered(), ForgedRst::kMost);
    advance(story.at(60s).now());
    EXPECT_EQ(detector.remembered(), 0U);
}

// What is learnt

TEST_F(ForgedRstTest, TeachesAnInjectorsIdOnceTwoFlowsBoreIt) {
    const RstDetails forged{
        .ttl = 60, .ip_id = 0x4242, .signals = bit(FS_SIGNAL_NEARER) | bit(FS_SIGNAL_WINDOW_ECHO)};
    see(story.at(0ms).rst(forged));
    see(story.at(1ms).rst(forged));
    EXPECT_TRUE(policy.taught.empty()) << "one flow teaches nothing";
    Story second(example_flow(), 8, "eth0");
    see(second.at(2ms).rst(forged));
    ASSERT_EQ(policy.taught.size(), 1U);
    EXPECT_EQ(policy.taught[0].flags, FS_TAUGHT_USED | FS_TAUGHT_IP_ID | FS_TAUGHT_HOPS);
    EXPECT_EQ(policy.taught[0].ip_id, 0x4242);
    EXPECT_EQ(policy.taught[0].hops, 4);
    EXPECT_EQ(policy.taught[0].tcp_flags, FS_TCP_RST);
}

TEST_F(ForgedRstTest, TeachesNothingThatEveryHostBears) {
    const std::uint64_t forged = bit(FS_SIGNAL_NEARER) | bit(FS_SIGNAL_WINDOW_ECHO);
    std::uint32_t slot = 30;
    const auto twice = [&](const RstDetails& details) {
        for (int i = 0; i < 2; i++) {
            Story its(example_flow(), slot++, "eth0");
            see(its.rst(details));
        }
    };
    twice({.ttl = 60, .ip_id = 0, .signals = forged});
    twice({.ttl = 60, .ip_id = 1, .signals = forged});
    twice({.ttl = 60, .ip_id = 77, .signals = forged | bit(FS_SIGNAL_ID_ECHO)});
    twice({.ttl = 60, .ip_id = 78, .signals = forged, .context = 0});   // not in the window
    twice({.ttl = 60, .ip_id = 79, .signals = bit(FS_SIGNAL_NEARER)});  // suspected only
    EXPECT_TRUE(policy.taught.empty());
    twice({.ttl = 60,
           .window = 8201,
           .signals = bit(FS_SIGNAL_NEARER) | bit(FS_SIGNAL_WINDOW_FOREIGN)});
    ASSERT_EQ(policy.taught.size(), 1U);
    EXPECT_EQ(policy.taught[0].flags, FS_TAUGHT_USED | FS_TAUGHT_WINDOW | FS_TAUGHT_HOPS);
    EXPECT_EQ(policy.taught[0].window, 8201);
}

}  // namespace
}  // namespace flowstamp
