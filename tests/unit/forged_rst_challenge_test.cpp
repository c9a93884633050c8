// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Challenges and their answers.
#include "user/analysis/reset/forged_rst.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/forged_rst_fixture.h"
#include "user/output/text/statement_text.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr RstDetails kChallenged{
    .context = kStatelessAnswer, .action = FST_ACTION_CHALLENGED, .challenge = FST_CHALLENGE_ASKED};

TEST_F(ForgedRstTest, AnUpheldChallengeClearsSuspicion) {
    RstDetails suspected = kChallenged;
    suspected.context = kAccepted;
    suspected.ttl = 60;
    suspected.signals = bit(FST_SIGNAL_NEARER);
    observe(script.at(0ms).rst(suspected));
    EXPECT_EQ(verdict(), FST_VERDICT_SUSPECTED);
    EXPECT_EQ(challenge(), FST_CHALLENGE_ASKED);
    observe(script.at(30ms).rst({.context = kStatelessAnswer, .challenge = FST_CHALLENGE_UPHELD}));
    ASSERT_EQ(sink.resets.size(), 3U);
    EXPECT_EQ(sink.resets[1].id, 1U);
    EXPECT_EQ(sink.resets[1].judgement.verdict, FST_VERDICT_GENUINE);
    EXPECT_EQ(sink.resets[1].judgement.challenge, FST_CHALLENGE_UPHELD);
    EXPECT_EQ(sink.resets[1].judgement.cause, FST_CAUSE_EDGE);
    EXPECT_EQ(sink.resets[2].id, 2U);
    EXPECT_EQ(sink.resets[2].answers, 1U);
    EXPECT_EQ(challenge(), FST_CHALLENGE_NONE);  // it is the answer; it was not challenged itself
    ASSERT_EQ(sink.findings.size(), 2U);
    EXPECT_EQ(sink.findings[1].resolution, analysis::Resolution::withdrawn);
    EXPECT_EQ(tracking.challenges, (analysis::ChallengeTally{.asked = 1, .upheld = 1}));
}

TEST_F(ForgedRstTest, ARefutedChallengeIsProofOnceThePeerReceives) {
    for (int i = 0; i < 3; i++) {
        observe(script.after(1ms).rst(kChallenged));
    }
    EXPECT_TRUE(sink.findings.empty());
    observe(script.at(40ms).later(
        {.signals = bit(FST_SIGNAL_LIVENESS_CLOCK), .challenge = FST_CHALLENGE_REFUTED}));
    ASSERT_EQ(sink.resets.size(), 6U);
    for (std::size_t i = 3; i < 6; i++) {
        EXPECT_EQ(sink.resets[i].judgement.verdict, FST_VERDICT_SUSPECTED)
            << "it may not receive packets";
        EXPECT_EQ(sink.resets[i].judgement.challenge, FST_CHALLENGE_REFUTED);
    }
    observe(script.at(400ms).later(
        {.seq = 5101, .payload = 400, .signals = bit(FST_SIGNAL_BEYOND_WINDOW)}));
    EXPECT_EQ(sink.resets.size(), 6U)
        << "within our window: a peer that receives nothing may send that";
    observe(script.at(445ms).later(
        {.seq = 5501, .payload = 1, .signals = bit(FST_SIGNAL_BEYOND_WINDOW)}));
    ASSERT_EQ(sink.resets.size(), 9U);
    for (std::size_t i = 6; i < 9; i++) {
        EXPECT_EQ(sink.resets[i].judgement.verdict, FST_VERDICT_CONFIRMED);
    }
    ASSERT_EQ(sink.findings.size(), 2U);  // suspected, then confirmed
    EXPECT_EQ(sink.findings[1].id, sink.findings[0].id);
    EXPECT_EQ(sink.findings[1].verdict, FST_VERDICT_CONFIRMED);
    EXPECT_EQ(sink.findings[1].action, FST_ACTION_CHALLENGED);
    EXPECT_THAT(output::summary_text(sink.findings[1]),
                HasSubstr("challenged, 198.51.100.7 went on sending"));
    EXPECT_EQ(tracking.challenges, (analysis::ChallengeTally{.asked = 3, .refuted = 3}));
}

TEST_F(ForgedRstTest, ARefutedChallengeIsProofIfTheResetIsNotStateless) {
    RstDetails abort = kChallenged;
    abort.context = kAccepted;
    abort.tcp_flags = kRstAck;
    observe(script.at(0ms).rst(abort));
    observe(script.at(40ms).later(
        {.signals = bit(FST_SIGNAL_LIVENESS_CLOCK), .challenge = FST_CHALLENGE_REFUTED}));
    EXPECT_EQ(verdict(), FST_VERDICT_CONFIRMED);
}

TEST_F(ForgedRstTest,
       ARefutationByAPeerThatReceivesNothingIsWithdrawnWhenUpheld) {  // REJECT on the peer
    observe(script.at(0ms).rst(kChallenged));
    observe(script.at(20ms).later(
        {.signals = bit(FST_SIGNAL_LIVENESS_CLOCK), .challenge = FST_CHALLENGE_REFUTED}));
    EXPECT_EQ(verdict(), FST_VERDICT_SUSPECTED);
    observe(script.at(90ms).rst({.context = kStatelessAnswer, .challenge = FST_CHALLENGE_UPHELD}));
    ASSERT_EQ(sink.resets.size(), 4U);
    EXPECT_EQ(sink.resets[2].id, 1U);
    EXPECT_EQ(sink.resets[2].judgement.verdict, FST_VERDICT_GENUINE);
    EXPECT_EQ(sink.resets[2].judgement.challenge, FST_CHALLENGE_UPHELD);
    EXPECT_EQ(sink.resets[3].answers, 1U);
    EXPECT_EQ(sink.findings.back().resolution, analysis::Resolution::withdrawn);
    EXPECT_EQ(tracking.challenges, (analysis::ChallengeTally{.asked = 1, .upheld = 1}));
}

/// --drop alone challenges confirmed resets only; others pass, and so does the answer.
TEST_F(ForgedRstTest, AGenuineResetThatPassesUnchallengedIsAnAnswer) {
    RstDetails confirmed = kChallenged;
    confirmed.context = kAccepted;
    confirmed.ttl = 60;
    confirmed.signals = kTwoFamilies;
    observe(script.at(0ms).rst(confirmed));
    observe(script.at(1ms).rst({.ttl = 52,
                                .context = kStatelessAnswer,
                                .passed = FST_PASS_NOT_SUSPECT}));  // too soon: 20 ms away
    EXPECT_EQ(tracking.challenges.upheld, 0U);
    observe(script.at(21ms).rst(
        {.ttl = 52, .context = kStatelessAnswer, .passed = FST_PASS_NOT_SUSPECT}));
    EXPECT_EQ(tracking.challenges, (analysis::ChallengeTally{.asked = 1, .upheld = 1}));
    EXPECT_EQ(sink.resets.back().answers, 1U);
    EXPECT_EQ(sink.resets[0].judgement.verdict, FST_VERDICT_CONFIRMED);
    const analysis::Reset& again = sink.resets[sink.resets.size() - 2];
    EXPECT_EQ(again.id, 1U);
    EXPECT_EQ(again.judgement.verdict, FST_VERDICT_CONFIRMED) << "both were reset";
    EXPECT_EQ(again.judgement.challenge, FST_CHALLENGE_UPHELD);
}

TEST_F(ForgedRstTest, AResetFromAnotherDistanceIsNoAnswer) {
    RstDetails confirmed = kChallenged;
    confirmed.ttl = 60;
    confirmed.signals = kTwoFamilies;
    observe(script.at(0ms).rst(confirmed));
    observe(script.at(21ms).rst(
        {.ttl = 55, .context = kStatelessAnswer, .passed = FST_PASS_NOT_SUSPECT}));
    RstDetails passed{.ttl = 52, .context = kStatelessAnswer, .passed = FST_PASS_TOO_MANY};
    observe(script.at(22ms).rst(passed));  // not accepted as an answer, only passed
    EXPECT_EQ(tracking.challenges.upheld, 0U);
}

TEST_F(ForgedRstTest, AChallengeWithoutAnswerIsReportedAsUnanswered) {
    observe(script.at(0ms).rst(kChallenged));
    advance(script.now() + 4999ms);
    EXPECT_EQ(sink.resets.size(), 1U);
    advance(script.now() + 5s);
    ASSERT_EQ(sink.resets.size(), 2U);
    EXPECT_EQ(challenge(), FST_CHALLENGE_UNANSWERED);
    EXPECT_EQ(tracking.challenges, (analysis::ChallengeTally{.asked = 1, .unanswered = 1}));
}

TEST_F(ForgedRstTest, ALateAnswerStillCounts) {
    observe(script.at(0ms).rst(kChallenged));
    advance(script.now() + 5s);
    observe(script.at(50s).later({.challenge = FST_CHALLENGE_REFUTED}));
    EXPECT_EQ(verdict(), FST_VERDICT_SUSPECTED);
    EXPECT_EQ(challenge(), FST_CHALLENGE_REFUTED);
    EXPECT_EQ(tracking.challenges, (analysis::ChallengeTally{.asked = 1, .refuted = 1}));
}

TEST_F(ForgedRstTest, AnAnswerUpholdsItsBurstNotEarlierChallenges) {
    observe(script.at(0ms).rst(kChallenged));
    advance(script.now() + 5s);
    observe(script.at(30s).rst(kChallenged));
    observe(script.after(1ms).rst(kChallenged));
    observe(
        script.after(30ms).rst({.context = kStatelessAnswer, .challenge = FST_CHALLENGE_UPHELD}));
    EXPECT_EQ(tracking.challenges,
              (analysis::ChallengeTally{.asked = 3, .upheld = 2, .unanswered = 1}));
}

TEST_F(ForgedRstTest, AProvenRefutationIsKept) {
    observe(script.at(0ms).rst(kChallenged));
    observe(script.at(20ms).later(
        {.signals = bit(FST_SIGNAL_LIVENESS_ACK), .challenge = FST_CHALLENGE_REFUTED}));
    observe(script.at(90ms).rst({.context = kStatelessAnswer, .challenge = FST_CHALLENGE_UPHELD}));
    EXPECT_EQ(tracking.challenges, (analysis::ChallengeTally{.asked = 1, .refuted = 1}));
    EXPECT_FALSE(sink.resets.back().answers);
}

TEST_F(ForgedRstTest, ChallengesPendingAtTheEndAreUnanswered) {
    observe(script.at(0ms).rst(kChallenged));
    detector.finish(sink);
    EXPECT_EQ(challenge(), FST_CHALLENGE_UNANSWERED);
    EXPECT_EQ(tracking.challenges, (analysis::ChallengeTally{.asked = 1, .unanswered = 1}));
    EXPECT_EQ(detector.remembered(), 0U);
}

}  // namespace
}  // namespace flowstamp::testing
