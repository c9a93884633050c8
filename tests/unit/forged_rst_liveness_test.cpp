// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Evidence: liveness. The peer sends packets that are causally later than the RST.
#include "user/analysis/reset/forged_rst.h"

#include <gtest/gtest.h>

#include "tests/unit/forged_rst_fixture.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;

TEST_F(ForgedRstTest, LivenessConfirmsAResetThatLookedGenuine) {
    for (const fst_signal signal : {FST_SIGNAL_LIVENESS_ACK, FST_SIGNAL_LIVENESS_CLOCK}) {
        FlowScript each(example_flow(), 20U + signal, "eth0");
        observe(each.at(0ms).rst({.context = kAccepted | FST_CONTEXT_STATELESS}));
        EXPECT_EQ(verdict(), FST_VERDICT_GENUINE);
        observe(each.at(30ms).later({.signals = bit(signal)}));
        EXPECT_EQ(verdict(), FST_VERDICT_CONFIRMED)
            << analysis::name_of(analysis::signal_of(signal));
        EXPECT_EQ(cause(), FST_CAUSE_FORGED);
    }
}

TEST_F(ForgedRstTest, LivenessCountsForTwoSecondsOnly) {
    observe(script.at(0ms).rst({}));
    observe(script.at(2001ms).later({.signals = bit(FST_SIGNAL_LIVENESS_ACK)}));
    EXPECT_EQ(sink.resets.size(), 1U);
}

TEST_F(ForgedRstTest, LivenessMustComeFromThePeersDistance) {
    observe(script.at(0ms).rst({}));
    observe(script.at(10ms).later({.ttl = 54, .signals = bit(FST_SIGNAL_LIVENESS_ACK)}));
    observe(script.at(11ms).later({.ttl = 50, .signals = bit(FST_SIGNAL_LIVENESS_CLOCK)}));
    EXPECT_EQ(sink.resets.size(), 1U);
    observe(script.at(12ms).later({.ttl = 51, .signals = bit(FST_SIGNAL_LIVENESS_ACK)}));
    EXPECT_EQ(verdict(), FST_VERDICT_CONFIRMED);
}

/// A spoofed packet had added the forger's distance: the sender's own distance still counts.
TEST_F(ForgedRstTest, LivenessMayComeFromAnyDistanceOfThePeer) {
    fst_flow flow = example_flow();
    flow.direction[kServer].ttl[1] = 62;
    FlowScript learned(flow, 7, "eth0");
    observe(learned.at(0ms).rst({.ttl = 62}));
    observe(learned.at(10ms).later({.ttl = 52, .signals = bit(FST_SIGNAL_LIVENESS_ACK)}));
    EXPECT_EQ(verdict(), FST_VERDICT_CONFIRMED);
}

/// A reset that the receiver's stack ignores ends no connection: liveness after it proves nothing.
TEST_F(ForgedRstTest, LivenessAfterAnUnacceptableResetIsNoProof) {
    observe(script.at(0ms).rst({.seq = 4000, .context = 0}));
    observe(script.at(10ms).later({.payload = 9, .signals = bit(FST_SIGNAL_LIVENESS_ACK)}));
    EXPECT_EQ(verdict(), FST_VERDICT_GENUINE);
}

TEST_F(ForgedRstTest, ASynEndsTheObservation) {
    observe(script.at(0ms).rst({}));
    observe(script.at(10ms).syn(9000));
    observe(script.at(20ms).later({.signals = bit(FST_SIGNAL_LIVENESS_ACK)}));
    EXPECT_EQ(sink.resets.size(), 1U);
    EXPECT_EQ(verdict(), FST_VERDICT_GENUINE);
}

TEST_F(ForgedRstTest, ADuplicateFrameIsNoLiveness) {
    observe(script.at(0ms).rst({}));
    observe(script.at(1ms).later({.signals = bit(FST_SIGNAL_LIVENESS_ACK),
                                  .flags = FST_PACKET_DF | FST_PACKET_DUPLICATE_FRAME}));
    EXPECT_EQ(sink.resets.size(), 1U);
}

TEST_F(ForgedRstTest, AStatelessAnswerNeedsAnAckOfLaterData) {
    observe(script.at(0ms).rst({.context = kStatelessAnswer}));
    observe(script.at(10ms).later({.payload = 1000, .signals = bit(FST_SIGNAL_LIVENESS_CLOCK)}));
    EXPECT_EQ(verdict(), FST_VERDICT_GENUINE);
    observe(script.at(30ms).later({.ack = 2400, .signals = bit(FST_SIGNAL_LIVENESS_ACK)}));
    EXPECT_EQ(verdict(), FST_VERDICT_CONFIRMED);
}

TEST_F(ForgedRstTest, ASecondHostBehindTheAddressIsTheCause) {
    observe(script.at(0ms).rst({.context = kStatelessAnswer, .challenge = FST_CHALLENGE_ASKED}));
    observe(script.at(10ms).later({.signals = bit(FST_SIGNAL_LIVENESS_CLOCK)}));
    advance(script.now() + 6s);  // the time for an answer is over: reported again
    EXPECT_EQ(verdict(), FST_VERDICT_GENUINE);
    EXPECT_EQ(cause(), FST_CAUSE_OTHER_HOST);
}

/// A kernel's stateless reset has its default TTL, even if the socket had another one: the distance
/// is then unknown.
TEST_F(ForgedRstTest, ASecondHostMayHaveAnotherInitialTtl) {
    constexpr std::uint64_t kOtherBase = bit(FST_SIGNAL_TTL_BASE) | bit(FST_SIGNAL_FARTHER);
    observe(script.at(0ms).rst({.ttl = 117, .signals = kOtherBase, .context = kStatelessAnswer}));
    observe(script.at(10ms).later({.payload = 1000, .signals = bit(FST_SIGNAL_LIVENESS_CLOCK)}));
    EXPECT_EQ(verdict(), FST_VERDICT_GENUINE);
    observe(script.at(30ms).later({.ack = 2400, .signals = bit(FST_SIGNAL_LIVENESS_ACK)}));
    EXPECT_EQ(verdict(), FST_VERDICT_CONFIRMED);
}

TEST_F(ForgedRstTest, AnUnprovokedResetIsConfirmedByTheClock) {
    observe(script.at(0ms).rst({.context = kAccepted | FST_CONTEXT_STATELESS}));
    observe(script.at(10ms).later({.signals = bit(FST_SIGNAL_LIVENESS_CLOCK)}));
    EXPECT_EQ(verdict(), FST_VERDICT_CONFIRMED);
}

TEST_F(ForgedRstTest, TheNextIdConfirmsAForgedAbortThatContinuedTheIds) {
    const RstDetails abort{.tcp_flags = kRstAck,
                           .ip_id = 0x1a2c,
                           .window = 64,
                           .signals = bit(FST_SIGNAL_ID_IN_SEQUENCE),
                           .cause = FST_CAUSE_ABORT};
    observe(script.at(0ms).rst(abort));
    observe(script.at(1ms).later({.ip_id = 0x1a2b}));  // was in flight
    EXPECT_EQ(verdict(), FST_VERDICT_GENUINE);
    observe(script.at(5ms).later({.ip_id = 0x1a2c}));  // the ID that the RST already used
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
    observe(script.at(0ms).rst(abort));
    observe(script.at(1ms).later({.ip_id = 0}));
    observe(script.at(2ms).later({.ip_id = static_cast<std::uint16_t>(0xf9e5 + 300)}));
    EXPECT_EQ(sink.resets.size(), 1U);
    observe(script.at(3ms).later({.ip_id = 0xf9e5 + 20}));
    EXPECT_EQ(verdict(), FST_VERDICT_CONFIRMED);
}

/// On a router a challenge, sent as a keepalive of a byte received earlier, leaves by the other
/// interface.
TEST_F(ForgedRstTest, AForwardedChallengeIsNoLiveness) {
    observe(script.at(0ms).rst({.tcp_flags = kRstAck,
                                .ip_id = 0x1a2c,
                                .signals = bit(FST_SIGNAL_ID_IN_SEQUENCE),
                                .cause = FST_CAUSE_ABORT}));
    analysis::Observation forwarded_challenge = script.at(1ms).later(
        {.seq = 4998, .payload = 1, .ip_id = 0x1a2d, .signals = bit(FST_SIGNAL_LIVENESS_CLOCK)});
    observe(forwarded_challenge);
    EXPECT_EQ(sink.resets.size(), 1U);
    // The peer's own keepalive, one byte below its edge.
    observe(script.at(2ms).later(
        {.seq = 4999, .payload = 1, .ip_id = 0x1a2d, .signals = bit(FST_SIGNAL_LIVENESS_CLOCK)}));
    EXPECT_EQ(verdict(), FST_VERDICT_CONFIRMED);
}

TEST_F(ForgedRstTest, AnIdIsNoEvidenceIfTheResetDidNotContinueTheIds) {
    observe(script.at(0ms).rst({.tcp_flags = kRstAck, .ip_id = 0x1a2c}));
    observe(script.at(5ms).later({.ip_id = 0x1a2d}));
    EXPECT_EQ(sink.resets.size(), 1U);
}

TEST_F(ForgedRstTest, DataBeyondTheResetIsWeakEvidenceThatAddsUp) {
    observe(script.at(0ms).rst({.seq = 5000}));
    observe(script.at(5ms).later({.seq = 5000, .payload = 1448}));
    EXPECT_EQ(verdict(), FST_VERDICT_SUSPECTED);
    FlowScript other(example_flow(), 8, "eth0");
    observe(other.at(0ms).rst({.seq = 5000, .signals = bit(FST_SIGNAL_ID_CONSTANT)}));
    observe(other.at(5ms).later({.seq = 5000, .payload = 1448}));
    EXPECT_EQ(verdict(), FST_VERDICT_CONFIRMED);
}

TEST_F(ForgedRstTest, DataInFlightIsNoEvidence) {
    observe(script.at(0ms).rst({.seq = 6448}));
    observe(
        script.at(3ms).later({.seq = 5000, .payload = 1448}));  // up to the RST's sequence number
    EXPECT_EQ(sink.resets.size(), 1U);
    FlowScript behind(example_flow(), 8, "eth0");
    observe(behind.at(0ms).rst({.seq = 4000}));  // below the data edge
    observe(behind.at(3ms).later({.seq = 5000, .payload = 1448}));
    EXPECT_EQ(sink.resets.size(), 2U);
    EXPECT_EQ(verdict(), FST_VERDICT_GENUINE);
}

// Each RST of a burst is judged separately.

TEST_F(ForgedRstTest, EachResetOfABurstIsConfirmedByAnAckOfDataSentAfterIt) {
    observe(script.at(0ms).rst({}));
    script.flow().direction[kClient].seq_edge = 3001;  // we sent more between the two
    observe(script.at(5ms).rst({.seq = 5001}));
    observe(script.at(30ms).later({.ack = 2500, .signals = bit(FST_SIGNAL_LIVENESS_ACK)}));
    ASSERT_EQ(sink.resets.size(), 3U);
    EXPECT_EQ(sink.resets[2].id, 1U);  // sent after the first, before the second
    EXPECT_EQ(verdict(), FST_VERDICT_CONFIRMED);
    observe(script.at(40ms).later({.ack = 3002, .signals = bit(FST_SIGNAL_LIVENESS_ACK)}));
    ASSERT_EQ(sink.resets.size(), 4U);
    EXPECT_EQ(sink.resets[3].id, 2U);
    ASSERT_EQ(sink.findings.size(), 1U);  // one finding for the burst
}

TEST_F(ForgedRstTest, EachResetOfABurstHasItsOwnClock) {
    observe(script.at(0ms).rst({.tcp_flags = kRstAck, .ts_val = 700'000}));
    observe(script.at(20ms).rst({.tcp_flags = kRstAck, .ts_val = 700'020}));
    observe(script.at(21ms).later({.ts_val = 700'010, .signals = bit(FST_SIGNAL_LIVENESS_CLOCK)}));
    ASSERT_EQ(sink.resets.size(), 3U);
    EXPECT_EQ(sink.resets[2].id, 1U);
    observe(script.at(30ms).later({.ts_val = 700'025, .signals = bit(FST_SIGNAL_LIVENESS_CLOCK)}));
    ASSERT_EQ(sink.resets.size(), 4U);
    EXPECT_EQ(sink.resets[3].id, 2U);
}

/// All packets of both ends have one IP-ID: a program has written them, no two stacks.
TEST_F(ForgedRstTest, WrittenPacketsShowNoLiveness) {
    for (const bool written : {true, false}) {
        FlowScript each(example_flow(), written ? 71U : 72U, "eth0");
        for (fst_direction& direction : each.flow().direction) {
            direction.ip_id = 0xffff;
            std::uint16_t other = 0;
            for (fst_stamp& stamp : direction.ring) {
                stamp = {.time_us = 1, .ip_id = 0xffff, .ttl = 60, .tcp_flags = FST_TCP_ACK};
                stamp.ip_id = written ? 0xffff : ++other;
            }
        }
        observe(each.at(0ms).rst({.context = kAccepted}));
        observe(each.at(30ms).later({.signals = bit(FST_SIGNAL_LIVENESS_ACK)}));
        EXPECT_EQ(verdict(), written ? FST_VERDICT_GENUINE : FST_VERDICT_CONFIRMED);
    }
}

}  // namespace
}  // namespace flowstamp::testing
