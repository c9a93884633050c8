// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// How a finding is resolved: what happened to the flow.
#include "user/analysis/reset/forged_rst.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/forged_rst_fixture.h"
#include "user/output/text/statement_text.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class OutcomeTest : public ForgedRstTest {
  protected:
    /// The flow's slot when the finding is resolved.
    fst_flow& now() { return slots.flows[script.slot()]; }
    void settle() {
        script.at(3s);
        advance(script.now());
    }
    [[nodiscard]] std::optional<analysis::Resolution> resolution() const {
        return sink.findings.back().resolution;
    }
    void forge(fst_action action) {
        slots.flows[script.slot()] = script.flow();
        observe(script.at(0ms).rst({.ttl = 60, .signals = kTwoFamilies, .action = action}));
    }
    std::uint64_t ns(Nanoseconds time) {
        return static_cast<std::uint64_t>(script.at(time).now().count());
    }
};

TEST_F(OutcomeTest, ADroppedResetThatTheFlowOutlived) {
    forge(FST_ACTION_DROPPED);
    now().direction[kServer].last_ns = ns(2900ms);
    settle();
    ASSERT_EQ(sink.findings.size(), 2U);
    EXPECT_EQ(resolution(), analysis::Resolution::went_on);
    EXPECT_TRUE(sink.findings[1].again);
    EXPECT_THAT(output::summary_text(sink.findings[1]), HasSubstr("The flow went on."));
    EXPECT_EQ(sink.resets.size(), 1U);
}

TEST_F(OutcomeTest, BothEndsAreResetIfTheFarEndResetsTheFlowToo) {
    forge(FST_ACTION_DROPPED);
    observe(script.at(40ms).rst({.context = kStatelessAnswer}));
    EXPECT_EQ(verdict(), FST_VERDICT_GENUINE);
    settle();
    EXPECT_EQ(resolution(), analysis::Resolution::both_ends);
    EXPECT_THAT(output::summary_text(sink.findings.back()),
                HasSubstr("198.51.100.7 has then reset the flow itself: a box that also resets "
                          "the far end cannot be stopped from one side."));
}

TEST_F(OutcomeTest, BothEndsAreResetIfTheFarEndFallsSilent) {
    forge(FST_ACTION_DROPPED);
    now().direction[kClient].seq_edge += 500;  // our data is not acknowledged
    settle();
    EXPECT_EQ(resolution(), analysis::Resolution::both_ends);
    EXPECT_THAT(output::summary_text(sink.findings.back()), HasSubstr("silent since"));
    EXPECT_FALSE(sink.findings.back().advice.empty());
}

TEST_F(OutcomeTest, SilenceOfAnIdleFlowIsNoResult) {
    script.flow().direction[kServer].last_ns = ns(-60s);
    forge(FST_ACTION_CHALLENGED);
    settle();
    EXPECT_EQ(sink.findings.size(), 1U);
}

TEST_F(OutcomeTest, AFlowThatClosesNormallyWentOn) {
    forge(FST_ACTION_DROPPED);
    now().state |= FST_OF(FST_FLOW_FIN, kServer);
    settle();
    EXPECT_EQ(resolution(), analysis::Resolution::went_on);
}

TEST_F(OutcomeTest, AnObservedResetEndsTheFlowWhenOurEndAnswersWithResets) {
    forge(FST_ACTION_OBSERVED);
    observe(script.at(5ms).rst({.from = kClient,
                                .seq = 2001,
                                .ttl = 63,
                                .context = FST_CONTEXT_AFTER_OWN_RST | FST_CONTEXT_STATELESS,
                                .cause = FST_CAUSE_OWN_RST}));
    settle();
    EXPECT_EQ(resolution(), analysis::Resolution::ended);
}

/// A client in SYN-SENT resets what does not acknowledge its SYN, and opens the flow all the same.
TEST_F(OutcomeTest, AFlowThatOpensAfterItsEndHasAnsweredWithAResetWentOn) {
    script.flow().state &= ~static_cast<__u32>(FST_FLOW_ESTABLISHED);
    forge(FST_ACTION_OBSERVED);
    observe(script.at(5ms).rst({.from = kClient,
                                .seq = 2001,
                                .ttl = 63,
                                .context = FST_CONTEXT_AFTER_OWN_RST | FST_CONTEXT_STATELESS,
                                .cause = FST_CAUSE_OWN_RST}));
    now().state |= FST_FLOW_ESTABLISHED;
    settle();
    EXPECT_EQ(resolution(), analysis::Resolution::went_on);
}

TEST_F(OutcomeTest, AnObservedResetThatTheStackRefused) {
    forge(FST_ACTION_OBSERVED);
    now().direction[kClient].last_ns = ns(2500ms);
    settle();
    EXPECT_EQ(resolution(), analysis::Resolution::went_on);
}

TEST_F(OutcomeTest, AReusedSlotGivesNoResult) {
    forge(FST_ACTION_DROPPED);
    now().generation++;
    now().direction[kServer].last_ns = ns(2900ms);
    settle();
    EXPECT_EQ(sink.findings.size(), 1U);
}

TEST_F(OutcomeTest, ALaterForgeryOnTheSameFlowIsAnotherFinding) {
    forge(FST_ACTION_DROPPED);
    now().direction[kServer].last_ns = ns(2900ms);
    settle();
    observe(script.at(30s).rst({.ttl = 60, .signals = kTwoFamilies, .action = FST_ACTION_DROPPED}));
    ASSERT_EQ(sink.findings.size(), 3U);
    EXPECT_NE(sink.findings[2].id, sink.findings[0].id);
    EXPECT_FALSE(sink.findings[2].again);
}

TEST_F(OutcomeTest, AnObservedResetWhoseReceiverSendsMoreDidNotEndTheFlow) {
    slots.flows[script.slot()] = script.flow();
    slots.flows[script.slot()].direction[kClient].min_rtt_us = 1000;
    observe(script.at(0ms).rst({.ttl = 60,
                                .signals = kTwoFamilies,
                                .context = FST_CONTEXT_EXACT | FST_CONTEXT_IN_WINDOW}));
    now().direction[kClient].seq_edge += 500;
    now().direction[kClient].last_ns = ns(50ms);
    settle();
    EXPECT_EQ(resolution(), analysis::Resolution::went_on);
}

TEST_F(OutcomeTest, AResetLikeARejectRulesMayHaveTakenTheSegment) {
    slots.flows[script.slot()] = script.flow();
    observe(script.at(0ms).rst({.ttl = 60,
                                .signals = kTwoFamilies,
                                .context = kStatelessAnswer,
                                .action = FST_ACTION_DROPPED}));
    now().direction[kClient].seq_edge += 500;
    settle();
    EXPECT_EQ(resolution(), analysis::Resolution::both_ends);
    EXPECT_THAT(output::summary_text(sink.findings.back()),
                HasSubstr("may also take the segments that it answers"));
}

/// Boxes that choose their TTL, or count down a copied one: hardly any host starts at 32.
TEST_F(OutcomeTest, ALowTtlTellsNoDistance) {
    slots.flows[script.slot()] = script.flow();
    observe(script.at(0ms).rst({.ttl = 21, .signals = kTwoFamilies}));
    const std::string summary = output::summary_text(sink.findings.back());
    EXPECT_THAT(summary, HasSubstr("its TTL is 21, unlike those of 198.51.100.7"));
    EXPECT_THAT(summary, ::testing::Not(HasSubstr("away")));
}

}  // namespace
}  // namespace flowstamp::testing
