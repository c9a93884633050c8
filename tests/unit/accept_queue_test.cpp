// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/accept_queue.h"

#include <gtest/gtest.h>

#include "tests/unit/analysis_bench.h"
#include "user/output/text/statement_text.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;

struct AcceptQueueTest : ::testing::Test {
    AcceptQueueTest() {
        talk.send(End::us, Syn);
        talk.pass_us(20'000);
        syn_ack = talk.next(End::peer, Syn | Ack);
        talk.send(syn_ack);
        talk.pass_us(100);
    }
    /// The server sends its SYN-ACK again, and we acknowledge it again.
    void repeat_syn_ack() {
        talk.send(syn_ack);
        talk.pass_us(100);
        talk.send(End::us);
    }
    void send_data() {
        data = talk.next(End::us, Psh | Ack, 100);
        talk.send(data);
    }
    void send_data_again() {
        data.id = talk.next(End::us).id;
        talk.send(data);
    }
    /// Our data is sent three times in vain, the SYN-ACK once again.
    void send_for_a_second() {
        talk.send(End::us);
        send_data();
        bench.pass(220ms);
        send_data_again();
        bench.pass(440ms);
        send_data_again();
        bench.pass(340ms);
        repeat_syn_ack();
    }
    AnalysisBench bench;
    Conversation talk{bench.rig(), FST_HOOK_XDP};
    Segment syn_ack;
    Segment data;
};

TEST_F(AcceptQueueTest, TheServerIgnoresTheLastAckAndTheData) {
    send_for_a_second();
    bench.pass(500ms);
    send_data_again();
    EXPECT_EQ(bench.findings_text(), "") << "one ACK may be lost";
    bench.pass(1500ms);
    repeat_syn_ack();
    ASSERT_EQ(bench.findings_text(), "accept-queue suspected");
    const std::string summary = output::summary_text(bench.findings()[0]);
    EXPECT_NE(
        summary.find("192.0.2.1 completed the handshake with 198.51.100.7:443 and sends data, "
                     "but 198.51.100.7 has repeated its SYN-ACK 2 times: its accept queue"),
        std::string::npos)
        << summary;
    bench.pass(300ms);
    send_data_again();
    bench.pass(3700ms);
    repeat_syn_ack();
    bench.pass(1s);
    EXPECT_EQ(bench.findings_text(), "accept-queue suspected") << "once, and no stall";
}

TEST_F(AcceptQueueTest, AnAcknowledgementIsARecovery) {
    send_for_a_second();
    bench.pass(2s);
    repeat_syn_ack();
    ASSERT_EQ(bench.findings_text(), "accept-queue suspected");
    bench.pass(1s);
    send_data_again();
    talk.pass_us(20'000);
    talk.send(End::peer);
    EXPECT_EQ(bench.findings_text(), "accept-queue suspected, accept-queue recovered");
    EXPECT_EQ(bench.findings()[0].id, bench.findings()[1].id);
    const std::string summary = output::summary_text(bench.findings()[1]);
    EXPECT_NE(summary.find("it has accepted the connection now"), std::string::npos) << summary;
    talk.exchange(2);
    EXPECT_EQ(bench.findings().size(), 2U);
}

TEST_F(AcceptQueueTest, TheClientMayGiveUp) {
    send_for_a_second();
    bench.pass(2s);
    repeat_syn_ack();
    bench.pass(1s);
    talk.send(End::us, Rst | Ack);
    EXPECT_EQ(bench.findings_text(), "accept-queue suspected, accept-queue ended");
}

/// TCP_DEFER_ACCEPT: the server waits for data before it accepts, and repeats its SYN-ACK until
/// then.
TEST_F(AcceptQueueTest, AServerThatDefersUntilDataComesIsNotReported) {
    talk.send(End::us);
    for (const auto wait : {1s, 2s, 4s}) {
        bench.pass(wait);
        repeat_syn_ack();
    }
    bench.pass(1s);
    talk.exchange(3);
    bench.pass(5s);
    EXPECT_EQ(bench.findings_text(), "");
}

/// Our last ACK was lost between here and the server.
TEST_F(AcceptQueueTest, OneRepetitionIsNotEnough) {
    send_for_a_second();
    talk.pass_us(20'000);
    talk.send(End::peer);
    talk.exchange(3);
    bench.pass(5s);
    EXPECT_EQ(bench.findings_text(), "");
}

/// The SYN-ACK was lost between here and us.
TEST_F(AcceptQueueTest, RepetitionsBeforeTheLastAckDoNotCount) {
    for (const auto wait : {1s, 2s, 4s}) {
        bench.pass(wait);
        talk.send(syn_ack);
    }
    talk.pass_us(100);
    talk.send(End::us);
    send_data();
    for (const auto wait : {220ms, 440ms}) {
        bench.pass(wait);
        send_data_again();
    }
    talk.pass_us(20'000);
    talk.send(End::peer);
    EXPECT_EQ(bench.findings_text(), "");
}

}  // namespace
}  // namespace flowstamp::testing
