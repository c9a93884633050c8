// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The challenge, and its answers.
#include "user/analysis/reset/forged_rst.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/forged_rst_fixture.h"
#include "user/output/text/statement_text.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr RstDetails kAsked{
    .context = kStatelessAnswer, .action = FST_ACTION_CHALLENGED, .challenge = FST_CHALLENGE_ASKED};

TEST_F(ForgedRstTest, AnUpheldChallengeClearsSuspicion) {
    RstDetails suspected = kAsked;
    suspected.context = kAccepted;
    suspected.ttl = 60;
    suspected.signals = bit(FST_SIGNAL_NEARER);
    see(story.at(0ms).rst(suspected));
    EXPECT_EQ(verdict(), FST_VERDICT_SUSPECTED);
    EXPECT_EQ(challenge(), FST_CHALLENGE_ASKED);
    see(story.at(30ms).rst({.context = kStatelessAnswer, .challenge = FST_CHALLENGE_UPHELD}));
    ASSERT_EQ(sink.resets.size(), 3U);
    EXPECT_EQ(sink.resets[1].id, 1U);
    EXPECT_EQ(sink.resets[1].judgement.verdict, FST_VERDICT_GENUINE);
    EXPECT_EQ(sink.resets[1].judgement.challenge, FST_CHALLENGE_UPHELD);
    EXPECT_EQ(sink.resets[1].judgement.cause, FST_CAUSE_EDGE);
    EXPECT_EQ(sink.resets[2].id, 2U);
    EXPECT_EQ(sink.resets[2].answers, 1U);
    EXPECT_EQ(challenge(), FST_CHALLENGE_NONE);  // it answers; it was not asked
    ASSERT_EQ(sink.findings.size(), 2U);
    EXPECT_EQ(sink.findings[1].resolution, analysis::Resolution::withdrawn);
    EXPECT_EQ(tracking.challenges, (analysis::ChallengeTally{.asked = 1, .upheld = 1}));
}

TEST_F(ForgedRstTest, ARefutedChallengeIsProofOnceThePeerHears) {
    for (int i = 0; i < 3; i++) {
        see(story.after(1ms).rst(kAsked));
    }
    EXPECT_TRUE(sink.findings.empty());
    see(story.at(40ms).later(
        {.signals = bit(FST_SIGNAL_LIVENESS_CLOCK), .challenge = FST_CHALLENGE_REFUTED}));
    ASSERT_EQ(sink.resets.size(), 6U);
    for (std::size_t i = 3; i < 6; i++) {
        EXPECT_EQ(sink.resets[i].judgement.verdict, FST_VERDICT_SUSPECTED) << "it may be deaf";
        EXPECT_EQ(sink.resets[i].judgement.challenge, FST_CHALLENGE_REFUTED);
    }
    see(story.at(400ms).later(
        {.seq = 5101, .payload = 400, .signals = bit(FST_SIGNAL_BEYOND_WINDOW)}));
    EXPECT_EQ(sink.resets.size(), 6U) << "no more than our window held: a deaf peer may send that";
    see(story.at(445ms).later(
        {.seq = 5501, .payload = 1, .signals = bit(FST_SIGNAL_BEYOND_WINDOW)}));
    ASSERT_EQ(sink.resets.size(), 9U);
    for (std::size_t i = 6; i < 9; i++) {
        EXPECT_EQ(sink.resets[i].judgement.verdict, FST_VERDICT_CONFIRMED);
    }
    ASSERT_EQ(sink.findings.size(), 2U);  // suspected, then risen
    EXPECT_EQ(sink.findings[1].id, sink.findings[0].id);
    EXPECT_EQ(sink.findings[1].verdict, FST_VERDICT_CONFIRMED);
    EXPECT_EQ(sink.findings[1].action, FST_ACTION_CHALLENGED);
    EXPECT_THAT(output::summary_text(sink.findings[1]),
                HasSubstr("asked whether it meant it, 198.51.100.7 went on sending"));
    EXPECT_EQ(tracking.challenges, (analysis::ChallengeTally{.asked = 3, .refuted = 3}));
}

TEST_F(ForgedRstTest, ARefutedChallengeIsProofWhereNoKernelWithoutTheConnectionAnswersSo) {
    RstDetails abort = kAsked;
    abort.context = kAccepted;
    abort.tcp_flags = kRstAck;
    see(story.at(0ms).rst(abort));
    see(story.at(40ms).later(
        {.signals = bit(FST_SIGNAL_LIVENESS_CLOCK), .challenge = FST_CHALLENGE_REFUTED}));
    EXPECT_EQ(verdict(), FST_VERDICT_CONFIRMED);
}

TEST_F(ForgedRstTest, ADeafPeersRefutationIsWithdrawnWhenItUpholds) {  // REJECT on the peer
    see(story.at(0ms).rst(kAsked));
    see(story.at(20ms).later(
        {.signals = bit(FST_SIGNAL_LIVENESS_CLOCK), .challenge = FST_CHALLENGE_REFUTED}));
    EXPECT_EQ(verdict(), FST_VERDICT_SUSPECTED);
    see(story.at(90ms).rst({.context = kStatelessAnswer, .challenge = FST_CHALLENGE_UPHELD}));
    ASSERT_EQ(sink.resets.size(), 4U);
    EXPECT_EQ(sink.resets[2].id, 1U);
    EXPECT_EQ(sink.resets[2].judgement.verdict, FST_VERDICT_GENUINE);
    EXPECT_EQ(sink.resets[2].judgement.challenge, FST_CHALLENGE_UPHELD);
    EXPECT_EQ(sink.resets[3].answers, 1U);
    EXPECT_EQ(sink.findings.back().resolution, analysis::Resolution::withdrawn);
    EXPECT_EQ(tracking.challenges, (analysis::ChallengeTally{.asked = 1, .upheld = 1}));
}

/// --drop alone questions what it convicts; what it does not convict passes, the answer too.
TEST_F(ForgedRstTest, AGenuineResetThatPassesUnquestionedIsAnAnswer) {
    RstDetails convicted = kAsked;
    convicted.context = kAccepted;
    convicted.ttl = 60;
    convicted.signals = kTwoFamilies;
    see(story.at(0ms).rst(convicted));
    see(story.at(1ms).rst({.ttl = 52,
                           .context = kStatelessAnswer,
                           .passed = FST_PASS_NOT_SUSPECT}));  // too soon: 20 ms away
    EXPECT_EQ(tracking.challenges.upheld, 0U);
    see(story.at(21ms).rst(
        {.ttl = 52, .context = kStatelessAnswer, .passed = FST_PASS_NOT_SUSPECT}));
    EXPECT_EQ(tracking.challenges, (analysis::ChallengeTally{.asked = 1, .upheld = 1}));
    EXPECT_EQ(sink.resets.back().answers, 1U);
    EXPECT_EQ(sink.resets[0].judgement.verdict, FST_VERDICT_CONFIRMED);
    const analysis::Reset& again = sink.resets[sink.resets.size() - 2];
    EXPECT_EQ(again.id, 1U);
    EXPECT_EQ(again.judgement.verdict, FST_VERDICT_CONFIRMED) << "both were reset";
    EXPECT_EQ(again.judgement.challenge, FST_CHALLENGE_UPHELD);
}

TEST_F(ForgedRstTest, AnotherDistanceGivesNoAnswer) {
    RstDetails convicted = kAsked;
    convicted.ttl = 60;
    convicted.signals = kTwoFamilies;
    see(story.at(0ms).rst(convicted));
    see(story.at(21ms).rst(
        {.ttl = 55, .context = kStatelessAnswer, .passed = FST_PASS_NOT_SUSPECT}));
    RstDetails passed{.ttl = 52, .context = kStatelessAnswer, .passed = FST_PASS_TOO_MANY};
    see(story.at(22ms).rst(passed));  // not believed, only let through
    EXPECT_EQ(tracking.challenges.upheld, 0U);
}

TEST_F(ForgedRstTest, AQuestionWithoutAnswerIsToldAsThat) {
    see(story.at(0ms).rst(kAsked));
    advance(story.now() + 4999ms);
    EXPECT_EQ(sink.resets.size(), 1U);
    advance(story.now() + 5s);
    ASSERT_EQ(sink.resets.size(), 2U);
    EXPECT_EQ(challenge(), FST_CHALLENGE_UNANSWERED);
    EXPECT_EQ(tracking.challenges, (analysis::ChallengeTally{.asked = 1, .unanswered = 1}));
}

TEST_F(ForgedRstTest, ALateAnswerStillCounts) {
    see(story.at(0ms).rst(kAsked));
    advance(story.now() + 5s);
    see(story.at(50s).later({.challenge = FST_CHALLENGE_REFUTED}));
    EXPECT_EQ(verdict(), FST_VERDICT_SUSPECTED);
    EXPECT_EQ(challenge(), FST_CHALLENGE_REFUTED);
    EXPECT_EQ(tracking.challenges, (analysis::ChallengeTally{.asked = 1, .refuted = 1}));
}

TEST_F(ForgedRstTest, AnAnswerUpholdsTheRowItEndsNotWhatWasAskedLongBefore) {
    see(story.at(0ms).rst(kAsked));
    advance(story.now() + 5s);
    see(story.at(30s).rst(kAsked));
    see(story.after(1ms).rst(kAsked));
    see(story.after(30ms).rst({.context = kStatelessAnswer, .challenge = FST_CHALLENGE_UPHELD}));
    EXPECT_EQ(tracking.challenges,
              (analysis::ChallengeTally{.asked = 3, .upheld = 2, .unanswered = 1}));
}

TEST_F(ForgedRstTest, AProvenRefutationStands) {
    see(story.at(0ms).rst(kAsked));
    see(story.at(20ms).later(
        {.signals = bit(FST_SIGNAL_LIVENESS_ACK), .challenge = FST_CHALLENGE_REFUTED}));
    see(story.at(90ms).rst({.context = kStatelessAnswer, .challenge = FST_CHALLENGE_UPHELD}));
    EXPECT_EQ(tracking.challenges, (analysis::ChallengeTally{.asked = 1, .refuted = 1}));
    EXPECT_FALSE(sink.resets.back().answers);
}

TEST_F(ForgedRstTest, WhatIsStillAskedAtTheEndIsUnanswered) {
    see(story.at(0ms).rst(kAsked));
    detector.finish(sink);
    EXPECT_EQ(challenge(), FST_CHALLENGE_UNANSWERED);
    EXPECT_EQ(tracking.challenges, (analysis::ChallengeTally{.asked = 1, .unanswered = 1}));
    EXPECT_EQ(detector.remembered(), 0U);
}

}  // namespace
}  // namespace flowstamp::testing
