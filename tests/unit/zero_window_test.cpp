// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/zero_window.h"

#include <gtest/gtest.h>

#include "tests/unit/analysis_bench.h"
#include "user/output/text/statement_text.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t kOpen = 502;

struct ZeroWindowTest : ::testing::Test {
    ZeroWindowTest() { talk.open().exchange(3); }
    /// The peer takes our data and closes its window: its application does not read.
    void close_window() {
        talk.send(End::us, Psh | Ack, 500);
        answer(0);
    }
    /// The peer's ACK, a round trip later.
    void answer(std::uint16_t window) {
        talk.pass_us(20'000);
        Segment ack = talk.next(End::peer);
        ack.window = window;
        talk.send(ack);
    }
    /// As Linux probes: one byte below the edge, without data (tcp_write_wakeup).
    void probe() {
        Segment below = talk.next(End::us);
        below.seq -= 1;
        talk.send(below);
    }
    std::string latest_summary() { return output::summary_text(bench.findings().back()); }

    AnalysisBench bench;
    Conversation talk{bench.rig(), FST_HOOK_XDP};
};

TEST_F(ZeroWindowTest, AReceiverThatDoesNotRead) {
    close_window();
    bench.pass(200ms);
    probe();
    answer(0);
    EXPECT_EQ(bench.findings_text(), "") << "a busy receiver";
    bench.pass(400ms);
    probe();
    ASSERT_EQ(bench.findings_text(), "zero-window confirmed");
    EXPECT_NE(latest_summary().find("198.51.100.7:443 has closed its receive window for 640 ms"),
              std::string::npos)
        << latest_summary();
    EXPECT_NE(output::advice_text(bench.findings()[0]).find("the application on 198.51.100.7"),
              std::string::npos)
        << output::advice_text(bench.findings()[0]);
}

/// The watch runs on the receiver, and says which program it is.
TEST_F(ZeroWindowTest, TheProgramOnThisHostIsNamed) {
    bench.host().reader = {.process = "python3", .pid = 4711, .unread_bytes = 500};
    bench.host().reader_port = 443;
    close_window();
    bench.pass(600ms);
    probe();
    ASSERT_EQ(bench.findings_text(), "zero-window confirmed");
    EXPECT_NE(latest_summary().find(
                  "On this host python3 (pid 4711) holds the socket, and has not read 500 bytes."),
              std::string::npos)
        << latest_summary();
    EXPECT_EQ(bench.findings()[0].evidence.back().signal, analysis::Signal::UNREAD_HERE);
}

/// The sender's own program is not to blame.
TEST_F(ZeroWindowTest, TheOtherEndIsNotAskedFor) {
    bench.host().reader = {.process = "python3", .pid = 4711, .unread_bytes = 500};
    bench.host().reader_port = 40000;
    close_window();
    bench.pass(600ms);
    probe();
    EXPECT_EQ(latest_summary().find("python3"), std::string::npos) << latest_summary();
}

TEST_F(ZeroWindowTest, AnAnswerThatOpensTheWindowIsARecovery) {
    close_window();
    bench.pass(600ms);
    probe();
    answer(kOpen);
    EXPECT_EQ(bench.findings_text(), "zero-window confirmed, zero-window recovered");
    EXPECT_EQ(bench.findings()[0].id, bench.findings()[1].id);
    EXPECT_NE(latest_summary().find("it is open again"), std::string::npos) << latest_summary();
    talk.exchange(3);
    EXPECT_EQ(bench.findings().size(), 2U);
}

/// A window update answers nothing.
TEST_F(ZeroWindowTest, SoIsAWindowUpdateBetweenTheProbes) {
    close_window();
    bench.pass(600ms);
    probe();
    answer(0);
    bench.pass(300ms);
    answer(kOpen);
    bench.pass(500ms);
    EXPECT_EQ(bench.findings_text(), "zero-window confirmed, zero-window recovered");
}

TEST_F(ZeroWindowTest, TheConnectionMayEndWithItsWindowClosed) {
    close_window();
    bench.pass(600ms);
    probe();
    answer(0);
    talk.send(End::us, Rst | Ack);
    EXPECT_EQ(bench.findings_text(), "zero-window confirmed, zero-window ended");
    EXPECT_NE(latest_summary().find("when the connection ended"), std::string::npos)
        << latest_summary();
}

/// Each time the receiver reads, if late.
TEST_F(ZeroWindowTest, AWindowThatIsClosedFor200MsAgainAndAgainIsNotReported) {
    for (int i = 0; i < 10; i++) {
        close_window();
        bench.pass(200ms);
        probe();
        answer(kOpen);
        bench.pass(20ms);
    }
    bench.pass(2s);
    EXPECT_EQ(bench.findings_text(), "");
}

TEST_F(ZeroWindowTest, ItMayOpenBeforeTheFirstProbe) {
    close_window();
    bench.pass(150ms);
    answer(kOpen);
    talk.exchange(2);
    bench.pass(2s);
    EXPECT_EQ(bench.findings_text(), "");
}

/// The probes are further and further apart: the longest silence here is two minutes.
TEST_F(ZeroWindowTest, ProbedForMinutesItIsNeitherAStallNorAnIdleTimeout) {
    close_window();
    for (auto wait = 200ms; wait <= 2min; wait *= 2) {
        bench.pass(wait);
        probe();
        answer(0);
    }
    EXPECT_EQ(bench.findings_text(), "zero-window confirmed");
    bench.pass(1min);
    answer(kOpen);
    talk.exchange(2);
    bench.pass(1s);
    EXPECT_EQ(bench.findings_text(), "zero-window confirmed, zero-window recovered");
}

/// Other stacks probe with the next byte, which the receiver does not take.
TEST_F(ZeroWindowTest, ProbesOfOneByte) {
    close_window();
    Segment byte = talk.next(End::us, Ack, 1);
    for (auto wait = 200ms; wait <= 4s; wait *= 2) {
        bench.pass(wait);
        byte.id++;
        talk.send(byte);
        talk.pass_us(20'000);
        Segment refusal = talk.next(End::peer);
        refusal.ack = byte.seq;
        refusal.window = 0;
        talk.send(refusal);
    }
    EXPECT_EQ(bench.findings_text(), "zero-window confirmed");
}

TEST(ZeroWindow, JoinedMidwayIsSuspectedAtMost) {
    AnalysisBench bench;
    Conversation talk(bench.rig(), FST_HOOK_XDP);
    talk.exchange(3);
    Segment full = talk.next(End::peer);
    full.window = 0;
    talk.send(full);
    for (const auto wait : {200ms, 400ms, 800ms}) {
        bench.pass(wait);
        Segment below = talk.next(End::us);
        below.seq -= 1;
        talk.send(below);
    }
    EXPECT_EQ(bench.findings_text(), "zero-window suspected");
}

}  // namespace
}  // namespace flowstamp::testing
