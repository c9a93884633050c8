// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Which rules can have dropped a packet, given its way through the chains.
#include "user/netfilter/dropping_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "user/netfilter/condition_values.h"

namespace flowstamp {
namespace {

using Kind = netfilter::RuleEffect::Kind;
using netfilter::Condition;
using netfilter::Conditions;
using netfilter::Field;
using netfilter::number_range;
using ::testing::UnorderedElementsAre;

Condition is(Field field, std::uint64_t number) {
    return {.field = field, .ranges = {number_range(number, number)}};
}

netfilter::Rule rule(std::string text, const Conditions& conditions, Kind kind,
                     const std::string& chain = {}) {
    return {.text = std::move(text),
            .effects = {{.kind = kind, .chain = chain}},
            .match = {.conditions = conditions, .is_complete = true}};
}

netfilter::Rule sets_mark() {
    netfilter::Rule mark = rule("set mark", {}, Kind::other);
    mark.sets_mark = true;
    return mark;
}

/// One chain at a hook, and those that it jumps to.
class DroppingRulesTest : public ::testing::Test {
  protected:
    std::vector<std::string> found() const {
        const netfilter::Ruleset ruleset{.tables = {table}};
        std::vector<std::string> texts;
        for (const auto& [key, rule] : dropping_rules(
                 ruleset, {.hook = netfilter::NetfilterHook::forward}, &packet, ruleset.sets)) {
            texts.push_back(rule.rule == nullptr ? "policy" : rule.rule->text);
        }
        return texts;
    }
    netfilter::Chain& base() { return table.chains[0]; }
    void add_chain(const std::string& name, std::vector<netfilter::Rule> rules) {
        table.chains.push_back({.name = name, .rules = std::move(rules)});
    }

    netfilter::Table table{
        .tool = netfilter::RulesetTool::iptables_legacy,  // keys by text
        .chains = {{.name = "forward",
                    .base = netfilter::BaseChain{.hook = netfilter::NetfilterHook::forward}}}};
    netfilter::PacketHeaders packet{
        .protocol = 6, .source_port = 40000, .destination_port = 80, .mark = 0};
};

TEST_F(DroppingRulesTest, AVerdictMapDoesWhatItHasForThePacketsKey) {
    const auto choice = [](std::uint64_t port, Kind kind, const std::string& chain = {}) {
        return netfilter::VerdictChoice{.key = Conditions{is(Field::destination_port, port)},
                                        .effect = {.kind = kind, .chain = chain}};
    };
    netfilter::Rule map = rule("map", {}, Kind::drops);
    map.choices = {choice(22, Kind::drops), choice(80, Kind::goes, "web"),
                   choice(443, Kind::accepts)};
    base().rules = {map, rule("behind", {}, Kind::drops)};
    add_chain("web", {rule("in web", {}, Kind::drops)});
    EXPECT_THAT(found(), UnorderedElementsAre("in web"));
    packet.destination_port = 22;
    EXPECT_THAT(found(), UnorderedElementsAre("map"));
    packet.destination_port = 443;
    EXPECT_THAT(found(), UnorderedElementsAre());
    packet.destination_port = 25;
    EXPECT_THAT(found(), UnorderedElementsAre("behind"));
    base().rules[0].choices.push_back(
        {.key = Conditions{}, .is_default = true, .effect = {.kind = Kind::drops}});
    EXPECT_THAT(found(), UnorderedElementsAre("map"));
    packet.destination_port.reset();
    EXPECT_THAT(found(), UnorderedElementsAre("map", "in web", "behind"));
}

/// The same chain is passed twice, and its rule looks at what was set in between.
TEST_F(DroppingRulesTest, AMarkThatARuleMayHaveSetIsNotKnown) {
    add_chain("sub", {rule("by mark", {is(Field::mark, 5)}, Kind::drops)});
    base().rules = {rule("first", {}, Kind::jumps, "sub")};
    EXPECT_THAT(found(), UnorderedElementsAre());
    base().rules.push_back(sets_mark());
    EXPECT_THAT(found(), UnorderedElementsAre());
    base().rules.push_back(rule("second", {}, Kind::jumps, "sub"));
    EXPECT_THAT(found(), UnorderedElementsAre("by mark"));
}

/// Which of two chains at one priority comes first is not known.
TEST_F(DroppingRulesTest, AnotherChainMayHaveSetTheMark) {
    base().rules = {rule("by mark", {is(Field::mark, 5)}, Kind::drops)};
    EXPECT_THAT(found(), UnorderedElementsAre());
    netfilter::Chain other{.name = "other", .base = base().base, .rules = {sets_mark()}};
    table.chains.push_back(other);
    EXPECT_THAT(found(), UnorderedElementsAre("by mark"));
}

TEST_F(DroppingRulesTest, APolicyBehindAReturnNamesIt) {
    base().base->policy_drops = true;
    base().rules = {rule("web", {is(Field::destination_port, 80)}, Kind::returns),
                    rule("all", {}, Kind::accepts)};
    const netfilter::Ruleset ruleset{.tables = {table}};
    const auto rules =
        dropping_rules(ruleset, {.hook = netfilter::NetfilterHook::forward}, &packet, ruleset.sets);
    ASSERT_EQ(rules.size(), 1U);
    ASSERT_NE(rules.begin()->second.returned_by, nullptr);
    EXPECT_EQ(rules.begin()->second.returned_by->text, "web");
    packet.destination_port = 443;
    EXPECT_THAT(found(), UnorderedElementsAre());
}

TEST_F(DroppingRulesTest, NamedSetsAreAsked) {
    netfilter::Rule banned = rule("banned", {}, Kind::drops);
    banned.match.memberships = {{.set = {"inet", "site", "banned"}, .fields = {Field::source}}};
    packet.source = *netfilter::address_value("192.0.2.1");
    base().rules = {banned, rule("rest", {}, Kind::drops)};
    netfilter::Ruleset ruleset{.tables = {table}};
    const auto query = set_query(banned.match.memberships[0], packet);
    ASSERT_TRUE(query);
    const auto count = [&] {
        return dropping_rules(ruleset, {.hook = netfilter::NetfilterHook::forward}, &packet,
                              ruleset.sets)
            .size();
    };
    EXPECT_EQ(count(), 2U);
    ruleset.sets[*query] = true;
    EXPECT_EQ(count(), 1U) << "nothing reaches the rest";
    ruleset.sets[*query] = false;
    EXPECT_EQ(count(), 1U);
}

}  // namespace
}  // namespace flowstamp
