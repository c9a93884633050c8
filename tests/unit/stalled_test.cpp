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
        data.id++;
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

/// What the other end sent after an idle period was not answered, either: it is told with the stall.
TEST_F(StalledTest, AnIdlePeriodBeforeIsTold) {
    bench.pass(30s);
    Segment first = talk.next(End::peer, Psh | Ack, 100);
    talk.send(first);
    data = talk.next(End::us, Psh | Ack, 500);
    data.ack -= 100;
    talk.send(data);
    for (int i = 0; i < 4; i++) {
        bench.pass(200ms * (1 << i));
        talk.send(data);
    }
    ASSERT_EQ(bench.findings_text(), "stalled confirmed");
    EXPECT_NE(output::summary_text(bench.findings()[0])
                  .find("Before that the connection had been idle for 30 s."),
              std::string::npos)
        << output::summary_text(bench.findings()[0]);
    EXPECT_NE(output::advice_text(bench.findings()[0]).find("send keepalives sooner"),
              std::string::npos);
}

/// The acknowledgements are lost between here and the sender.
TEST_F(StalledTest, WhatIsAcknowledgedHere) {
    data = talk.next(End::us, Psh | Ack, 500);
    talk.send(data);
    talk.pass_us(20'000);
    talk.send(End::peer);
    for (int i = 0; i < 4; i++) {
        bench.pass(200ms * (1 << i));
        talk.send(data);
    }
    ASSERT_EQ(bench.findings_text(), "stalled confirmed");
    EXPECT_NE(output::summary_text(bench.findings()[0]).find("has acknowledged here"),
              std::string::npos)
        << output::summary_text(bench.findings()[0]);
    EXPECT_NE(output::advice_text(bench.findings()[0]).find("between here and 192.0.2.1"),
              std::string::npos)
        << output::advice_text(bench.findings()[0]);
}

/// The first of several segments, again and again: what was sent after it before is nothing new.
TEST_F(StalledTest, TheFirstOfSeveralIsAcknowledgedHereInVain) {
    data = talk.next(End::us, Psh | Ack, 500);
    talk.send(data);
    talk.send(End::us, Psh | Ack, 500);
    talk.pass_us(20'000);
    talk.send(End::peer);
    for (int i = 0; i < 5; i++) {
        bench.pass(200ms * (1 << i));
        data.id++;
        talk.send(data);
        talk.pass_us(20'000);
        Segment again = talk.next(End::peer);
        again.window++;  // no copy of the one before
        talk.send(again);
    }
    bench.pass(1s);
    ASSERT_FALSE(bench.findings().empty());
    for (const analysis::Finding& finding : bench.findings()) {
        EXPECT_FALSE(finding.resolution.has_value()) << output::summary_text(finding);
    }
}

/// As every receiver does (RFC 9293, section 3.10.7.4), it acknowledges each copy again.
TEST_F(StalledTest, WhatIsAcknowledgedHereAgainAndAgain) {
    data = talk.next(End::us, Psh | Ack, 500);
    talk.send(data);
    talk.pass_us(20'000);
    talk.send(End::peer);
    for (int i = 0; i < 4; i++) {
        bench.pass(200ms * (1 << i));
        data.id++;
        talk.send(data);
        talk.pass_us(20'000);
        talk.send(End::peer);
    }
    ASSERT_EQ(bench.findings_text(), "stalled confirmed");
    EXPECT_NE(output::summary_text(bench.findings()[0]).find("has acknowledged here"),
              std::string::npos)
        << output::summary_text(bench.findings()[0]);
}

/// One segment is lost again and again, others arrive (RFC 2018).
/// One old byte, every ten seconds, each acknowledged again: Windows' keepalives.
TEST_F(StalledTest, KeepalivesWithAByteAreNoStall) {
    talk.exchange();
    Segment keepalive = talk.next(End::us, Ack, 1);
    keepalive.seq -= 1;
    for (int i = 0; i < 6; i++) {
        bench.pass(10s);
        talk.send(keepalive);
        keepalive.id++;
        talk.pass_us(20'000);
        talk.send(End::peer);
    }
    EXPECT_EQ(bench.findings_text(), "");
}

TEST_F(StalledTest, WhereSomethingArrivesItIsNoStall) {
    data = talk.next(End::us, Ack, 500);
    talk.send(data);
    for (int i = 0; i < 6; i++) {
        talk.send(End::us, Psh | Ack, 500);
        talk.pass_us(20'000);
        Segment gap = talk.next(End::peer);
        gap.ack = data.seq;
        gap.sack = std::pair(data.seq + 500, talk.edge(End::us));
        talk.send(gap);
        bench.pass(200ms * (1 << i));
        data.id = talk.next(End::us).id;
        talk.send(data);
    }
    EXPECT_EQ(bench.findings_text(), "");
}

/// Something arrived before the way was cut.
TEST_F(StalledTest, AnEarlierGapIsNoExcuse) {
    data = talk.next(End::us, Ack, 500);
    talk.send(data);
    talk.send(End::us, Psh | Ack, 500);
    talk.pass_us(20'000);
    Segment gap = talk.next(End::peer);
    gap.ack = data.seq;
    gap.sack = std::pair(data.seq + 500, data.seq + 1000);
    talk.send(gap);
    for (int i = 0; i < 3; i++) {
        bench.pass(200ms * (1 << i));
        data.id = talk.next(End::us).id;
        talk.send(data);
    }
    EXPECT_EQ(bench.findings_text(), "stalled confirmed");
}

TEST_F(StalledTest, ASackIsARecovery) {
    send_in_vain(4);
    talk.send(End::us, Psh | Ack, 500);
    talk.pass_us(20'000);
    Segment gap = talk.next(End::peer);
    gap.ack = data.seq;
    gap.sack = std::pair(data.seq + 500, data.seq + 1000);
    talk.send(gap);
    EXPECT_EQ(bench.findings_text(), "stalled confirmed, stalled recovered");
}

/// It may have closed altogether: its host then says nothing, or resets.
TEST_F(StalledTest, APeerThatHasSentItsFinIsNoStall) {
    talk.send(End::peer, Fin | Ack);
    talk.pass_us(100);
    talk.send(End::us);
    send_in_vain(6);
    EXPECT_EQ(bench.findings_text(), "");
}

/// The peer's application does not read: what is in flight is not taken.
TEST_F(StalledTest, AClosedWindowIsNoStall) {
    data = talk.next(End::us, Psh | Ack, 500);
    talk.send(data);
    talk.pass_us(20'000);
    Segment full = talk.next(End::peer);
    full.ack = data.seq;
    full.window = 0;
    talk.send(full);
    for (int i = 0; i < 5; i++) {
        bench.pass(200ms * (1 << i));
        data.id++;
        talk.send(data);
    }
    EXPECT_EQ(bench.findings_text(), "zero-window confirmed");
}

/// Over a long way nothing can have come back yet.
TEST(Stalled, ARoundTripAsLongAsTheWaitIsNoStall) {
    AnalysisBench bench;
    Setting setting;
    setting.rtt_us = 1'500'000;
    Conversation talk(bench.rig(), FST_HOOK_XDP, setting);
    talk.open().exchange(3);
    Segment data = talk.next(End::us, Psh | Ack, 500);
    talk.send(data);
    for (int i = 0; i < 4; i++) {
        bench.pass(200ms * (1 << i));
        data.id++;
        talk.send(data);
    }
    EXPECT_EQ(bench.findings_text(), "") << "three seconds are two round trips";
    bench.pass(3200ms);
    talk.send(data);
    EXPECT_EQ(bench.findings_text(), "stalled confirmed");
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

/// A server that has acknowledged nothing but the SYN may not have accepted the connection yet.
TEST(Stalled, FromTheHandshakeOnItMayBeTheAcceptQueue) {
    AnalysisBench bench;
    Conversation talk(bench.rig(), FST_HOOK_XDP);
    talk.open();
    const Segment data = talk.next(End::us, Psh | Ack, 500);
    talk.send(data);
    for (int i = 0; i < 5; i++) {
        bench.pass(200ms * (1 << i));
        talk.send(data);
    }
    ASSERT_EQ(bench.findings_text(), "stalled suspected");
    const std::string summary = output::summary_text(bench.findings()[0]);
    EXPECT_NE(summary.find("the accept queue of 198.51.100.7 is full"), std::string::npos)
        << summary;
}

/// What is sent into a closed window are probes: they are no retransmissions once it opens.
TEST_F(StalledTest, AWindowThatOpensRestartsTheCount) {
    Segment closes = talk.next(End::peer);
    closes.window = 0;
    talk.send(closes);
    bench.pass(10ms);
    const Segment probe = talk.next(End::us, Ack, 1);
    talk.send(probe);
    for (int i = 0; i < 4; i++) {
        bench.pass(200ms * (1 << i));
        talk.send(probe);
    }
    Segment opens = talk.next(End::peer);
    opens.ack -= 1;
    talk.send(opens);
    bench.pass(300ms);
    talk.send(probe);
    EXPECT_EQ(bench.findings_text().find("stalled"), std::string::npos) << bench.findings_text();
}

}  // namespace
}  // namespace flowstamp::testing
