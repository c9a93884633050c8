// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/stalled.h"

#include <gtest/gtest.h>

#include "tests/unit/analysis_bench.h"
#include "user/output/text/statement_text.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;

struct StalledTest : ::testing::Test {
    StalledTest() {
        talk.open().exchange(3);
        bench.pass(100ms);
    }
    /// Data, retransmitted by timer `times` times.
    void send_in_vain(int times) {
        data = talk.next(End::us, Psh | Ack, 500);
        talk.send(data);
        for (int i = 0; i < times; i++) {
            bench.pass(200ms * (1 << i));
            talk.send(data);
        }
    }
    AnalysisBench bench;
    Conversation talk{bench.rig(), FST_HOOK_XDP};
    Segment data;
};

TEST_F(StalledTest, ThreeRetransmissionsByTimer) {
    send_in_vain(2);
    EXPECT_EQ(bench.findings_text(), "");
    bench.pass(800ms);
    talk.send(data);
    EXPECT_EQ(bench.findings_text(), "stalled confirmed");
    EXPECT_NE(output::summary_text(bench.findings()[0]).find("retransmitted 3 times"),
              std::string::npos)
        << output::summary_text(bench.findings()[0]);
}

TEST_F(StalledTest, AnAcknowledgementIsARecovery) {
    send_in_vain(4);
    bench.pass(1s);
    talk.send(End::peer);
    EXPECT_EQ(bench.findings_text(), "stalled confirmed, stalled recovered");
    bench.pass(10ms);
    talk.exchange(2);
    EXPECT_EQ(bench.findings().size(), 2U);
}

TEST_F(StalledTest, FastRetransmissionsAreNoStall) {
    data = talk.next(End::us, Psh | Ack, 500);
    talk.send(data);
    for (int i = 0; i < 10; i++) {
        bench.pass(20ms);
        talk.send(data);
    }
    EXPECT_EQ(bench.findings_text(), "");
}

TEST_F(StalledTest, ProgressRestartsTheCount) {
    for (int round = 0; round < 4; round++) {
        send_in_vain(2);
        bench.pass(20ms);
        talk.send(End::peer);
    }
    EXPECT_EQ(bench.findings_text(), "");
}

/// A peer that is gone leaves our FIN unacknowledged: that is common and harmless.
TEST_F(StalledTest, AFinAloneIsNoStall) {
    data = talk.next(End::us, Fin | Ack);
    talk.send(data);
    for (int i = 0; i < 5; i++) {
        bench.pass(200ms * (1 << i));
        talk.send(data);
    }
    EXPECT_EQ(bench.findings_text(), "");
}

TEST_F(StalledTest, ThePeerMayContinueToSend) {
    data = talk.next(End::us, Psh | Ack, 500);
    talk.send(data);
    Segment still = talk.next(End::peer, Psh | Ack, 100);
    still.ack -= 500;
    for (int i = 0; i < 4; i++) {
        bench.pass(200ms * (1 << i));
        talk.send(data);
        talk.send(still);
        still.seq += 100;
    }
    ASSERT_EQ(bench.findings_text(), "stalled confirmed");
    EXPECT_NE(output::summary_text(bench.findings()[0]).find("goes on sending"), std::string::npos)
        << output::summary_text(bench.findings()[0]);
}

TEST(Stalled, JoinedMidwayIsSuspectedAtMost) {
    AnalysisBench bench;
    Conversation talk(bench.rig(), FST_HOOK_XDP);
    talk.exchange(3);
    const Segment data = talk.next(End::us, Psh | Ack, 500);
    talk.send(data);
    for (int i = 0; i < 5; i++) {
        bench.pass(200ms * (1 << i));
        talk.send(data);
    }
    EXPECT_EQ(bench.findings_text(), "stalled suspected");
}

}  // namespace
}  // namespace flowstamp::testing
