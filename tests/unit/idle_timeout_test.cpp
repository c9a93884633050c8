// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/idle_timeout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/analysis_bench.h"
#include "user/output/text/statement_text.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;

struct IdleTimeoutTest : ::testing::Test {
    IdleTimeoutTest() { talk.open().exchange(3); }
    void send_in_vain(const Segment& data, int times) { send_in_vain(talk, data, times); }
    void send_in_vain(Conversation& on, const Segment& data, int times) {
        on.send(data);
        for (int i = 0; i < times; i++) {
            bench.pass(200ms * (1 << i));
            on.send(data);
        }
    }
    AnalysisBench bench;
    Conversation talk{bench.rig(), FST_HOOK_XDP};
};

TEST_F(IdleTimeoutTest, UnansweredDataAfterAnIdlePeriod) {
    bench.pass(30s);
    const Segment data = talk.next(End::us, Psh | Ack, 500);
    send_in_vain(data, 4);
    EXPECT_EQ(bench.findings_text(), "") << "it may be the loss of a few";
    bench.pass(3200ms);
    talk.send(data);
    EXPECT_EQ(bench.findings_text(), "idle-timeout suspected");
    bench.pass(6400ms);
    talk.send(data);
    bench.pass(12800ms);
    talk.send(data);
    EXPECT_EQ(bench.findings_text(), "idle-timeout suspected, idle-timeout confirmed");
    EXPECT_NE(output::summary_text(bench.findings()[0]).find("was idle for 30 s"),
              std::string::npos)
        << output::summary_text(bench.findings()[0]);
    EXPECT_NE(output::advice_text(bench.findings()[0]).find("every 15 s"), std::string::npos)
        << output::advice_text(bench.findings()[0]);
}

TEST_F(IdleTimeoutTest, AnAnsweredIdlePeriodIsHarmlessAndRemembered) {
    bench.pass(20s);
    talk.exchange();
    EXPECT_EQ(bench.findings_text(), "");
    bench.pass(30s);
    send_in_vain(talk.next(End::us, Psh | Ack, 500), 5);
    ASSERT_EQ(bench.findings_text(), "idle-timeout suspected");
    EXPECT_NE(output::advice_text(bench.findings()[0]).find("every 20 s"), std::string::npos)
        << output::advice_text(bench.findings()[0]);
}

/// Whenever it begins: the kernel's units of a second or so do not decide it.
TEST(IdleTimeout, TenSecondsAreAlwaysAnIdlePeriod) {
    for (Nanoseconds begin{0}; begin < 1200ms; begin += 130ms) {
        AnalysisBench bench;
        Conversation talk(bench.rig(), FST_HOOK_XDP);
        talk.open().exchange(3);
        bench.pass(begin);
        talk.exchange();
        bench.pass(10s);
        const Segment data = talk.next(End::us, Psh | Ack, 500);
        talk.send(data);
        for (int i = 0; i < 6; i++) {
            bench.pass(200ms * (1 << i));
            talk.send(data);
        }
        EXPECT_EQ(bench.findings_text(), "idle-timeout suspected") << begin.count();
    }
}

/// A packet or two after an idle period may be lost as any other.
TEST_F(IdleTimeoutTest, LossAfterAnIdlePeriodIsNotReported) {
    bench.pass(50s);
    send_in_vain(talk.next(End::us, Psh | Ack, 500), 3);
    talk.pass_us(20'000);
    talk.send(End::peer);
    bench.pass(50s);
    EXPECT_EQ(bench.findings_text(), "");
}

/// Between the retransmissions of what is not acknowledged, a flow is not idle.
TEST_F(IdleTimeoutTest, BackoffIsNoIdlePeriod) {
    Segment data = talk.next(End::us, Psh | Ack, 500);
    talk.send(data);
    for (const auto wait : {3s, 6s, 12s, 24s, 48s}) {
        bench.pass(wait);
        data.id++;
        talk.send(data);
    }
    EXPECT_EQ(bench.findings_text(), "stalled confirmed");
}

/// As long an idle period did no harm before: it is not the reason.
TEST_F(IdleTimeoutTest, AnEquallyLongPeriodThatDidNoHarmExcludesIt) {
    bench.pass(90s);
    talk.exchange();
    bench.pass(80s);
    talk.send(End::us, Psh | Ack, 500);
    talk.pass_us(20'000);
    talk.send(talk.stateless_reset());
    EXPECT_EQ(bench.findings_text(), "");
}

/// Without any packet before it, after an idle time that boxes use.
TEST_F(IdleTimeoutTest, AnUnpromptedResetAfterAUsualTime) {
    bench.pass(350s);
    talk.send(talk.stateless_reset());
    EXPECT_EQ(bench.findings_text(), "idle-timeout confirmed");
}

TEST_F(IdleTimeoutTest, AnUnpromptedResetAfterAnyOtherTimeIsNotReported) {
    bench.pass(337s);
    talk.send(talk.stateless_reset());
    EXPECT_EQ(bench.findings_text(), "");
}

TEST_F(IdleTimeoutTest, AnImmediateResetConfirms) {
    bench.pass(90s);
    talk.send(End::us, Psh | Ack, 500);
    talk.pass_us(20'000);
    talk.send(talk.stateless_reset());
    EXPECT_EQ(bench.findings_text(), "idle-timeout confirmed");
}

/// A balancer's entry of a connection that was opened ahead and never used (window 8201: aged).
TEST_F(IdleTimeoutTest, TheFirstDataOfAConnectionThatWasNeverUsed) {
    Conversation unused(bench.rig(), FST_HOOK_XDP);
    unused.open();
    bench.pass(908s);
    unused.send(End::us, Psh | Ack, 500);
    unused.pass_us(20'000);
    Segment reset = unused.stateless_reset();
    reset.window = 8201;
    unused.send(reset);
    EXPECT_EQ(bench.findings_text(), "idle-timeout confirmed");
}

/// TCP_DEFER_ACCEPT.
TEST_F(IdleTimeoutTest, AServerMayForgetAClientThatSaysNothing) {
    Conversation unused(bench.rig(), FST_HOOK_XDP);
    unused.open();
    bench.pass(60s);
    unused.send(End::us, Psh | Ack, 500);
    unused.pass_us(20'000);
    unused.send(unused.stateless_reset());
    EXPECT_EQ(bench.findings_text(), "");
}

TEST_F(IdleTimeoutTest, UnansweredFirstDataMayNeverHaveWorked) {
    Conversation unused(bench.rig(), FST_HOOK_XDP);
    unused.open();
    bench.pass(30s);
    send_in_vain(unused, unused.next(End::us, Psh | Ack, 500), 7);
    EXPECT_THAT(bench.findings_text(), ::testing::Not(::testing::HasSubstr("idle-timeout")));
}

TEST_F(IdleTimeoutTest, AnAgedEntryOfALoadBalancer) {
    bench.pass(900s);
    Segment reset = talk.next(End::peer, Rst | Ack);
    reset.window = 8201;
    reset.timestamps.reset();
    talk.send(reset);
    EXPECT_EQ(bench.findings_text(), "idle-timeout confirmed");
}

TEST_F(IdleTimeoutTest, AServerThatClosesAnIdleConnectionIsNotReported) {
    bench.pass(60s);
    talk.send(End::peer, Fin | Ack);
    talk.pass_us(100);
    talk.send(End::us);
    bench.pass(60s);
    EXPECT_EQ(bench.findings_text(), "");
}

TEST_F(IdleTimeoutTest, UnansweredKeepalives) {
    Segment keepalive = talk.next(End::us);
    keepalive.seq -= 1;
    bench.pass(60s);
    talk.send(keepalive);
    for (const char* expected : {"", "idle-timeout suspected", "idle-timeout suspected",
                                 "idle-timeout suspected, idle-timeout confirmed"}) {
        bench.pass(5s);
        talk.send(keepalive);
        EXPECT_EQ(bench.findings_text(), expected);
    }
}

TEST_F(IdleTimeoutTest, OneThatGivesUpAfterTwoKeepalives) {
    Segment keepalive = talk.next(End::us);
    keepalive.seq -= 1;
    bench.pass(60s);
    talk.send(keepalive);
    bench.pass(5s);
    talk.send(keepalive);
    bench.pass(5s);
    talk.send(End::us, Rst | Ack);
    EXPECT_EQ(bench.findings_text(), "idle-timeout suspected, idle-timeout ended");
}

TEST_F(IdleTimeoutTest, AnsweredKeepalives) {
    Segment keepalive = talk.next(End::us);
    keepalive.seq -= 1;
    for (int i = 0; i < 5; i++) {
        bench.pass(60s);
        talk.send(keepalive);
        talk.pass_us(20'000);
        talk.send(End::peer);
    }
    EXPECT_EQ(bench.findings_text(), "");
}

}  // namespace
}  // namespace flowstamp::testing
