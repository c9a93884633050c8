// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// iptables-save's format -> tables, chains, rules; and iptables' text for nft's tables.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/netfilter_ipv4.h>

#include <string>

#include "tests/unit/path_recorded.h"
#include "user/netfilter/iptables_chains.h"
#include "user/netfilter/iptables_ruleset.h"
#include "user/netfilter/iptables_save.h"

namespace flowstamp {
namespace {

using Kind = netfilter::RuleEffect::Kind;
using testing::ElementsAre;
using testing::IsEmpty;

std::vector<netfilter::Table> parsed(
    std::string_view text, netfilter::RulesetTool tool = netfilter::RulesetTool::iptables_legacy) {
    auto tables = netfilter::parse_iptables_save(text, netfilter::TableFamily::ip, tool);
    EXPECT_TRUE(tables) << tables.error().message();
    return tables.value_or(std::vector<netfilter::Table>{});
}

/// The only rule of a filter table with the chains INPUT and own.
netfilter::Rule rule(const std::string& line) {
    const auto tables =
        parsed("*filter\n:INPUT ACCEPT [0:0]\n:own - [0:0]\n" + line + "\nCOMMIT\n");
    return tables.at(0).chains.at(0).rules.at(0);
}

TEST(PathIptablesSave, TablesChainsAndPolicies) {
    const auto tables = parsed(recorded::kLegacySave);
    ASSERT_EQ(tables.size(), 3U);
    EXPECT_EQ(tables[0].name, "mangle");
    EXPECT_EQ(tables[0].tool, netfilter::RulesetTool::iptables_legacy);
    EXPECT_EQ(netfilter::find_chain(tables[0], "POSTROUTING")->base->priority, NF_IP_PRI_MANGLE);
    EXPECT_EQ(netfilter::find_chain(tables[1], "OUTPUT")->base->priority, NF_IP_PRI_NAT_DST);
    EXPECT_EQ(netfilter::find_chain(tables[1], "INPUT")->base->priority, NF_IP_PRI_NAT_SRC);
    const netfilter::BaseChain& forward = *find_chain(tables[2], "FORWARD")->base;
    EXPECT_TRUE(forward.policy_drops);
    EXPECT_EQ(forward.hook, netfilter::NetfilterHook::forward);
    EXPECT_EQ(netfilter::find_chain(tables[2], "OUTPUT")->base->policy_packets, 6U);
    EXPECT_FALSE(netfilter::find_chain(tables[2], "x")->base);
}

/// As iptables-save 1.8.9 prints it: whoever writes a rule's comment does not write the format.
TEST(PathIptablesSave, ACommentIsNoLine) {
    const std::string rule_text =
        "-A INPUT -p tcp -m tcp --dport 9 -m comment --comment \"x\n*filter\n:INPUT DROP [5:5]\n"
        "[5:5] -A INPUT -j DROP\n\\\"-A \\\\\" -j ACCEPT";
    const auto tables = parsed("*filter\n:INPUT ACCEPT [0:0]\n[0:0] " + rule_text +
                               "\n-A INPUT -j RETURN\nCOMMIT\n");
    ASSERT_EQ(tables.size(), 1U);
    ASSERT_EQ(tables[0].chains.size(), 1U);
    EXPECT_FALSE(tables[0].chains[0].base->policy_drops);
    ASSERT_EQ(tables[0].chains[0].rules.size(), 2U);
    EXPECT_EQ(tables[0].chains[0].rules[0].text, rule_text);
    EXPECT_THAT(tables[0].chains[0].rules[0].effects,
                ElementsAre(netfilter::RuleEffect{.kind = Kind::accepts}));
}

TEST(PathIptablesSave, ACommentIsNoTarget) {
    const netfilter::Rule named = rule("-A INPUT -m comment --comment -j -j DROP");
    EXPECT_THAT(named.effects, ElementsAre(netfilter::RuleEffect{.kind = Kind::drops}));
    EXPECT_TRUE(named.unconditional);
}

TEST(PathIptablesSave, RulesWithTheirCountersAndNumbers) {
    const auto tables = parsed(recorded::kLegacySave);
    const netfilter::Chain& input = *find_chain(tables[2], "INPUT");
    ASSERT_EQ(input.rules.size(), 2U);
    EXPECT_EQ(input.rules[0].text, "-A INPUT -p tcp -m tcp --dport 22 -j DROP");
    EXPECT_EQ(input.rules[0].handle, 1U);
    EXPECT_FALSE(input.rules[0].unconditional);
    EXPECT_EQ(input.rules[1].handle, 2U);
    EXPECT_EQ(input.rules[1].counter, (netfilter::RuleCounter{.packets = 6, .exact = true}));
    EXPECT_THAT(input.rules[1].effects,
                ElementsAre(netfilter::RuleEffect{.kind = Kind::goes, .chain = "x"}));
    const netfilter::Chain& own = *find_chain(tables[2], "x");
    EXPECT_THAT(own.rules[0].effects, ElementsAre(netfilter::RuleEffect{.kind = Kind::rejects}))
        << "text in a comment is no target";
    EXPECT_TRUE(own.rules[0].unconditional);
    EXPECT_TRUE(own.rules[1].unconditional);
}

TEST(PathIptablesSave, EffectsOfTargets) {
    const auto kind = [](const std::string& target) {
        return rule("[1:2] -A INPUT -p tcp " + target).effects.at(0).kind;
    };
    EXPECT_EQ(kind("-j DROP"), Kind::drops);
    EXPECT_EQ(kind("-j REJECT --reject-with tcp-reset"), Kind::rejects);
    EXPECT_EQ(kind("-j NFQUEUE --queue-num 3"), Kind::queues);
    EXPECT_EQ(kind("-j own"), Kind::jumps);
    EXPECT_EQ(kind("-j LOG --log-prefix \"a b\""), Kind::other);
    EXPECT_EQ(kind("-j TARPIT --tarpit"), Kind::may_drop);
    EXPECT_EQ(kind("-j SNAT --to-source 192.0.2.1"), Kind::may_drop);
    EXPECT_THAT(rule("[1:2] -A INPUT -p tcp").effects, IsEmpty());
    EXPECT_FALSE(rule("-A INPUT -j DROP").counter) << "saved without -c";
}

TEST(PathIptablesSave, OtherLinesAreAnError) {
    const auto refused = [](std::string_view text) {
        return !netfilter::parse_iptables_save(text, netfilter::TableFamily::ip,
                                               netfilter::RulesetTool::iptables_legacy);
    };
    EXPECT_TRUE(refused("-A INPUT -j DROP\n"));
    EXPECT_TRUE(refused("*filter\n:INPUT ACCEPT [0:0]\nsomething else\n"));
    EXPECT_TRUE(refused("*filter\n[0:0] -A MISSING -j DROP\n"));
    EXPECT_FALSE(refused(""));
}

TEST(PathIptablesSave, WhereTheKernelCallsBuiltInChains) {
    EXPECT_EQ(netfilter::iptables_base_chain("raw", "PREROUTING")->priority, NF_IP_PRI_RAW);
    EXPECT_EQ(netfilter::iptables_base_chain("security", "FORWARD")->priority, NF_IP_PRI_SECURITY);
    EXPECT_EQ(netfilter::iptables_base_chain("nat", "POSTROUTING")->priority, NF_IP_PRI_NAT_SRC);
    EXPECT_FALSE(netfilter::iptables_base_chain("raw", "INPUT"));
    EXPECT_FALSE(netfilter::iptables_base_chain("nat", "FORWARD"));
    EXPECT_FALSE(netfilter::iptables_base_chain("mine", "INPUT"));
    EXPECT_FALSE(netfilter::iptables_base_chain("filter", "input"));
}

netfilter::Table nft_table() {
    return {.family = netfilter::TableFamily::ip,
            .name = "filter",
            .chains = {{.name = "INPUT",
                        .base = netfilter::BaseChain{},
                        .rules = {{.handle = 7, .text = "drop"}}}}};
}

TEST(PathIptablesSave, AppliesIptablesTextToNftTables) {
    netfilter::Table table = nft_table();
    ASSERT_TRUE(netfilter::shaped_by_iptables(table));
    netfilter::copy_iptables_text(table,
                                  parsed("*filter\n:INPUT DROP [5:9]\n[0:0] -A INPUT -j DROP\n",
                                         netfilter::RulesetTool::iptables_nft));
    EXPECT_EQ(table.tool, netfilter::RulesetTool::iptables_nft);
    EXPECT_EQ(table.chains[0].rules[0].text, "-A INPUT -j DROP");
    EXPECT_EQ(table.chains[0].rules[0].handle, 7U);
    EXPECT_EQ(table.chains[0].base->policy_packets, 5U);
}

TEST(PathIptablesSave, KeepsATableWithOtherRules) {
    netfilter::Table table = nft_table();
    netfilter::copy_iptables_text(
        table, parsed("*filter\n:INPUT DROP [5:9]\n", netfilter::RulesetTool::iptables_nft));
    EXPECT_EQ(table.tool, netfilter::RulesetTool::nft);
    EXPECT_EQ(table.chains[0].rules[0].text, "drop");
}

TEST(PathIptablesSave, TableOfAnotherShapeIsNative) {
    netfilter::Table table = nft_table();
    table.chains[0].base->priority = 5;
    EXPECT_FALSE(netfilter::shaped_by_iptables(table));
    table = nft_table();
    table.family = netfilter::TableFamily::inet;
    EXPECT_FALSE(netfilter::shaped_by_iptables(table));
}

}  // namespace
}  // namespace flowstamp
