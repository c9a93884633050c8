// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/idle_timeout.h"

#include <gtest/gtest.h>

#include "tests/unit/analysis_bench.h"
#include "user/output/text/statement_text.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;

struct IdleTimeoutTest : ::testing::Test {
    IdleTimeoutTest() { talk.open().exchange(3); }
    void send_in_vain(const Segment& data, int times) {
        talk.send(data);
        for (int i = 0; i < times; i++) {
            bench.pass(200ms * (1 << i));
            talk.send(data);
        }
    }
    AnalysisBench bench;
    Conversation talk{bench.rig(), FST_HOOK_XDP};
};

TEST_F(IdleTimeoutTest, UnansweredDataAfterAnIdlePeriod) {
    bench.pass(30s);
    send_in_vain(talk.next(End::us, Psh | Ack, 500), 4);
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
    send_in_vain(talk.next(End::us, Psh | Ack, 500), 3);
    ASSERT_EQ(bench.findings_text(), "idle-timeout suspected");
    EXPECT_NE(output::advice_text(bench.findings()[0]).find("every 20 s"), std::string::npos)
        << output::advice_text(bench.findings()[0]);
}

TEST_F(IdleTimeoutTest, AnImmediateResetConfirms) {
    bench.pass(30s);
    talk.send(End::us, Psh | Ack, 500);
    talk.pass_us(20'000);
    talk.send(talk.stateless_reset());
    EXPECT_EQ(bench.findings_text(), "idle-timeout confirmed");
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
    bench.pass(5s);
    talk.send(keepalive);
    EXPECT_EQ(bench.findings_text(), "idle-timeout suspected");
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
