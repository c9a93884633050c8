// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The output of `nft -a monitor trace` (nft 1.0.6, kernel 6.18) -> drops; and its match.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "user/netfilter/condition_values.h"
#include "user/netfilter/drop_attribution.h"
#include "user/netfilter/nft_trace.h"

namespace flowstamp {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

TEST(PathTrace, DropsAmongOtherLines) {
    std::string text =
        "trace id dbb642de inet fw input packet: iif \"lo\" ip saddr 192.0.2.1 ip daddr 192.0.2.2 "
        "ip "
        "dscp cs0 ip protocol udp ip length 29 udp sport 40161 udp dport 9 udp length 9 \n"
        "trace id dbb642de inet fw input rule counter packets 0 bytes 0 jump sub # handle 4 "
        "(verdict jump sub)\n"
        "trace id dbb642de inet fw sub rule udp dport 9 drop comment \"# handle 7\" # handle 3 "
        "(verdict drop)\n"
        "trace id dbb642de ip fw input policy accept \n"
        "trace id 4c6578b0 ip fw input policy drop \n"
        "trace id 4c6578b0 ip fw input rule drop # handle 5 (verdict dr";
    netfilter::NftTraceReader reader;
    const auto drops = reader.take(text);
    EXPECT_EQ(text, "trace id 4c6578b0 ip fw input rule drop # handle 5 (verdict dr");
    ASSERT_EQ(drops.size(), 2U);
    const netfilter::TracedPacket packet{.protocol = 17,
                                         .source = netfilter::address_value("192.0.2.1"),
                                         .destination = netfilter::address_value("192.0.2.2"),
                                         .source_port = 40161,
                                         .destination_port = 9};
    EXPECT_EQ(drops[0],
              (netfilter::NftTraceDrop{netfilter::TableFamily::inet, "fw", "sub", 3, packet}));
    EXPECT_EQ(drops[1],
              (netfilter::NftTraceDrop{netfilter::TableFamily::ip, "fw", "input", std::nullopt}));
}

/// Whoever writes a rule's comment does not write nft's lines.
TEST(PathTrace, ACommentIsNoLine) {
    std::string text =
        "trace id dbb642de inet fw input rule udp dport 9 drop comment \"a\n"
        "trace id dbb642de inet fw input policy drop \n"
        "b\" # handle 3 (verdict drop)\n"
        "trace id 4c6578b0 inet fw input rule drop comment \"c\n";
    netfilter::NftTraceReader reader;
    EXPECT_THAT(reader.take(text), ElementsAre(netfilter::NftTraceDrop{netfilter::TableFamily::inet,
                                                                       "fw", "input", 3}));
    text += "trace id 4c6578b0 ip fw input policy drop \nd\" # handle 4 (verdict accept)\n";
    EXPECT_TRUE(reader.take(text).empty());
    EXPECT_EQ(text, "");
}

TEST(PathTrace, OtherLinesAreIgnored) {
    for (const char* line : {"", "add rule ip fw input drop # handle 3", "trace id 1",
                             "trace id 1 inet fw sub rule drop (verdict drop)",
                             "trace id 1 moon fw sub rule drop # handle 3 (verdict drop)"}) {
        std::string text = std::string(line) + "\n";
        EXPECT_TRUE(netfilter::NftTraceReader().take(text).empty()) << line;
    }
}

TEST(PathTrace, MatchInNftSyntax) {
    EXPECT_EQ(netfilter::nft_expression({}), "");
    const auto words = [](const std::string& filter) {
        std::vector<std::string> found;
        const net::PacketMatches matches = net::packet_matches(filter).value();
        found.reserve(matches.any_of.size());
        for (const net::PacketMatch& match : matches.any_of) {
            found.push_back(netfilter::nft_expression(match));
        }
        return found;
    };
    EXPECT_THAT(words("ip6 and src 2001:db8::1 and udp src port 53 and dst port 9"),
                ElementsAre("meta nfproto ipv6 ip6 saddr 2001:db8::1 meta l4proto 17 th sport 53 "
                            "th dport 9 "));
    EXPECT_THAT(
        words("ip and tcp dst portrange 300-600 and dst 192.0.2.7"),
        ElementsAre("meta nfproto ipv4 ip daddr 192.0.2.7 meta l4proto 6 th dport 300-600 "));
    EXPECT_THAT(words("src net 198.51.100.0/24"),
                Contains("meta nfproto ipv4 ip saddr & 255.255.255.0 == 198.51.100.0 "));
    EXPECT_THAT(words("dst net 2001:db8::/32"),
                Contains("meta nfproto ipv6 ip6 daddr & ffff:ffff:: == 2001:db8:: "));
}

struct TracedAttribution : ::testing::Test {
    TracedAttribution() {
        const netfilter::BaseChain input{.hook = netfilter::NetfilterHook::input, .priority = 0};
        ruleset.tables = {
            {.family = netfilter::TableFamily::ip,
             .name = "fw",
             .tool = netfilter::RulesetTool::iptables_legacy,
             .chains = {{.name = "input", .base = input, .rules = {drop(3, "legacy")}}}},
            {.family = netfilter::TableFamily::ip,
             .name = "fw",
             .chains = {
                 {.name = "input", .base = input, .rules = {drop(3, "one"), drop(4, "two")}}}}};
        ruleset.tables[1].chains[0].base->policy_drops = true;
    }
    static netfilter::Rule drop(std::uint64_t handle, const std::string& text) {
        return {.handle = handle,
                .text = text,
                .effects = {{.kind = netfilter::RuleEffect::Kind::drops}}};
    }
    std::string named(const netfilter::NftTraceDrops& traced) const {
        const auto attribution = netfilter::traced_attribution(
            ruleset, {.hook = netfilter::NetfilterHook::input, .up_to = 0}, {.packets = 3}, traced);
        return !attribution
                   ? "nobody"
                   : netfilter::words_of(*attribution) +
                         (attribution->certainty == netfilter::Certainty::certain ? ", certain"
                                                                                  : "");
    }
    netfilter::Ruleset ruleset;
};

TEST_F(TracedAttribution, OnlyTracedRuleIsCertain) {
    EXPECT_EQ(named({{{netfilter::TableFamily::ip, "fw", "input", 4}, 2}}),
              "table ip fw, chain input, handle 4: two, certain");
    EXPECT_EQ(named({{{netfilter::TableFamily::ip, "fw", "input", {}}, 1}}),
              "table ip fw, chain input: policy drop, certain");
}

TEST_F(TracedAttribution, OfSeveralTheOneTracedMost) {
    EXPECT_EQ(named({{{netfilter::TableFamily::ip, "fw", "input", 3}, 1},
                     {{netfilter::TableFamily::ip, "fw", "input", 4}, 2}}),
              "table ip fw, chain input, handle 4: two");
}

/// Each of two rules has dropped traced packets: of these, one.
TEST_F(TracedAttribution, WhatItSawOfOtherPacketsIsNotTheirs) {
    const netfilter::TracedPacket ours{.destination_port = 9}, others{.destination_port = 10};
    const netfilter::NftTraceDrops traced{
        {{netfilter::TableFamily::ip, "fw", "input", 3, others}, 5},
        {{netfilter::TableFamily::ip, "fw", "input", 4, ours}, 1}};
    const auto attribution = netfilter::traced_attribution(
        ruleset, {.hook = netfilter::NetfilterHook::input, .up_to = 0},
        {.headers = netfilter::PacketHeaders{.source_port = 1, .destination_port = 9}}, traced);
    ASSERT_TRUE(attribution);
    EXPECT_EQ(attribution->text, "two");
    EXPECT_EQ(attribution->certainty, netfilter::Certainty::certain);
}

TEST_F(TracedAttribution, DropElsewhereOrOfARemovedRuleIsIgnored) {
    EXPECT_EQ(named({}), "nobody");
    EXPECT_EQ(named({{{netfilter::TableFamily::ip, "fw", "input", 5}, 1}}), "nobody");
    EXPECT_EQ(named({{{netfilter::TableFamily::inet, "fw", "input", 3}, 1}}), "nobody");
    EXPECT_EQ(named({{{netfilter::TableFamily::ip, "fw", "output", 3}, 1}}), "nobody");
}

}  // namespace
}  // namespace flowstamp
