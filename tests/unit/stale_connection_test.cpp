// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/stale_connection.h"

#include <gtest/gtest.h>

#include "tests/unit/analysis_bench.h"
#include "user/output/text/statement_text.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kOldSeq = 0x0f000000;
constexpr std::uint32_t kOldAck = 0x60000000;

struct StaleConnectionTest : ::testing::Test {
    StaleConnectionTest() { syn = talk.next(End::us, Syn); }
    /// Our SYN, and the server's ACK of an older connection on the same ports.
    void connect_in_vain() {
        talk.send(syn);
        syn.id++;
        talk.pass_us(20'000);
        Segment old = talk.next(End::peer);
        old.seq = kOldSeq;
        old.ack = kOldAck;
        talk.send(old);
    }
    /// We do not know that connection.
    void reset_old() {
        talk.pass_us(100);
        Segment reset = talk.next(End::us, Rst);
        reset.seq = kOldAck;
        reset.window = 0;
        reset.timestamps.reset();
        talk.send(reset);
        syn.id++;
    }
    std::string latest_summary() { return output::summary_text(bench.findings().back()); }

    AnalysisBench bench;
    Conversation talk{bench.rig(), FST_HOOK_XDP};
    Segment syn;
};

/// The client's resets do not arrive.
TEST_F(StaleConnectionTest, EachSynIsAnsweredForTheOldConnection) {
    connect_in_vain();
    reset_old();
    bench.pass(1s);
    EXPECT_EQ(bench.findings_text(), "") << "the reset usually clears it";
    connect_in_vain();
    reset_old();
    ASSERT_EQ(bench.findings_text(), "stale-connection confirmed");
    EXPECT_NE(latest_summary().find("192.0.2.1 sent 198.51.100.7:443 a SYN 2 times; 198.51.100.7 "
                                    "answers for an older connection on the same ports"),
              std::string::npos)
        << latest_summary();
    for (const auto wait : {2s, 4s, 8s}) {
        bench.pass(wait);
        connect_in_vain();
    }
    bench.pass(10s);
    EXPECT_EQ(bench.findings_text(), "stale-connection confirmed") << "once, and it is an answer";
}

TEST_F(StaleConnectionTest, ASynAckIsTheLateAnswer) {
    connect_in_vain();
    bench.pass(1s);
    connect_in_vain();
    bench.pass(2s);
    talk.send(syn);
    talk.pass_us(20'000);
    talk.send(End::peer, Syn | Ack);
    EXPECT_EQ(bench.findings_text(), "stale-connection confirmed, stale-connection answered");
    EXPECT_EQ(bench.findings()[0].id, bench.findings()[1].id);
    EXPECT_NE(latest_summary().find("it accepted the new one after"), std::string::npos)
        << latest_summary();
}

/// RFC 9293, section 3.5.1: half-open connections are found and cleared so.
TEST_F(StaleConnectionTest, OneThatTheClientsResetClearsIsNotReported) {
    connect_in_vain();
    reset_old();
    bench.pass(1s);
    talk.send(syn);
    talk.pass_us(20'000);
    talk.send(End::peer, Syn | Ack);
    talk.pass_us(100);
    talk.send(End::us);
    talk.exchange(3);
    bench.pass(5s);
    EXPECT_EQ(bench.findings_text(), "");
}

/// Two SYNs, of which only one was answered so.
/// The old connection's own packets, long after the SYN or with a FIN, answer nothing.
TEST_F(StaleConnectionTest, TheOldConnectionsTrafficIsNoAnswer) {
    for (int i = 0; i < 2; i++) {
        talk.send(syn);
        syn.id++;
        bench.pass(1s);
    }
    Segment old = talk.next(End::peer, Fin | Ack);
    old.seq = kOldSeq;
    old.ack = kOldAck;
    talk.send(old);
    bench.pass(30s);
    old.flags = Ack;
    talk.send(old);
    bench.pass(10s);
    old.id++;
    talk.send(old);
    EXPECT_EQ(bench.findings_text().find("stale-connection"), std::string::npos)
        << bench.findings_text();
}

TEST_F(StaleConnectionTest, OneSuchAnswerIsNotEnough) {
    talk.send(syn);
    syn.id++;
    bench.pass(1s);
    connect_in_vain();
    bench.pass(10s);
    EXPECT_EQ(bench.findings_text(), "");
}

/// The client has restarted: the server's half was seen here, and answers a SYN in its window or
/// out of it by an ACK (RFC 5961, section 4).
TEST(StaleConnection, TheOldConnectionMayHaveBeenSeen) {
    AnalysisBench bench;
    Conversation old(bench.rig(), FST_HOOK_XDP);
    old.open().exchange(3);
    Setting setting;
    setting.port = old.port(End::us);
    setting.us.isn = 0x22222222;
    setting.us.first_id = 500;
    setting.peer.isn = 0x33333333;
    Conversation talk(bench.rig(), FST_HOOK_XDP, setting);
    Segment syn = talk.next(End::us, Syn);
    for (const char* expected : {"", "stale-connection confirmed"}) {
        bench.pass(1s);
        talk.send(syn);
        syn.id++;
        talk.pass_us(20'000);
        old.send(End::peer);
        EXPECT_EQ(bench.findings_text(), expected);
    }
    bench.pass(2s);
    talk.send(syn);
    talk.pass_us(20'000);
    talk.send(End::peer, Syn | Ack);
    EXPECT_EQ(bench.findings_text(), "stale-connection confirmed, stale-connection answered");
}

}  // namespace
}  // namespace flowstamp::testing
