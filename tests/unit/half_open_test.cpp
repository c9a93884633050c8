// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/half_open.h"

#include <gtest/gtest.h>

#include "tests/unit/analysis_bench.h"
#include "user/output/text/statement_text.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;

struct HalfOpenTest : ::testing::Test {
    /// We send data, and a round trip later someone who does not know the connection resets it.
    void ask_and_be_reset() {
        talk.send(End::us, Psh | Ack, 300);
        talk.pass_us(talk.setting().rtt_us);
        talk.send(talk.stateless_reset());
    }
    std::string latest_summary() { return output::summary_text(bench.findings().back()); }

    AnalysisBench bench;
    Conversation talk{bench.rig(), FST_HOOK_XDP};
};

TEST_F(HalfOpenTest, AnEndThatDoesNotKnowTheConnectionIsHalfOpen) {
    talk.open().exchange(3);
    ask_and_be_reset();
    bench.pass(1s);
    EXPECT_EQ(bench.findings_text(), "") << "it may still show that it lives on";
    bench.pass(5s);
    ASSERT_EQ(bench.findings_text(), "half-open ended");
    EXPECT_EQ(bench.findings()[0].verdict, FST_VERDICT_SUSPECTED);
    EXPECT_NE(latest_summary().find("as one who does not know the connection"), std::string::npos)
        << latest_summary();
}

TEST_F(HalfOpenTest, OneThatLivesOnIsAnsweredForByAnother) {
    talk.open().exchange(3);
    ask_and_be_reset();
    for (int i = 0; i < 3; i++) {
        talk.pass_us(200'000);
        Segment data = talk.next(End::peer, Psh | Ack, 500);
        data.ack -= 300;  // our data has never reached it
        talk.send(data);
    }
    bench.pass(5s);
    ASSERT_EQ(bench.findings_text(), "rst-rejected ended");
    EXPECT_EQ(bench.findings()[0].verdict, FST_VERDICT_SUSPECTED);
    EXPECT_NE(latest_summary().find("A REJECT rule on 198.51.100.7"), std::string::npos)
        << latest_summary();
}

TEST_F(HalfOpenTest, NotAfterOurOwnReset) {
    talk.open().exchange(3);
    talk.send(End::us, Psh | Ack, 300);
    talk.send(talk.next(End::us, Rst | Ack));
    talk.pass_us(talk.setting().rtt_us);
    talk.send(talk.stateless_reset());
    bench.pass(5s);
    EXPECT_EQ(bench.findings_text(), "");
}

TEST_F(HalfOpenTest, NotAfterAFin) {
    talk.open().exchange(3);
    talk.send(End::peer, Fin | Ack);
    talk.pass_us(1000);
    ask_and_be_reset();
    bench.pass(5s);
    EXPECT_EQ(bench.findings_text(), "");
}

/// The FIN was overtaken by the answer to data that came after it.
TEST_F(HalfOpenTest, NotIfItsFinFollows) {
    talk.open().exchange(3);
    const Segment fin = talk.next(End::peer, Fin | Ack);
    ask_and_be_reset();
    talk.pass_us(200);
    talk.send(fin);
    bench.pass(5s);
    EXPECT_EQ(bench.findings_text(), "");
}

/// A kernel refuses a handshake so that it never took part in (tcp_abort_on_overflow, SYN cookies).
TEST_F(HalfOpenTest, NotBeforeItTookPart) {
    talk.open();
    ask_and_be_reset();
    bench.pass(5s);
    EXPECT_EQ(bench.findings_text(), "");
}

TEST_F(HalfOpenTest, NotWithoutDataThatItAnswers) {
    talk.open().exchange(3);
    talk.pass_us(talk.setting().rtt_us);
    talk.send(talk.stateless_reset());
    bench.pass(5s);
    EXPECT_EQ(bench.findings_text(), "");
}

/// An abort is its sender's own, and no answer of one who does not know the connection.
TEST_F(HalfOpenTest, NotOfAnAbort) {
    talk.open().exchange(3);
    talk.send(End::us, Psh | Ack, 300);
    talk.pass_us(talk.setting().rtt_us);
    talk.send(talk.next(End::peer, Rst | Ack));
    bench.pass(5s);
    EXPECT_EQ(bench.findings_text(), "");
}

TEST_F(HalfOpenTest, NotAfterAnIdlePeriod) {
    talk.open().exchange(3);
    bench.pass(5min);
    ask_and_be_reset();
    bench.pass(5s);
    EXPECT_EQ(bench.findings_text().find("half-open"), std::string::npos) << bench.findings_text();
}

/// What follows an abort is the answer of a kernel whose socket is gone by it.
TEST_F(HalfOpenTest, NotAfterAnAbort) {
    talk.open().exchange(3);
    talk.send(End::us, Psh | Ack, 300);
    talk.pass_us(talk.setting().rtt_us);
    talk.send(talk.next(End::peer, Rst | Ack));
    talk.pass_us(100);
    talk.send(talk.stateless_reset());
    bench.pass(5s);
    EXPECT_EQ(bench.findings_text(), "");
}

}  // namespace
}  // namespace flowstamp::testing
