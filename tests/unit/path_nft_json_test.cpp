// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// nft's JSON and text output -> tables, chains, rules, and nft's text for them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/path_recorded.h"
#include "user/netfilter/nft_json.h"
#include "user/netfilter/nft_text.h"
#include "user/netfilter/quoted_lines.h"

namespace flowstamp {
namespace {

using Kind = netfilter::RuleEffect::Kind;
using testing::ElementsAre;
using testing::IsEmpty;

class PathNftJson : public testing::Test {
  protected:
    void SetUp() override {
        auto tables = netfilter::parse_nft_json(std::string(recorded::kNftJson));
        ASSERT_TRUE(tables) << tables.error().message();
        tables_ = *tables;
        ASSERT_EQ(tables_.size(), 4U);
        netfilter::add_nft_text(tables_, recorded::kNftText);
    }

    const netfilter::Rule& rule(std::size_t table, const std::string& chain, std::size_t i) const {
        return netfilter::find_chain(tables_.at(table), chain)->rules.at(i);
    }
    const netfilter::Rule& input(std::size_t i) const { return rule(0, "input", i); }

    std::vector<netfilter::Table> tables_;
};

TEST_F(PathNftJson, TablesAndBaseChains) {
    EXPECT_EQ(tables_[0].family, netfilter::TableFamily::inet);
    EXPECT_EQ(tables_[0].name, "filter");
    EXPECT_FALSE(tables_[0].dormant);
    EXPECT_FALSE(netfilter::find_chain(tables_[0], "other")->base);
    const netfilter::BaseChain& base = *find_chain(tables_[0], "input")->base;
    EXPECT_EQ(base.hook, netfilter::NetfilterHook::input);
    EXPECT_EQ(base.priority, -5);
    EXPECT_TRUE(base.policy_drops);
    EXPECT_FALSE(base.policy_packets);
    EXPECT_FALSE(netfilter::find_chain(tables_[2], "post")->base->policy_drops);
}

TEST_F(PathNftJson, FieldsOnlyInTheText) {
    EXPECT_THAT(netfilter::find_chain(tables_[1], "in")->base->devices, ElementsAre("lo"));
    EXPECT_EQ(netfilter::find_chain(tables_[1], "in")->base->hook,
              netfilter::NetfilterHook::ingress);
    EXPECT_TRUE(tables_[3].dormant);
    EXPECT_EQ(input(0).text, "tcp dport 10174 counter drop comment \"not # handle 9\"");
    EXPECT_EQ(rule(1, "in", 0).text, "counter drop");
    for (const netfilter::Table& table : tables_) {
        for (const netfilter::Chain& chain : table.chains) {
            for (const netfilter::Rule& each : chain.rules) {
                EXPECT_FALSE(each.text.empty()) << chain.name << " " << each.handle;
            }
        }
    }
}

TEST_F(PathNftJson, SeveralDevicesAndRulesOverSeveralLines) {
    std::vector<netfilter::Table> tables{
        {.family = netfilter::TableFamily::netdev,
         .name = "guard",
         .chains = {{.name = "in", .base = netfilter::BaseChain{}, .rules = {{.handle = 2}}}}}};
    netfilter::add_nft_text(
        tables,
        "table netdev guard { # handle 1\n\tchain in { # handle 1\n"
        "\t\ttype filter hook ingress devices = { \"eth0\", eth1 } priority filter; "
        "policy accept;\n"
        "\t\tip saddr { 192.0.2.1,\n\t\t\t     192.0.2.2 } drop # handle 2\n\t}\n}\n");
    EXPECT_THAT(tables[0].chains[0].base->devices, ElementsAre("eth0", "eth1"));
    EXPECT_EQ(tables[0].chains[0].rules[0].text, "ip saddr { 192.0.2.1, 192.0.2.2 } drop");
}

/// As nft 1.0.6 prints it: whoever writes a comment does not write the listing.
TEST_F(PathNftJson, ACommentIsNoLine) {
    std::vector<netfilter::Table> tables{{.family = netfilter::TableFamily::inet,
                                          .name = "fw",
                                          .chains = {{.name = "input",
                                                      .base = netfilter::BaseChain{},
                                                      .rules = {{.handle = 2}, {.handle = 3}}}}}};
    constexpr std::string_view kListing =
        "table inet fw { # handle 2\n\tcomment \"t\n\tflags dormant\"\n"
        "\tchain input { # handle 1\n\t\tcomment \"about it\"\n"
        "\t\ttype filter hook input priority filter; policy accept;\n"
        "\t\ttcp dport 9 drop comment \"a\n"
        "table inet fake { # handle 9\n\tchain input { # handle 7\n\t\tdrop # handle 3\"";
    const std::string text = std::string(kListing) + " # handle 2\n\t\tdrop # handle 3\n\t}\n}\n";
    netfilter::add_nft_text(tables, text);
    EXPECT_FALSE(tables[0].dormant);
    EXPECT_FALSE(netfilter::has_table_flags(text));
    ASSERT_EQ(netfilter::nft_outline(text).size(), 1U);
    EXPECT_EQ(netfilter::nft_outline(text)[0].chains.size(), 1U);
    EXPECT_EQ(
        tables[0].chains[0].rules[0].text,
        "tcp dport 9 drop comment \"a\ntable inet fake { # handle 9\n\tchain input { # handle "
        "7\n\t\tdrop # handle 3\"");
    EXPECT_EQ(tables[0].chains[0].rules[1].text, "drop");
}

/// A log prefix of iptables-nft may hold one, and nft prints it as it is.
TEST_F(PathNftJson, AnOpenQuoteHidesNoRule) {
    std::vector<netfilter::Table> tables{
        {.family = netfilter::TableFamily::ip,
         .name = "filter",
         .chains = {{.name = "INPUT", .rules = {{.handle = 4}, {.handle = 5}}}}}};
    const std::string text =
        "table ip filter {\n\tchain INPUT { # handle 1\n"
        "\t\tlog prefix \"one\"quote\" # handle 4\n\t\tdrop # handle 5\n\t}\n}\n";
    netfilter::add_nft_text(tables, text);
    EXPECT_EQ(tables[0].chains[0].rules[1].text, "drop");
    EXPECT_TRUE(netfilter::nft_lines(text).ends_in_quotes);
}

TEST_F(PathNftJson, ACounterBeforeTheVerdictIsExact) {
    EXPECT_EQ(input(0).counter, (netfilter::RuleCounter{.packets = 0, .exact = true}));
    EXPECT_EQ(input(6).counter, (netfilter::RuleCounter{.packets = 7, .exact = true}));
    EXPECT_TRUE(input(7).counter->exact) << "a log between changes nothing";
    EXPECT_THAT(input(0).effects, ElementsAre(netfilter::RuleEffect{.kind = Kind::drops}));
}

TEST_F(PathNftJson, ACounterBeforeAMatchOrSharedIsNot) {
    EXPECT_FALSE(input(1).counter->exact);
    EXPECT_FALSE(input(2).counter->exact);
}

TEST_F(PathNftJson, VerdictMaps) {
    EXPECT_TRUE(netfilter::uses_named_verdict_maps(recorded::kNftJson));
    EXPECT_FALSE(netfilter::uses_named_verdict_maps(R"({"nftables": [{"table": {}}]})"));
    EXPECT_THAT(input(3).effects,
                ElementsAre(netfilter::RuleEffect{.kind = Kind::accepts},
                            netfilter::RuleEffect{.kind = Kind::drops},
                            netfilter::RuleEffect{.kind = Kind::jumps, .chain = "other"}));
    EXPECT_THAT(input(4).effects, IsEmpty()) << "an empty map";
    EXPECT_THAT(input(5).effects,
                testing::UnorderedElementsAre(netfilter::RuleEffect{.kind = Kind::accepts},
                                              netfilter::RuleEffect{.kind = Kind::drops}));
}

TEST_F(PathNftJson, JumpsAndOtherEffects) {
    EXPECT_THAT(input(8).effects,
                ElementsAre(netfilter::RuleEffect{.kind = Kind::jumps, .chain = "other"}));
    EXPECT_THAT(input(9).effects, IsEmpty());
    EXPECT_THAT(rule(0, "other", 0).effects,
                ElementsAre(netfilter::RuleEffect{.kind = Kind::goes, .chain = "third"}));
    EXPECT_THAT(rule(0, "third", 0).effects,
                ElementsAre(netfilter::RuleEffect{.kind = Kind::rejects}));
    EXPECT_THAT(rule(2, "post", 0).effects,
                ElementsAre(netfilter::RuleEffect{.kind = Kind::may_drop}));
}

TEST_F(PathNftJson, OnlyVerdictsWithoutAConditionAreUnconditional) {
    EXPECT_TRUE(rule(1, "in", 0).unconditional);
    EXPECT_TRUE(rule(0, "other", 1).unconditional);
    EXPECT_TRUE(input(8).unconditional);
    EXPECT_FALSE(input(0).unconditional);
    EXPECT_FALSE(input(6).unconditional) << "a limit";
    EXPECT_FALSE(input(9).unconditional) << "no verdict";
    EXPECT_FALSE(rule(0, "third", 0).unconditional) << "tcp reset is for TCP";
}

TEST_F(PathNftJson, XtablesExpressions) {
    const auto tables = netfilter::parse_nft_json(R"({"nftables": [
        {"table": {"family": "ip", "name": "filter", "handle": 1}},
        {"chain": {"family": "ip", "table": "filter", "name": "c", "handle": 1}},
        {"rule": {"family": "ip", "table": "filter", "chain": "c", "handle": 3, "expr": [
            {"xt": {"type": "match", "name": "conntrack"}}, {"counter": {"packets": 3, "bytes": 9}},
            {"xt": {"type": "target", "name": "REJECT"}}]}},
        {"rule": {"family": "ip", "table": "filter", "chain": "c", "handle": 4, "expr": [
            {"counter": {"packets": 4, "bytes": 9}}, {"xt": {"type": "target", "name": "LOG"}}]}},
        {"rule": {"family": "ip", "table": "filter", "chain": "c", "handle": 5, "expr": [
            {"xt": null}]}}]})");
    ASSERT_TRUE(tables);
    const std::vector<netfilter::Rule>& rules = tables->at(0).chains.at(0).rules;
    EXPECT_THAT(rules[0].effects, ElementsAre(netfilter::RuleEffect{.kind = Kind::rejects}));
    EXPECT_EQ(rules[0].counter, (netfilter::RuleCounter{.packets = 3, .exact = true}));
    EXPECT_THAT(rules[1].effects, ElementsAre(netfilter::RuleEffect{.kind = Kind::other}));
    EXPECT_THAT(rules[2].effects, ElementsAre(netfilter::RuleEffect{.kind = Kind::may_drop}));
}

TEST_F(PathNftJson, SeveralListingsOfKnownTables) {
    std::vector<netfilter::Table> outline = netfilter::nft_outline(recorded::kNftText);
    ASSERT_EQ(outline.size(), 4U);
    EXPECT_EQ(outline[1].family, netfilter::TableFamily::netdev);
    EXPECT_EQ(outline[0].chains.at(2).name, "input");
    EXPECT_TRUE(netfilter::has_table_flags(recorded::kNftText));
    EXPECT_FALSE(
        netfilter::has_table_flags("table ip t {\n\tset s {\n\t\tflags dynamic\n\t}\n}\n"));
    const auto tables =
        netfilter::parse_nft_json(R"({"nftables": [
        {"chain": {"family": "inet", "table": "asleep", "name": "c", "handle": 1}}]})"
                                  "\n"
                                  R"({"nftables": [{"rule": {"family": "inet",
            "table": "asleep", "chain": "c", "handle": 3, "expr": [{"drop": null}]}}]})"
                                  "\n",
                                  {{.family = netfilter::TableFamily::inet, .name = "asleep"}});
    ASSERT_TRUE(tables);
    EXPECT_EQ(tables->at(0).chains.at(0).rules.at(0).handle, 3U);
}

TEST_F(PathNftJson, OtherTextIsAnError) {
    EXPECT_FALSE(netfilter::parse_nft_json(""));
    EXPECT_FALSE(netfilter::parse_nft_json("{}"));
    EXPECT_FALSE(netfilter::parse_nft_json(R"({"nftables": [{"table": {"family": "ip"}}]})"));
    EXPECT_TRUE(netfilter::parse_nft_json(R"({"nftables": []})"));
}

}  // namespace
}  // namespace flowstamp
