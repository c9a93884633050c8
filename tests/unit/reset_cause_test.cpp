// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Every cause of a genuine reset, from packets to the report and its evidence.
#include "user/analysis/reset/reset_cause.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/events.h"
#include "tests/unit/analysis_bench.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::Not;

struct ResetCauseTest : ::testing::Test {
    [[nodiscard]] const analysis::Reset& last() const { return bench.resets().back(); }
    [[nodiscard]] std::string_view cause() const {
        EXPECT_EQ(last().judgement.verdict, FST_VERDICT_GENUINE);
        return analysis::name_of(static_cast<fst_cause>(last().judgement.cause));
    }
    /// "rested benign".
    [[nodiscard]] std::vector<std::string> evidence() const {
        std::vector<std::string> all;
        for (const analysis::Evidence& item : last().evidence) {
            all.push_back(std::string(analysis::name_of(item.signal)) + " " +
                          std::string(analysis::name_of(item.strength)));
        }
        return all;
    }
    Segment refusal() {
        Segment reset = talk.next(End::peer, Rst | Ack);
        reset.seq = 0;
        reset.window = 0;
        reset.id = 0;
        reset.timestamps.reset();
        return reset;
    }
    AnalysisBench bench;
    Conversation talk{bench.rig(), FST_HOOK_XDP};
};

TEST_F(ResetCauseTest, ClosedPort) {
    talk.send(End::us, Syn);
    talk.pass_ms(20);
    talk.send(refusal());
    EXPECT_EQ(cause(), "closed-port");
    EXPECT_THAT(evidence(), Contains("answers-syn benign"));
    EXPECT_THAT(evidence(), Not(Contains("same-distance benign")));  // nothing to compare with
}

TEST_F(ResetCauseTest, Stateless) {
    talk.open().exchange(4);
    talk.send(End::us, Psh | Ack, 100);
    talk.pass_ms(20);
    talk.send(talk.stateless_reset());
    EXPECT_EQ(cause(), "stateless");
    EXPECT_THAT(evidence(), Contains("stateless-shape benign"));
    EXPECT_THAT(evidence(), Contains("same-distance benign"));
    EXPECT_THAT(evidence(), Not(Contains("rested benign")));
}

TEST_F(ResetCauseTest, Abort) {
    talk.open().exchange(4);
    talk.send(talk.next(End::peer, Rst | Ack));
    EXPECT_EQ(cause(), "abort");
    EXPECT_THAT(evidence(), Contains("timestamps-valid corroborates-genuine"));
    EXPECT_THAT(evidence(), Contains("id-in-sequence corroborates-genuine"));
    EXPECT_THAT(evidence(), Contains("same-distance benign"));
}

TEST_F(ResetCauseTest, OwnRst) {
    talk.open().exchange(4);
    talk.send(talk.next(End::us, Rst | Ack));
    talk.pass_ms(20);
    Segment answer = talk.stateless_reset();
    talk.send(answer);
    EXPECT_EQ(cause(), "own-rst");
    EXPECT_THAT(evidence(), Contains("after-own-rst benign"));
}

TEST_F(ResetCauseTest, Closed) {
    talk.open().exchange(4);
    talk.send(End::us, Fin | Ack);
    talk.pass_ms(20);
    talk.send(End::peer, Fin | Ack);
    talk.send(End::us, Ack);
    talk.pass_ms(20);
    talk.send(talk.stateless_reset());
    EXPECT_EQ(cause(), "closed");
    EXPECT_THAT(evidence(), Contains("after-fins benign"));
}

TEST_F(ResetCauseTest, ClosedHoweverLate) {
    talk.open().exchange(4);
    talk.send(End::us, Fin | Ack);
    talk.pass_ms(20);
    talk.send(End::peer, Fin | Ack);
    talk.send(End::us, Ack);
    bench.pass(2min);
    talk.send(talk.stateless_reset());
    EXPECT_EQ(cause(), "closed");
}

TEST_F(ResetCauseTest, IdleTimeoutIfItAnswersTheFirstPacketAfterAnIdlePeriod) {
    talk.open().exchange(4);
    bench.pass(5min);
    talk.send(End::us, Psh | Ack, 100);
    talk.pass_ms(20);
    talk.send(talk.stateless_reset());
    EXPECT_EQ(cause(), "idle-timeout");
    EXPECT_THAT(evidence(), Contains("rested benign"));
}

TEST_F(ResetCauseTest, NoIdleTimeoutIfTheSenderStillKnowsTheConnection) {
    talk.open().exchange(4);
    bench.pass(5min);
    talk.send(End::us, Psh | Ack, 100);
    talk.pass_ms(20);
    talk.send(talk.next(End::peer, Rst | Ack));
    EXPECT_EQ(cause(), "abort");
    EXPECT_THAT(evidence(), Contains("rested benign"));  // reported as a fact
}

TEST_F(ResetCauseTest, NoIdleTimeoutOnceAPacketWasAnswered) {
    talk.open().exchange(4);
    bench.pass(5min);
    talk.exchange(2);
    talk.send(End::us, Psh | Ack, 100);
    talk.pass_ms(20);
    talk.send(talk.stateless_reset());
    EXPECT_EQ(cause(), "stateless");
}

TEST_F(ResetCauseTest, AgedState) {
    Setting setting;
    setting.peer.timestamps = false;
    setting.peer.ids = Ids::random;
    Conversation balanced(bench.rig(), FST_HOOK_XDP, setting);
    balanced.open().exchange(4);
    Segment reset = balanced.next(End::peer, Rst);
    reset.window = 9300;
    balanced.send(reset);
    EXPECT_EQ(cause(), "aged-state");
    EXPECT_THAT(evidence(), Contains("aged-window benign"));
}

TEST_F(ResetCauseTest, AnAgedWindowWithValidTimestampsIsAnAbort) {
    talk.open().exchange(4);
    Segment reset = talk.next(End::peer, Rst | Ack);
    reset.window = 8201;
    talk.send(reset);
    EXPECT_EQ(cause(), "abort");
    EXPECT_THAT(evidence(), Not(Contains("aged-window benign")));
}

TEST_F(ResetCauseTest, Edge) {
    talk.open().exchange(4);
    bench.pass(12s);
    Segment reset = talk.stateless_reset();
    reset.ttl += 4;
    talk.send(reset);
    EXPECT_EQ(cause(), "edge");
    EXPECT_THAT(evidence(), Contains("nearer strong"));
    EXPECT_THAT(evidence(), Contains("rested benign"));
    EXPECT_THAT(evidence(), Not(Contains("same-distance benign")));
}

TEST_F(ResetCauseTest, AnAbandonedConnectionAttemptIsNoScan) {
    talk.send(End::us, Syn);
    talk.pass_ms(20);
    talk.send(End::peer, Syn | Ack);
    Segment reset = talk.next(End::us, Rst);
    reset.window = 0;
    reset.timestamps.reset();
    talk.send(reset);
    EXPECT_EQ(cause(), "stateless");
}

/// Causes that only a script can produce: a crafted SYN, a second host, a challenge.
struct ResetScriptTest : ::testing::Test, ForgedRstBench {
    static constexpr std::uint32_t kAnswersAck =
        FST_CONTEXT_IN_WINDOW | FST_CONTEXT_EXACT | FST_CONTEXT_STATELESS | FST_CONTEXT_PROVOKED;
    [[nodiscard]] std::string_view cause() const {
        return analysis::name_of(static_cast<fst_cause>(sink.resets.back().judgement.cause));
    }
    [[nodiscard]] bool has_evidence(analysis::Signal signal) const {
        return std::ranges::any_of(
            sink.resets.back().evidence,
            [&](const analysis::Evidence& item) { return item.signal == signal; });
    }
    FlowScript script;
};

TEST_F(ResetScriptTest, Scan) {
    fst_flow flow = example_flow();
    flow.state = FST_OF(FST_FLOW_SYN, kClient) | FST_OF(FST_FLOW_SYN_ACK, kServer);
    flow.direction[kClient].flags = FST_DIRECTION_SEEN | FST_DIRECTION_BASE_SYN;
    FlowScript scan(flow, 9, "eth0");
    analysis::Observation syn = scan.syn();
    syn.event.packet.ip_id = 54321;
    observe(syn);
    observe(scan.at(20ms).rst({.from = kClient, .seq = 2001, .context = kAnswersAck}));
    EXPECT_EQ(cause(), "scan");
    EXPECT_TRUE(has_evidence(analysis::Signal::SCAN));
}

TEST_F(ResetScriptTest, OtherHostIsReportedWhenDetected) {
    observe(script.at(0ms).rst({.context = kAnswersAck}));
    EXPECT_EQ(cause(), "stateless");
    observe(script.at(10ms).later({.signals = FST_SIGNAL_BIT(FST_SIGNAL_LIVENESS_CLOCK)}));
    ASSERT_EQ(sink.resets.size(), 2U);
    EXPECT_TRUE(sink.resets.back().again);
    EXPECT_EQ(cause(), "other-host");
    EXPECT_TRUE(has_evidence(analysis::Signal::ALIVE_NOT_ACKING));
}

TEST_F(ResetScriptTest, AnUpheldChallengeIsBenignEvidence) {
    observe(script.at(0ms).rst({.signals = FST_SIGNAL_BIT(FST_SIGNAL_NEARER),
                                .action = FST_ACTION_CHALLENGED,
                                .challenge = FST_CHALLENGE_ASKED}));
    EXPECT_FALSE(
        has_evidence(analysis::Signal::SAME_DISTANCE));  // suspicious: only evidence against it
    observe(script.at(30ms).rst({.challenge = FST_CHALLENGE_UPHELD}));
    ASSERT_GE(sink.resets.size(), 2U);
    const auto first = std::ranges::find_if(
        sink.resets, [](const analysis::Reset& reset) { return reset.id == 1 && reset.again; });
    ASSERT_NE(first, sink.resets.end());
    EXPECT_EQ(analysis::name_of(static_cast<fst_cause>(first->judgement.cause)), "edge");
    EXPECT_TRUE(std::ranges::any_of(first->evidence, [](const analysis::Evidence& item) {
        return item.signal == analysis::Signal::UPHELD;
    }));
}

TEST_F(ResetScriptTest, AResetIsJudgedWithoutEarlierPackets) {
    analysis::Observation rst = script.rst({.signals = FST_SIGNAL_BIT(FST_SIGNAL_NEARER)});
    observe(rst);
    EXPECT_EQ(sink.resets.back().judgement.verdict, FST_VERDICT_SUSPECTED);
    EXPECT_EQ(cause(), "forged");
}

}  // namespace
}  // namespace flowstamp::testing
