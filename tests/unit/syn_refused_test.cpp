// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/syn_refused.h"

#include <gtest/gtest.h>

#include "tests/support/packet.h"
#include "tests/unit/analysis_bench.h"
#include "user/output/text/statement_text.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;

struct SynRefusedTest : ::testing::Test {
    /// A connection attempt that is answered by a RST with this TTL.
    void refuse(std::uint8_t ttl) {
        Setting setting;
        setting.us.isn = next_isn += 1000;  // this distinguishes two attempts
        Conversation talk(bench.rig(), FST_HOOK_XDP, setting);
        talk.send(End::us, Syn);
        talk.pass_us(20'000);
        Segment reset = talk.next(End::peer, Rst | Ack);
        reset.seq = 0;
        reset.window = 0;
        reset.timestamps.reset();
        reset.ttl = ttl;
        reset.id = 0;
        talk.send(reset);
        bench.pass(analysis::SynRefused::kWait);
    }
    /// One to any port of any address.
    void refuse_at(const char* server, std::uint16_t port, std::uint8_t ttl) {
        const std::uint32_t isn = next_isn += 1000;
        const Bytes syn =
            (Ethernet{} / Ipv4{.src = "192.0.2.1", .dst = server, .id = 7} /
             Tcp{.src_port = 40000, .dst_port = port, .seq = isn, .flags = Syn, .window = 64240})
                .bytes();
        bench.rig().run(FST_HOOK_TC_EGRESS, {.bytes = syn});
        bench.pass(20ms);
        const Bytes reset =
            (Ethernet{} / Ipv4{.src = server, .dst = "192.0.2.1", .ttl = ttl} /
             Tcp{.src_port = port, .dst_port = 40000, .ack = isn + 1, .flags = Rst | Ack})
                .bytes();
        bench.rig().run(FST_HOOK_XDP, {.bytes = reset});
        bench.pass(analysis::SynRefused::kWait);
    }
    bool says(const char* words) {
        return output::summary_text(bench.findings().back()).find(words) != std::string::npos;
    }
    AnalysisBench bench;
    std::uint32_t next_isn = 0x10000000;
};

TEST_F(SynRefusedTest, NoBoxStandsBetweenAHostAndItself) {
    refuse_at("192.0.2.1", 8080, 64);
    ASSERT_EQ(bench.findings_text(), "syn-refused confirmed");
    EXPECT_TRUE(says("nothing listens there")) << output::summary_text(bench.findings().back());
}

TEST_F(SynRefusedTest, AnUnknownServersRefusalIsNotAttributed) {
    refuse(57);
    ASSERT_EQ(bench.findings_text(), "syn-refused confirmed");
    EXPECT_TRUE(says("no other TCP packet of 198.51.100.7 was seen before that shows which"))
        << output::summary_text(bench.findings().back());
}

TEST_F(SynRefusedTest, FromTheServersDistanceItIsTheServer) {
    Conversation(bench.rig(), FST_HOOK_XDP).open();
    refuse(57);
    EXPECT_TRUE(says("nothing listens there")) << output::summary_text(bench.findings().back());
}

TEST_F(SynRefusedTest, FromNearerItIsProbablyABox) {
    Conversation(bench.rig(), FST_HOOK_XDP).open();
    refuse(60);
    EXPECT_TRUE(says("probably by a box 4 hops away"))
        << output::summary_text(bench.findings().back());
}

TEST_F(SynRefusedTest, OneHopIsNotEnough) {
    Conversation(bench.rig(), FST_HOOK_XDP).open();
    refuse(58);
    EXPECT_TRUE(says("its distance does not show which"))
        << output::summary_text(bench.findings().back());
}

/// Nothing is known of that port, but another one of the host has shown how far away it is.
TEST_F(SynRefusedTest, AnotherPortOfTheHostIsABaseline) {
    Conversation(bench.rig(), FST_HOOK_XDP).open();
    refuse_at("198.51.100.7", 8080, 60);
    ASSERT_EQ(bench.findings_text(), "syn-refused confirmed");
    EXPECT_TRUE(says("probably by a box 4 hops away: 198.51.100.7 itself is 7 hops away"))
        << output::summary_text(bench.findings().back());
    refuse_at("198.51.100.7", 8081, 57);
    ASSERT_EQ(bench.findings().size(), 2U);
    EXPECT_TRUE(says("nothing listens there")) << output::summary_text(bench.findings().back());
    refuse_at("198.51.100.7", 8082, 58);
    ASSERT_EQ(bench.findings().size(), 3U);
    EXPECT_TRUE(says("its distance does not show which"))
        << output::summary_text(bench.findings().back());
}

TEST_F(SynRefusedTest, AnotherHostIsNoBaseline) {
    Conversation(bench.rig(), FST_HOOK_XDP).open();
    refuse_at("198.51.100.8", 443, 60);
    ASSERT_EQ(bench.findings_text(), "syn-refused confirmed");
    EXPECT_TRUE(says("no other TCP packet of 198.51.100.8 was seen before that shows which"))
        << output::summary_text(bench.findings().back());
}

/// Both answers to one SYN are a finding of forged-rst.
TEST_F(SynRefusedTest, NotIfTheSynIsAcceptedAsWell) {
    Conversation talk(bench.rig(), FST_HOOK_XDP);
    talk.send(End::us, Syn);
    talk.pass_us(5000);
    Segment reset = talk.next(End::peer, Rst | Ack);
    reset.seq = 0;
    reset.window = 0;
    reset.timestamps.reset();
    talk.send(reset);
    talk.pass_us(5000);
    talk.send(End::peer, Syn | Ack);
    bench.pass(10s);
    for (const analysis::Finding& finding : bench.findings()) {
        EXPECT_EQ(finding.kind, analysis::FindingKind::forged_rst) << bench.findings_text();
    }
}

TEST_F(SynRefusedTest, RepeatedRefusalsAreReportedOnce) {
    for (int i = 0; i < 10; i++) {
        refuse(57);
        bench.pass(1s);
    }
    EXPECT_EQ(bench.findings_text(), "syn-refused confirmed");
    bench.pass(2min);
    refuse(57);
    EXPECT_EQ(bench.findings().size(), 2U);
}

/// On the host that refuses: the reset leaves, and came in by no interface.
struct SynRefusedHere : SynRefusedTest {
    void refuse_here(std::uint32_t came_in_by = 0, bool has_no_socket = false) {
        const std::uint32_t isn = next_isn += 1000;
        const Bytes syn = (Ethernet{} / Ipv4{} / Tcp{.seq = isn, .flags = Syn}).bytes();
        bench.rig().run(FST_HOOK_TC_INGRESS, {.bytes = syn});
        bench.pass(1ms);
        const Bytes reset =
            (Ethernet{} / Ipv4{.src = "198.51.100.7", .dst = "192.0.2.1"} /
             Tcp{.src_port = 443, .dst_port = 40000, .ack = isn + 1, .flags = Rst | Ack})
                .bytes();
        bench.rig().run(FST_HOOK_TC_EGRESS,
                        {.bytes = reset, .came_in_by = came_in_by, .has_no_socket = has_no_socket});
        bench.pass(analysis::SynRefused::kWait);
    }
};

TEST_F(SynRefusedHere, ItsOwnAddressIsNoGuess) {
    bench.host().route = {.is_own = true, .ifindex = 1};
    refuse_here();
    EXPECT_TRUE(
        says("This host refused 192.0.2.1 a connection to 198.51.100.7:443: nothing listens "
             "there."))
        << output::summary_text(bench.findings().back());
    bench.pass(2min);
    refuse_here(0, true);
    EXPECT_TRUE(says("a rule of its own firewall rejects, as no socket made the reset."))
        << output::summary_text(bench.findings().back());
}

TEST_F(SynRefusedHere, InTheNameOfAHostBeyond) {
    bench.host().route = {.ifindex = 2, .is_watched = true};
    refuse_here();
    EXPECT_TRUE(
        says("This host refused 192.0.2.1 a connection to 198.51.100.7:443 in the name "
             "of 198.51.100.7: the reset left by eth1 and came in by no interface."))
        << output::summary_text(bench.findings().back());
}

/// Another network namespace of this machine may stand behind the interface, or a program forward
/// frames by itself.
TEST_F(SynRefusedHere, NothingIsSaidInDoubt) {
    for (const auto& route :
         {std::optional<analysis::ThisHost::Route>{},
          std::optional(analysis::ThisHost::Route{.ifindex = 2}),
          std::optional(analysis::ThisHost::Route{.ifindex = 1, .is_watched = true})}) {
        bench.pass(2min);
        bench.host().route = route;
        refuse_here();
        EXPECT_FALSE(says("This host")) << output::summary_text(bench.findings().back());
    }
}

TEST_F(SynRefusedHere, WhatCameInWasNotMadeHere) {
    bench.host().route = {.ifindex = 2, .is_watched = true};
    refuse_here(2);
    EXPECT_FALSE(says("This host")) << output::summary_text(bench.findings().back());
}

}  // namespace
}  // namespace flowstamp::testing
