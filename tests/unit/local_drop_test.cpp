// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/local_drop.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include "tests/support/recording_sink.h"
#include "user/output/text/statement_text.h"

namespace flowstamp {
namespace {

analysis::HostDrop drop(std::uint8_t tcp_flags = FST_TCP_SYN) {
    analysis::HostDrop drop{.at = "forward",
                            .reason = "NETFILTER_DROP",
                            .words = "a netfilter rule dropped it",
                            .rule = "table ip fw, chain f, handle 3: drop",
                            .why = "its counter moved by 3"};
    fst_packet& packet = drop.sighting.packet;
    packet.key.address[0][2] = packet.key.address[1][2] = __builtin_bswap32(0xffff);
    packet.key.address[0][3] = __builtin_bswap32(0xc0000201);
    packet.key.address[1][3] = __builtin_bswap32(0xc0000202);
    packet.key.port[0] = __builtin_bswap16(40000);
    packet.key.port[1] = __builtin_bswap16(22);
    packet.key.protocol = IPPROTO_TCP;
    packet.tcp_flags = tcp_flags;
    return drop;
}

struct LocalDropTest : ::testing::Test {
    std::string text_of(const analysis::HostDrop& what) {
        const std::size_t before = sink.findings.size();
        drops.consume(what, sink);
        return sink.findings.size() == before ? "" : output::summary_text(sink.findings.back());
    }
    analysis::Findings findings;
    testing::RecordingSink sink;
    analysis::LocalDrop drops{findings};
};

TEST_F(LocalDropTest, ARuleIsNamed) {
    EXPECT_EQ(text_of(drop()),
              "This host drops 192.0.2.1:40000 > 192.0.2.2:22 at forward: table ip fw, chain f, "
              "handle 3: drop.");
    EXPECT_EQ(sink.findings.back().verdict, FST_VERDICT_CONFIRMED);
    EXPECT_EQ(sink.findings.back().kind, analysis::FindingKind::local_drop);
}

TEST_F(LocalDropTest, ReportedOncePerPlaceAndCause) {
    EXPECT_NE(text_of(drop()), "");
    EXPECT_EQ(text_of(drop()), "");
    const auto again = drops.consume(drop(), sink);
    EXPECT_TRUE(again.is_known);
    EXPECT_EQ(again.finding, sink.findings.at(0).id) << "which it repeats";
    analysis::HostDrop other = drop();
    other.at = "input";
    EXPECT_NE(text_of(other), "");
    other.rule = "table ip fw, chain i, handle 4: drop";
    EXPECT_NE(text_of(other), "");
}

TEST_F(LocalDropTest, AnUncertainRuleIsSuspectedAndMayBeRaised) {
    analysis::HostDrop doubtful = drop();
    doubtful.is_certain = false;
    EXPECT_NE(text_of(doubtful).find("at forward: probably by table ip fw"), std::string::npos);
    EXPECT_EQ(sink.findings.back().verdict, FST_VERDICT_SUSPECTED);
    EXPECT_NE(text_of(drop()), "");
    EXPECT_TRUE(sink.findings.back().again);
    EXPECT_EQ(sink.findings.back().id, sink.findings.front().id);
}

TEST_F(LocalDropTest, ARefusalAndADroppedOwnReset) {
    analysis::HostDrop refused = drop();
    refused.is_answered = true;
    EXPECT_TRUE(text_of(refused).starts_with("This host itself refuses 192.0.2.1:40000 > "));
    analysis::HostDrop swallowed = drop(FST_TCP_RST | FST_TCP_ACK);
    swallowed.at = "output";
    swallowed.is_own = true;
    EXPECT_TRUE(text_of(swallowed).starts_with(
        "The reset that this host makes for 192.0.2.2:22 never leaves it at output: "));
}

/// Of what connection tracking calls invalid, say: the rule is right, and changing it no remedy.
TEST_F(LocalDropTest, WhatShowsMoreThanTheRuleIsTheAdvice) {
    text_of(drop());
    EXPECT_EQ(output::advice_text(sink.findings.back()),
              "if it is not meant to be so, change that rule");
    analysis::HostDrop invalid = drop();
    invalid.at = "input";
    invalid.look_at = "sysctl net.netfilter.nf_conntrack_tcp_timeout_established";
    text_of(invalid);
    EXPECT_EQ(output::advice_text(sink.findings.back()), invalid.look_at);
    EXPECT_EQ(sink.findings.back().evidence.size(), 2U) << "the rule is named all the same";
}

TEST_F(LocalDropTest, WithoutARuleTheKernelsReason) {
    analysis::HostDrop unrouted = drop();
    unrouted.rule.clear();
    unrouted.reason = "IP_RPFILTER";
    unrouted.words = "reverse path filter";
    unrouted.look_at = "sysctl rp_filter";
    EXPECT_EQ(text_of(unrouted),
              "This host drops 192.0.2.1:40000 > 192.0.2.2:22 at forward: reverse path filter.");
    EXPECT_EQ(output::advice_text(sink.findings.back()), "sysctl rp_filter");
}

}  // namespace
}  // namespace flowstamp
