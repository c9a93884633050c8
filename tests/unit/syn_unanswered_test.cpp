// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/syn_unanswered.h"

#include <gtest/gtest.h>

#include "tests/unit/analysis_bench.h"
#include "user/output/text/statement_text.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;

struct SynUnansweredTest : ::testing::Test {
    /// Another connection has shown that answers pass here.
    SynUnansweredTest() {
        Setting other;
        other.us.isn = 0x12345678;
        Conversation(bench.rig(), FST_HOOK_XDP, other).open();
    }
    AnalysisBench bench;
    Conversation talk{bench.rig(), FST_HOOK_XDP};
};

TEST_F(SynUnansweredTest, OneSynIsNotEnough) {
    talk.send(End::us, Syn);
    bench.pass(60s);
    bench.finish();
    EXPECT_EQ(bench.findings_text(), "");
}

TEST_F(SynUnansweredTest, TwoAreSuspectedAndThreeConfirmed) {
    const Segment syn = talk.next(End::us, Syn);
    talk.send(syn);
    bench.pass(1s);
    talk.send(syn);
    bench.pass(1s);
    EXPECT_EQ(bench.findings_text(), "");
    bench.pass(1s);
    EXPECT_EQ(bench.findings_text(), "syn-unanswered suspected");
    talk.send(syn);
    EXPECT_EQ(bench.findings_text(), "syn-unanswered suspected, syn-unanswered confirmed");
    EXPECT_EQ(bench.findings()[0].id, bench.findings()[1].id);
    EXPECT_NE(
        output::summary_text(bench.findings()[1]).find("3 times in 3.0 s, and nothing came back"),
        std::string::npos)
        << output::summary_text(bench.findings()[1]);
}

/// One cause, one place to look: where this host dropped the SYN.
TEST_F(SynUnansweredTest, WhatThisHostDroppedIsToldByThat) {
    const Segment syn = talk.next(End::us, Syn);
    talk.send(syn);
    bench.pass(1s);
    talk.send(syn);
    analysis::HostDrop drop{.at = "forward", .reason = "NETFILTER_DROP", .rule = "drop"};
    drop.sighting.packet.key = talk.flow().key;
    drop.sighting.packet.tcp_flags = Syn;
    bench.drop(drop);
    bench.pass(2s);
    ASSERT_EQ(bench.findings_text(), "local-drop confirmed, syn-unanswered suspected");
    EXPECT_EQ(output::advice_text(bench.findings()[1]),
              "finding #1 says where this host itself drops packets of this connection");
}

/// If no answer was ever seen here, answers may take another path.
TEST(SynUnanswered, SuspectedAtMostIfNoAnswerWasSeenHere) {
    AnalysisBench bench;
    Conversation talk(bench.rig(), FST_HOOK_XDP);
    const Segment syn = talk.next(End::us, Syn);
    for (int i = 0; i < 5; i++) {
        talk.send(syn);
        bench.pass(2s);
    }
    EXPECT_EQ(bench.findings_text(), "syn-unanswered suspected");
}

/// Only one direction is captured: who acknowledges has been answered.
TEST(SynUnanswered, AClientThatGoesOnWasAnsweredElsewhere) {
    AnalysisBench bench;
    Conversation talk(bench.rig(), FST_HOOK_XDP);
    const Segment syn = talk.next(End::us, Syn);
    talk.send(syn);
    bench.pass(1s);
    talk.send(syn);
    bench.pass(100ms);
    Segment ack = talk.next(End::us, Ack);
    ack.seq = syn.seq + 1;
    ack.ack = 0x33445567;
    talk.send(ack);
    bench.pass(10s);
    bench.finish();
    EXPECT_EQ(bench.findings_text(), "");
}

TEST_F(SynUnansweredTest, ALateAnswerResolvesIt) {
    const Segment syn = talk.next(End::us, Syn);
    for (int i = 0; i < 3; i++) {
        talk.send(syn);
        bench.pass(1s);
    }
    talk.send(End::peer, Syn | Ack);
    EXPECT_EQ(bench.findings_text(), "syn-unanswered confirmed, syn-unanswered answered");
    EXPECT_EQ(bench.findings().back().id, bench.findings().front().id);
}

TEST_F(SynUnansweredTest, AnAnswerInTimeIsNoFinding) {
    const Segment syn = talk.next(End::us, Syn);
    talk.send(syn);
    bench.pass(1s);
    talk.send(syn);
    bench.pass(500ms);
    talk.send(End::peer, Syn | Ack);
    bench.pass(10s);
    EXPECT_EQ(bench.findings_text(), "");
}

/// An ACK of an older connection on the same ports: the server has received the SYN.
TEST_F(SynUnansweredTest, AStaleAckIsAnAnswer) {
    const Segment syn = talk.next(End::us, Syn);
    talk.send(syn);
    talk.pass_us(20'000);
    Segment stale = talk.next(End::peer);
    stale.seq -= 1'000'000;
    stale.ack -= 1'000'000;
    talk.send(stale);
    for (const auto wait : {1s, 2s, 4s, 8s}) {
        bench.pass(wait);
        talk.send(syn);
    }
    bench.pass(10s);
    EXPECT_EQ(bench.findings_text(), "");
}

TEST_F(SynUnansweredTest, ALateStaleAckResolvesIt) {
    const Segment syn = talk.next(End::us, Syn);
    for (int i = 0; i < 3; i++) {
        talk.send(syn);
        bench.pass(1s);
    }
    Segment stale = talk.next(End::peer);
    stale.seq -= 1'000'000;
    stale.ack -= 1'000'000;
    talk.send(stale);
    EXPECT_EQ(bench.findings_text(), "syn-unanswered confirmed, syn-unanswered answered");
}

/// Each SYN is seen at both interfaces of a router: it counts once.
TEST_F(SynUnansweredTest, ARoutersTwoViewsAreOneAttempt) {
    const Setting out{.ifindex = 2, .port = talk.port(End::us)};
    Conversation other(bench.rig(), FST_HOOK_XDP, out);
    const Segment syn = talk.next(End::us, Syn);
    for (int i = 0; i < 3; i++) {
        talk.send(syn);
        bench.pass(20us);
        other.send(syn);
        bench.pass(1s);
    }
    EXPECT_EQ(bench.findings_text(), "syn-unanswered confirmed");
}

/// A worm, or a client whose way out is cut: one incident.
TEST_F(SynUnansweredTest, ManyServersInVainAreOneFinding) {
    for (std::size_t i = 0; i < 30; i++) {
        Setting setting;
        setting.us.isn = static_cast<std::uint32_t>(0x20000000 + i);
        setting.port = 0;
        const std::string server = "203.0.113." + std::to_string(i + 1);
        for (int again = 0; again < 3; again++) {
            bench.rig().run(FST_HOOK_TC_EGRESS,
                            {.bytes = (Ethernet{} / Ipv4{.src = "192.0.2.1", .dst = server} /
                                       Tcp{.src_port = static_cast<std::uint16_t>(42000 + i),
                                           .dst_port = 135,
                                           .seq = setting.us.isn,
                                           .flags = Syn})
                                          .bytes()});
            bench.pass(1s);
        }
    }
    std::set<std::uint64_t> ids;
    for (const analysis::Finding& finding : bench.findings()) {
        ids.insert(finding.id);
    }
    EXPECT_EQ(ids.size(), analysis::SynUnanswered::kMany + 1);
    EXPECT_NE(output::summary_text(bench.findings().back())
                  .find("192.0.2.1 asks one server after another for a connection"),
              std::string::npos)
        << output::summary_text(bench.findings().back());
}

/// What answers in the end says no more than no.
TEST_F(SynUnansweredTest, ALateResetIsARejection) {
    const Segment syn = talk.next(End::us, Syn);
    for (int i = 0; i < 3; i++) {
        talk.send(syn);
        bench.pass(3s);
    }
    bench.pass(12s);
    Segment reset = talk.next(End::peer, Rst | Ack);
    reset.seq = 0;
    reset.ack = syn.seq + 1;
    talk.send(reset);
    bench.pass(2s);
    ASSERT_NE(bench.findings_text().find("syn-unanswered ended"), std::string::npos)
        << bench.findings_text();
}

}  // namespace
}  // namespace flowstamp::testing
