// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Evidence from pairs of resets: SEQ_CHANGE and TWO_PATHS.
#include "user/analysis/reset/forged_rst.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/forged_rst_fixture.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;

/// The first may be the sender's own: it is what its receiver asked for.
TEST_F(ForgedRstTest, ASecondGuessConfirmsItselfAndLeavesTheFirstDoubtful) {
    observe(script.at(0ms).rst({.seq = 5000}));
    observe(script.at(1ms).rst({.seq = 6460, .context = FST_CONTEXT_IN_WINDOW}));
    ASSERT_EQ(sink.resets.size(), 3U);
    EXPECT_EQ(sink.resets[1].id, 1U);
    EXPECT_TRUE(sink.resets[1].again);
    EXPECT_EQ(sink.resets[1].judgement.verdict, FST_VERDICT_SUSPECTED);
    EXPECT_EQ(sink.resets[2].id, 2U);
    EXPECT_EQ(sink.resets[2].judgement.verdict, FST_VERDICT_CONFIRMED);
    EXPECT_EQ(sink.resets[2].evidence[0].signal, analysis::Signal::SEQ_CHANGE);
    EXPECT_EQ(sink.findings.size(), 2U) << "one, whose verdict rises";
    EXPECT_EQ(sink.findings.back().verdict, FST_VERDICT_CONFIRMED);
}

/// A peer that aborts behind data that was lost names another place than a forged reset before it. It answers
/// as a stack that does not know the connection: then neither is known to be the forged one.
TEST_F(ForgedRstTest, ASecondGuessThatAStackUpholdsIsNotConfirmed) {
    const auto asked = [](std::uint32_t seq, std::uint32_t context) {
        return RstDetails{.seq = seq,
                          .context = context,
                          .action = FST_ACTION_CHALLENGED,
                          .challenge = FST_CHALLENGE_ASKED};
    };
    observe(script.at(0ms).rst(asked(5000, kAccepted)));
    observe(script.at(1ms).rst(asked(6460, FST_CONTEXT_IN_WINDOW)));
    ASSERT_EQ(sink.resets.back().judgement.verdict, FST_VERDICT_CONFIRMED);
    observe(script.at(30ms).rst({.context = kStatelessAnswer, .challenge = FST_CHALLENGE_UPHELD}));
    for (const std::uint32_t id : {1U, 2U}) {
        const auto latest =
            std::ranges::find(sink.resets.rbegin(), sink.resets.rend(), id, &analysis::Reset::id);
        EXPECT_EQ(latest->judgement.verdict, FST_VERDICT_SUSPECTED) << id;
    }
}

TEST_F(ForgedRstTest, StatelessAnswersToSegmentsInFlightAreNoGuesses) {
    // Linux answers n segments with n RSTs that step through what was acknowledged.
    for (std::uint32_t step = 0; step < 5; step++) {
        observe(
            script.after(1ms).rst({.seq = 5000 - 1448 * (4 - step), .context = kStatelessAnswer}));
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
        FlowScript script;
        bench.observe(script.at(0ms).rst(one));
        script.flow().direction[kClient].ack_edge = ack_edge;
        bench.observe(script.at(apart).rst(two));
        return bench.sink.resets.back().judgement.verdict;
    };
    EXPECT_EQ(judge(first, second, 1999ms), FST_VERDICT_CONFIRMED);
    EXPECT_EQ(judge(first, second, 2001ms), FST_VERDICT_GENUINE);
    RstDetails changed = second;
    changed.tcp_flags = kRstAck;
    EXPECT_EQ(judge(first, changed, 1ms), FST_VERDICT_GENUINE) << "other flags";
    changed = second;
    changed.seq = 5002;
    EXPECT_EQ(judge(first, changed, 1ms), FST_VERDICT_GENUINE) << "2 bytes further is no guess";
    changed = second;
    changed.signals = bit(FST_SIGNAL_TIMESTAMPS_VALID);
    EXPECT_EQ(judge(first, changed, 1ms), FST_VERDICT_GENUINE) << "valid timestamps";
    for (const std::uint32_t spoils : {FST_CONTEXT_FIN, FST_CONTEXT_AFTER_OWN_RST,
                                       FST_CONTEXT_HALF_VIEW, FST_CONTEXT_DUPLICATE_FRAME}) {
        changed = second;
        changed.context |= spoils;
        EXPECT_EQ(judge(first, changed, 1ms), FST_VERDICT_GENUINE) << spoils;
    }
    changed = first;
    changed.seq = 4990;
    EXPECT_EQ(judge(changed, second, 1ms), FST_VERDICT_GENUINE) << "below the data edge";
    EXPECT_EQ(judge(first, second, 1ms, 6459), FST_VERDICT_GENUINE) << "we acknowledged up to it";
}

/// Who knows addresses and ports alone can send it.
TEST_F(ForgedRstTest, AResetThatNoStackTakesInSaysNothingAboutTheFirst) {
    observe(script.at(0ms).rst({.ttl = 52, .signals = bit(FST_SIGNAL_WINDOW_FOREIGN)}));
    observe(script.at(80ms).rst({.seq = 0x40000000, .ttl = 60, .context = 0}));
    EXPECT_EQ(sink.resets.size(), 2U) << "the first is not reported again";
    EXPECT_EQ(sink.resets[0].judgement.verdict, FST_VERDICT_GENUINE);
}

/// Forty of them: more than are remembered of a side.
TEST_F(ForgedRstTest, BlindResetsPushNoOtherOneOut) {
    observe(script.at(0ms).rst({.ttl = 52}));
    for (std::uint32_t i = 0; i < 40; i++) {
        observe(script.at(1ms).rst({.seq = 0x40000000 + i * 1000, .ttl = 60, .context = 0}));
    }
    sink.resets.clear();
    observe(script.at(20ms).later({.signals = bit(FST_SIGNAL_LIVENESS_ACK)}));
    const auto is_first = [](const analysis::Reset& reset) { return reset.id == 1; };
    const auto first = std::ranges::find_if(sink.resets, is_first);
    ASSERT_NE(first, sink.resets.end());
    EXPECT_EQ(first->judgement.verdict, FST_VERDICT_CONFIRMED);
}

TEST_F(ForgedRstTest, TwoPathsAddToTheFirstResetsEvidence) {
    observe(script.at(0ms).rst({.ttl = 52, .signals = bit(FST_SIGNAL_WINDOW_FOREIGN)}));
    EXPECT_EQ(verdict(), FST_VERDICT_GENUINE);
    observe(script.at(900ms).rst({.seq = 5001, .ttl = 60}));
    ASSERT_EQ(sink.resets.size(), 3U);
    EXPECT_EQ(sink.resets[1].id, 1U);
    EXPECT_EQ(sink.resets[1].judgement.verdict, FST_VERDICT_SUSPECTED);
}

/// An abort with the socket's TTL, and the kernel's stateless resets with the host's default.
TEST_F(ForgedRstTest, TwoInitialTtlsOfOneHostAreNoTwoPaths) {
    observe(script.at(0ms).rst(
        {.tcp_flags = kRstAck, .ttl = 97, .signals = bit(FST_SIGNAL_WINDOW_FOREIGN)}));
    observe(script.at(10ms).rst({.ttl = 61}));
    observe(script.at(20ms).rst({.tcp_flags = kRstAck, .ttl = 250}));
    ASSERT_EQ(sink.resets.size(), 3U);
    EXPECT_EQ(sink.resets[0].judgement.verdict, FST_VERDICT_GENUINE);
}

TEST_F(ForgedRstTest, HalfAViewGivesSuspectedAtMost) {
    observe(script.at(0ms).rst({.context = kAccepted | FST_CONTEXT_HALF_VIEW}));
    observe(script.at(20ms).later({.signals = bit(FST_SIGNAL_LIVENESS_ACK)}));
    EXPECT_EQ(verdict(), FST_VERDICT_SUSPECTED);
}

}  // namespace
}  // namespace flowstamp::testing
