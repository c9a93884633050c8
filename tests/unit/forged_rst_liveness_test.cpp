// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Evidence: life. The peer goes on, causally later.
#include "user/analysis/reset/forged_rst.h"

#include <gtest/gtest.h>

#include "tests/unit/forged_rst_fixture.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;

TEST_F(ForgedRstTest, LifeConvictsWhatLookedGenuine) {
    for (const fst_signal signal : {FST_SIGNAL_LIVENESS_ACK, FST_SIGNAL_LIVENESS_CLOCK}) {
        Story its(example_flow(), 20U + signal, "eth0");
        see(its.at(0ms).rst({.context = kAccepted | FST_CONTEXT_STATELESS}));
        EXPECT_EQ(verdict(), FST_VERDICT_GENUINE);
        see(its.at(30ms).later({.signals = bit(signal)}));
        EXPECT_EQ(verdict(), FST_VERDICT_CONFIRMED)
            << analysis::name_of(analysis::signal_of(signal));
        EXPECT_EQ(cause(), FST_CAUSE_FORGED);
    }
}

TEST_F(ForgedRstTest, LifeCountsForTwoSecondsOnly) {
    see(story.at(0ms).rst({}));
    see(story.at(2001ms).later({.signals = bit(FST_SIGNAL_LIVENESS_ACK)}));
    EXPECT_EQ(sink.resets.size(), 1U);
}

TEST_F(ForgedRstTest, LifeMustComeFromThePeersDistance) {
    see(story.at(0ms).rst({}));
    see(story.at(10ms).later({.ttl = 54, .signals = bit(FST_SIGNAL_LIVENESS_ACK)}));
    see(story.at(11ms).later({.ttl = 50, .signals = bit(FST_SIGNAL_LIVENESS_CLOCK)}));
    EXPECT_EQ(sink.resets.size(), 1U);
    see(story.at(12ms).later({.ttl = 51, .signals = bit(FST_SIGNAL_LIVENESS_ACK)}));
    EXPECT_EQ(verdict(), FST_VERDICT_CONFIRMED);
}

/// The forger's distance had been learned from one spoofed packet: the sender's own counts all the same.
TEST_F(ForgedRstTest, LifeMayComeFromAnyDistanceThatTheSideHas) {
    fst_flow flow = example_flow();
    flow.direction[kServer].ttl[1] = 62;
    Story learned(flow, 7, "eth0");
    see(learned.at(0ms).rst({.ttl = 62}));
    see(learned.at(10ms).later({.ttl = 52, .signals = bit(FST_SIGNAL_LIVENESS_ACK)}));
    EXPECT_EQ(verdict(), FST_VERDICT_CONFIRMED);
}

/// What the receiver's stack does not heed ends no connection: that this one goes on proves nothing.
TEST_F(ForgedRstTest, LifeAfterAResetThatNobodyHeedsIsNoProof) {
    see(story.at(0ms).rst({.seq = 4000, .context = 0}));
    see(story.at(10ms).later({.payload = 9, .signals = bit(FST_SIGNAL_LIVENESS_ACK)}));
    EXPECT_EQ(verdict(), FST_VERDICT_GENUINE);
}

TEST_F(ForgedRstTest, ASynEndsTheObservation) {
    see(story.at(0ms).rst({}));
    see(story.at(10ms).syn(9000));
    see(story.at(20ms).later({.signals = bit(FST_SIGNAL_LIVENESS_ACK)}));
    EXPECT_EQ(sink.resets.size(), 1U);
    EXPECT_EQ(verdict(), FST_VERDICT_GENUINE);
}

TEST_F(ForgedRstTest, AFrameSeenTwiceIsNoLife) {
    see(story.at(0ms).rst({}));
    see(story.at(1ms).later({.signals = bit(FST_SIGNAL_LIVENESS_ACK),
                             .flags = FST_PACKET_DF | FST_PACKET_DUPLICATE_FRAME}));
    EXPECT_EQ(sink.resets.size(), 1U);
}

TEST_F(ForgedRstTest, AnAnswerOfAKernelWithoutTheConnectionNeedsAnAckOfLaterData) {
    see(story.at(0ms).rst({.context = kStatelessAnswer}));
    see(story.at(10ms).later({.payload = 1000, .signals = bit(FST_SIGNAL_LIVENESS_CLOCK)}));
    EXPECT_EQ(verdict(), FST_VERDICT_GENUINE);
    see(story.at(30ms).later({.ack = 2400, .signals = bit(FST_SIGNAL_LIVENESS_ACK)}));
    EXPECT_EQ(verdict(), FST_VERDICT_CONFIRMED);
}

TEST_F(ForgedRstTest, ASecondHostBehindTheAddressIsTheCause) {
    see(story.at(0ms).rst({.context = kStatelessAnswer, .challenge = FST_CHALLENGE_ASKED}));
    see(story.at(10ms).later({.signals = bit(FST_SIGNAL_LIVENESS_CLOCK)}));
    advance(story.now() + 6s);  // the answer's time is up: told again
    EXPECT_EQ(verdict(), FST_VERDICT_GENUINE);
    EXPECT_EQ(cause(), FST_CAUSE_OTHER_HOST);
}

/// A kernel answers with its default TTL in the name of a socket that had its own: from which distance
/// cannot be told.
TEST_F(ForgedRstTest, ASecondHostMayHaveAnotherInitialTtl) {
    constexpr std::uint64_t kOtherBase = bit(FST_SIGNAL_TTL_BASE) | bit(FST_SIGNAL_FARTHER);
    see(story.at(0ms).rst({.ttl = 117, .signals = kOtherBase, .context = kStatelessAnswer}));
    see(story.at(10ms).later({.payload = 1000, .signals = bit(FST_SIGNAL_LIVENESS_CLOCK)}));
    EXPECT_EQ(verdict(), FST_VERDICT_GENUINE);
    see(story.at(30ms).later({.ack = 2400, .signals = bit(FST_SIGNAL_LIVENESS_ACK)}));
    EXPECT_EQ(verdict(), FST_VERDICT_CONFIRMED);
}

TEST_F(ForgedRstTest, UnprovokedItIsConvictedByItsClock) {
    see(story.at(0ms).rst({.context = kAccepted | FST_CONTEXT_STATELESS}));
    see(story.at(10ms).later({.signals = bit(FST_SIGNAL_LIVENESS_CLOCK)}));
    EXPECT_EQ(verdict(), FST_VERDICT_CONFIRMED);
}

TEST_F(ForgedRstTest, AnIdThatGoesOnConvictsAnAbortThatContinuedIt) {
    const RstDetails abort{.tcp_flags = kRstAck,
                           .ip_id = 0x1a2c,
                           .window = 64,
                           .signals = bit(FST_SIGNAL_ID_IN_SEQUENCE),
                           .cause = FST_CAUSE_ABORT};
    see(story.at(0ms).rst(abort));
    see(story.at(1ms).later({.ip_id = 0x1a2b}));  // was under way
    EXPECT_EQ(verdict(), FST_VERDICT_GENUINE);
    see(story.at(5ms).later({.ip_id = 0x1a2c}));  // the RST took its number
    EXPECT_EQ(verdict(), FST_VERDICT_CONFIRMED);
    EXPECT_EQ(sink.resets.back().evidence[0].signal, analysis::Signal::LIVENESS_ID);
    EXPECT_EQ(sink.resets.back().evidence[0].baseline,
              (analysis::Values{analysis::field::ip_id(0x1a2c), analysis::field::later(5ms)}));
}

TEST_F(ForgedRstTest, AnIdFarAheadOrZeroIsNoContinuation) {
    const RstDetails abort{.tcp_flags = kRstAck,
                           .ip_id = 0xf9e5,
                           .signals = bit(FST_SIGNAL_ID_IN_SEQUENCE),
                           .cause = FST_CAUSE_ABORT};
    see(story.at(0ms).rst(abort));
    see(story.at(1ms).later({.ip_id = 0}));
    see(story.at(2ms).later({.ip_id = static_cast<std::uint16_t>(0xf9e5 + 300)}));
    EXPECT_EQ(sink.resets.size(), 1U);
    see(story.at(3ms).later({.ip_id = 0xf9e5 + 20}));
    EXPECT_EQ(verdict(), FST_VERDICT_CONFIRMED);
}

/// On a router a question, put as a keepalive of a byte long received, passes the other interface.
TEST_F(ForgedRstTest, AQuestionOnItsWayOutIsNoLife) {
    see(story.at(0ms).rst({.tcp_flags = kRstAck,
                           .ip_id = 0x1a2c,
                           .signals = bit(FST_SIGNAL_ID_IN_SEQUENCE),
                           .cause = FST_CAUSE_ABORT}));
    analysis::Observation question = story.at(1ms).later(
        {.seq = 4998, .payload = 1, .ip_id = 0x1a2d, .signals = bit(FST_SIGNAL_LIVENESS_CLOCK)});
    see(question);
    EXPECT_EQ(sink.resets.size(), 1U);
    // The peer's own keepalive, one byte below its edge.
    see(story.at(2ms).later(
        {.seq = 4999, .payload = 1, .ip_id = 0x1a2d, .signals = bit(FST_SIGNAL_LIVENESS_CLOCK)}));
    EXPECT_EQ(verdict(), FST_VERDICT_CONFIRMED);
}

TEST_F(ForgedRstTest, AnIdProvesNothingWhereTheResetDidNotContinueIt) {
    see(story.at(0ms).rst({.tcp_flags = kRstAck, .ip_id = 0x1a2c}));
    see(story.at(5ms).later({.ip_id = 0x1a2d}));
    EXPECT_EQ(sink.resets.size(), 1U);
}

TEST_F(ForgedRstTest, DataBeyondTheResetMakesSuspectAndJoins) {
    see(story.at(0ms).rst({.seq = 5000}));
    see(story.at(5ms).later({.seq = 5000, .payload = 1448}));
    EXPECT_EQ(verdict(), FST_VERDICT_SUSPECTED);
    Story other(example_flow(), 8, "eth0");
    see(other.at(0ms).rst({.seq = 5000, .signals = bit(FST_SIGNAL_ID_CONSTANT)}));
    see(other.at(5ms).later({.seq = 5000, .payload = 1448}));
    EXPECT_EQ(verdict(), FST_VERDICT_CONFIRMED);
}

TEST_F(ForgedRstTest, DataThatWasUnderWayProvesNothing) {
    see(story.at(0ms).rst({.seq = 6448}));
    see(story.at(3ms).later({.seq = 5000, .payload = 1448}));  // up to the RST's place
    EXPECT_EQ(sink.resets.size(), 1U);
    Story behind(example_flow(), 8, "eth0");
    see(behind.at(0ms).rst({.seq = 4000}));  // below the data edge
    see(behind.at(3ms).later({.seq = 5000, .payload = 1448}));
    EXPECT_EQ(sink.resets.size(), 2U);
    EXPECT_EQ(verdict(), FST_VERDICT_GENUINE);
}

// A later RST of a row is measured on its own.

TEST_F(ForgedRstTest, EachResetOfABurstIsConvictedByAnAckOfDataSentAfterIt) {
    see(story.at(0ms).rst({}));
    story.flow().direction[kClient].seq_edge = 3001;  // we sent more between the two
    see(story.at(5ms).rst({.seq = 5001}));
    see(story.at(30ms).later({.ack = 2500, .signals = bit(FST_SIGNAL_LIVENESS_ACK)}));
    ASSERT_EQ(sink.resets.size(), 3U);
    EXPECT_EQ(sink.resets[2].id, 1U);  // sent after the first, before the second
    EXPECT_EQ(verdict(), FST_VERDICT_CONFIRMED);
    see(story.at(40ms).later({.ack = 3002, .signals = bit(FST_SIGNAL_LIVENESS_ACK)}));
    ASSERT_EQ(sink.resets.size(), 4U);
    EXPECT_EQ(sink.resets[3].id, 2U);
    ASSERT_EQ(sink.findings.size(), 1U);  // one finding for the burst
}

TEST_F(ForgedRstTest, ALaterResetsClockIsItsOwn) {
    see(story.at(0ms).rst({.tcp_flags = kRstAck, .ts_val = 700'000}));
    see(story.at(20ms).rst({.tcp_flags = kRstAck, .ts_val = 700'020}));
    see(story.at(21ms).later({.ts_val = 700'010, .signals = bit(FST_SIGNAL_LIVENESS_CLOCK)}));
    ASSERT_EQ(sink.resets.size(), 3U);
    EXPECT_EQ(sink.resets[2].id, 1U);
    see(story.at(30ms).later({.ts_val = 700'025, .signals = bit(FST_SIGNAL_LIVENESS_CLOCK)}));
    ASSERT_EQ(sink.resets.size(), 4U);
    EXPECT_EQ(sink.resets[3].id, 2U);
}

}  // namespace
}  // namespace flowstamp::testing
