// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Which rule dropped the packets, by the changes of counters between two snapshots.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "user/netfilter/drop_attribution.h"

namespace flowstamp {
namespace {

using Kind = netfilter::RuleEffect::Kind;
using testing::HasSubstr;

netfilter::Rule rule(std::uint64_t handle, Kind kind, std::string chain = {}) {
    return {.handle = handle,
            .text = "rule " + std::to_string(handle),
            .counter = netfilter::RuleCounter{.packets = 100, .exact = true},
            .effects = {{.kind = kind, .chain = std::move(chain)}}};
}

/// table inet filter: input (hook input, priority 0) with two drops and a jump to `sub`, which has
/// another. Every counter is 100, the policy is accept.
class DropAttributionTest : public testing::Test {
  protected:
    DropAttributionTest() {
        netfilter::Chain input{
            .name = "input",
            .base = netfilter::BaseChain{.hook = netfilter::NetfilterHook::input, .priority = 0},
            .rules = {rule(11, Kind::drops), rule(12, Kind::jumps, "sub"), rule(13, Kind::accepts),
                      rule(14, Kind::drops)}};
        netfilter::Chain sub{.name = "sub", .rules = {rule(21, Kind::rejects)}};
        before_.tables.push_back(
            {.family = netfilter::TableFamily::inet, .name = "filter", .chains = {input, sub}});
        after_ = before_;
    }

    static netfilter::Chain& chain(netfilter::Ruleset& set, const std::string& name = "input") {
        return *find_chain(set.tables.at(0), name);
    }
    netfilter::Rule& first() { return chain(after_).rules[0]; }
    netfilter::Rule& last() { return chain(after_).rules[3]; }
    netfilter::Rule& in_sub() { return chain(after_, "sub").rules[0]; }
    void in_both(auto change) {
        change(before_);
        change(after_);
    }

    std::optional<netfilter::DropAttribution> attribution() const {
        return netfilter::attribute_drop(before_, after_, loss_, {.packets = 3});
    }
    void expect(netfilter::Certainty certainty, std::uint64_t handle,
                const std::string& why) const {
        const auto found = attribution();
        ASSERT_TRUE(found);
        EXPECT_EQ(found->handle, handle);
        EXPECT_EQ(found->certainty, certainty) << found->why;
        EXPECT_THAT(found->why, HasSubstr(why));
    }
    void expect_certain(std::uint64_t handle, const std::string& why = {}) const {
        expect(netfilter::Certainty::certain, handle, why);
    }
    void expect_probable(std::uint64_t handle, const std::string& why) const {
        expect(netfilter::Certainty::probable, handle, why);
    }

    netfilter::Ruleset before_, after_;
    netfilter::Loss loss_{.family = netfilter::TableFamily::ip,
                          .hook = netfilter::NetfilterHook::input,
                          .passed = -1,
                          .up_to = 0};
};

TEST_F(DropAttributionTest, OnlyCounterThatChangedIsCertain) {
    first().counter->packets += 3;
    expect_certain(11, "its counter moved by 3 while 3 packets were lost");
    EXPECT_EQ(netfilter::words_of(*attribution()),
              "table inet filter, chain input, handle 11: rule 11");
}

TEST_F(DropAttributionTest, OnlyCounterInAJumpedToChainIsCertain) {
    in_sub().counter->packets += 3;
    chain(after_).rules[1].counter->packets += 3;
    expect_certain(21);
    EXPECT_EQ(attribution()->chain, "sub");
}

TEST_F(DropAttributionTest, OtherPacketsMayHaveMatchedItToo) {
    first().counter->packets += 50;
    expect_certain(11);
}

TEST_F(DropAttributionTest, NotCertainWhereTheKernelAlsoDrops) {
    in_both([](netfilter::Ruleset& set) {
        chain(set).base->hook = netfilter::NetfilterHook::prerouting;
        chain(set).base->priority = -300;
    });
    loss_.hook = netfilter::NetfilterHook::prerouting;
    loss_.passed = -400;
    loss_.up_to = -150;
    first().counter->packets += 50;
    expect_probable(11, "the kernel may have dropped them by itself there");
    first().counter->packets = 103;
    expect_certain(11);
}

TEST_F(DropAttributionTest, NoChangeNoAttribution) {
    EXPECT_FALSE(attribution());
    chain(after_).rules[2].counter->packets += 3;  // accepts
    EXPECT_FALSE(attribution());
}

TEST_F(DropAttributionTest, CounterThatChangedTooLittle) {
    first().counter->packets += 2;
    expect_probable(11, "moved by 2 only, but 3 packets were lost");
}

TEST_F(DropAttributionTest, TwoThatChangedAreProbableAndTheNearestIsNamed) {
    first().counter->packets += 40;
    last().counter->packets += 3;
    expect_probable(14,
                    "the counter of another moved too, by 40: table inet filter, chain input, "
                    "handle 11");
}

TEST_F(DropAttributionTest, AnotherRuleWithoutCounter) {
    in_both([](netfilter::Ruleset& set) { chain(set).rules[3].counter.reset(); });
    first().counter->packets += 3;
    expect_probable(11, "has no counter: table inet filter, chain input, handle 14");
}

TEST_F(DropAttributionTest, OnlyRuleWithoutCounterIsCertainByElimination) {
    in_both([](netfilter::Ruleset& set) { chain(set).rules[3].counter.reset(); });
    expect_certain(14, "nothing else there can have dropped them");
}

TEST_F(DropAttributionTest, NoEliminationWhereTheKernelAlsoDrops) {
    in_both([](netfilter::Ruleset& set) { chain(set).rules[3].counter.reset(); });
    loss_.up_to.reset();  // confirmation of connections comes last
    expect_probable(14, "it has no counter");
}

TEST_F(DropAttributionTest, TwoWithoutCountersAreProbable) {
    in_both([](netfilter::Ruleset& set) {
        chain(set).rules[3].counter.reset();
        chain(set).rules[0].counter.reset();
    });
    EXPECT_EQ(attribution()->certainty, netfilter::Certainty::probable);
}

TEST_F(DropAttributionTest, UnchangedSharedCounterRulesOut) {
    in_both([](netfilter::Ruleset& set) { chain(set).rules[3].counter->exact = false; });
    first().counter->packets += 3;
    expect_certain(11);
    last().counter->packets += 3;
    expect_probable(11, "moved too");
}

TEST_F(DropAttributionTest, PolicyWithCounter) {
    in_both([](netfilter::Ruleset& set) {
        chain(set).base->policy_drops = true;
        chain(set).base->policy_packets = 5;
    });
    chain(after_).base->policy_packets = 8;
    expect_certain(0);
    EXPECT_TRUE(attribution()->is_policy);
    EXPECT_EQ(netfilter::words_of(*attribution()), "table inet filter, chain input: policy drop");
}

TEST_F(DropAttributionTest, NativePolicyHasNoCounter) {
    in_both([](netfilter::Ruleset& set) { chain(set).base->policy_drops = true; });
    expect_certain(0, "it has no counter");
    first().counter->packets += 3;
    expect_probable(11, "has no counter: table inet filter, chain input: policy drop");
}

TEST_F(DropAttributionTest, NoPacketReachesThePolicyBehindARuleForAll) {
    in_both([](netfilter::Ruleset& set) {
        chain(set).base->policy_drops = true;
        chain(set).rules[3].unconditional = true;
    });
    first().counter->packets += 3;
    expect_certain(11);
}

TEST_F(DropAttributionTest, RulesAfterAnUnconditionalReturnAreUnreachable) {
    in_both([](netfilter::Ruleset& set) {
        netfilter::Rule back = rule(22, Kind::returns);
        back.unconditional = true;
        netfilter::Rule behind = rule(23, Kind::drops);
        behind.counter.reset();
        chain(set, "sub").rules = {back, behind};
    });
    first().counter->packets += 3;
    expect_certain(11);
}

TEST_F(DropAttributionTest, RulesAfterAJumpWithoutReturnAreUnreachable) {
    in_both([](netfilter::Ruleset& set) {
        chain(set).rules[1].unconditional = true;
        chain(set, "sub").rules[0].unconditional = true;
        chain(set).rules[3].counter.reset();
        chain(set).base->policy_drops = true;
    });
    in_sub().counter->packets += 3;
    expect_certain(21);
    in_both([](netfilter::Ruleset& set) { chain(set, "sub").rules[0].unconditional = false; });
    expect_probable(21, "has no counter");
}

TEST_F(DropAttributionTest, ReturnBeforeTheLastRuleSkipsIt) {
    in_both([](netfilter::Ruleset& set) {
        chain(set).base->policy_drops = true;
        chain(set).rules[2].effects = {{.kind = Kind::returns}};
        chain(set).rules[3].unconditional = true;
    });
    first().counter->packets += 3;
    expect_probable(11, "policy drop");
    in_both([](netfilter::Ruleset& set) {
        chain(set).rules[2].effects = {{.kind = Kind::goes, .chain = "sub"}};
    });
    expect_probable(11, "policy drop");
    in_both([](netfilter::Ruleset& set) { chain(set, "sub").rules[0].unconditional = true; });
    expect_certain(11);
}

TEST_F(DropAttributionTest, ReloadedRulesetWithTheSameHandles) {
    chain(after_).rules[0].text = "another";
    chain(after_).rules[0].counter->packets = 3;
    expect_probable(11, "it was added");
}

TEST_F(DropAttributionTest, RuleAddedMeanwhile) {
    chain(after_).rules.push_back(rule(15, Kind::drops));
    chain(after_).rules.back().counter->packets = 3;
    expect_probable(15, "it was added");
    chain(after_).rules.back().counter->packets = 0;
    EXPECT_FALSE(attribution()) << "it has matched nothing";
}

TEST_F(DropAttributionTest, RuleRemovedMeanwhile) {
    std::erase_if(chain(after_).rules,
                  [](const netfilter::Rule& each) { return each.handle == 14; });
    expect_probable(14, "it was removed");
    first().counter->packets += 3;
    expect_probable(11, "removed meanwhile: table inet filter, chain input, handle 14");
}

TEST_F(DropAttributionTest, RemovedJumpRemovesItsChain) {
    std::erase_if(chain(after_).rules,
                  [](const netfilter::Rule& each) { return each.handle == 12; });
    expect_probable(21, "it was removed");
}

TEST_F(DropAttributionTest, AFlush) {
    after_.tables.clear();
    EXPECT_EQ(attribution()->certainty, netfilter::Certainty::probable);
    EXPECT_THAT(attribution()->why, HasSubstr("it was removed"));
}

TEST_F(DropAttributionTest, CountersReset) {
    first().counter->packets = 3;
    expect_probable(11, "its counter was reset");
    first().counter->packets = 0;
    last().counter->packets += 3;
    expect_probable(14, "the counter of another was reset meanwhile");
}

TEST_F(DropAttributionTest, QueueMayPassThem) {
    in_both(
        [](netfilter::Ruleset& set) { chain(set).rules[0].effects = {{.kind = Kind::queues}}; });
    first().counter->packets += 3;
    expect_probable(11, "not every packet that it matches is dropped");
    last().counter->packets += 3;
    expect_probable(14, "moved too");
}

TEST_F(DropAttributionTest, OnlyChainsOfTheLossCount) {
    first().counter->packets += 3;
    loss_.up_to = -1;
    loss_.passed = -2;
    EXPECT_FALSE(attribution()) << "another priority";
    loss_.passed.reset();
    loss_.up_to.reset();
    expect_certain(11);
    loss_.hook = netfilter::NetfilterHook::forward;
    EXPECT_FALSE(attribution()) << "another hook";
    loss_.hook = netfilter::NetfilterHook::input;
    loss_.family = netfilter::TableFamily::arp;
    EXPECT_FALSE(attribution()) << "another family";
    loss_.family = netfilter::TableFamily::ip6;
    expect_certain(11);
}

TEST_F(DropAttributionTest, DormantTableDropsNothing) {
    in_both([](netfilter::Ruleset& set) { set.tables[0].dormant = true; });
    first().counter->packets += 3;
    EXPECT_FALSE(attribution());
}

TEST_F(DropAttributionTest, UnreadTablesMakeItProbable) {
    first().counter->packets += 3;
    before_.unread = {"iptables-legacy, table raw: no such program"};
    expect_probable(11, "not everything could be read: iptables-legacy, table raw");
}

TEST_F(DropAttributionTest, CyclesTerminate) {
    in_both([](netfilter::Ruleset& set) {
        chain(set, "sub").rules.push_back(rule(22, Kind::jumps, "sub"));
    });
    first().counter->packets += 3;
    expect_certain(11);
}

TEST_F(DropAttributionTest, LegacyRuleIsIdentifiedByItsText) {
    in_both([](netfilter::Ruleset& set) {
        set.tables[0].tool = netfilter::RulesetTool::iptables_legacy;
        set.tables[0].family = netfilter::TableFamily::ip;
        for (std::size_t i = 0; i < 4; ++i) {
            chain(set).rules[i].handle = i + 1;
            chain(set).rules[i].text = "-A input -j X";  // both drops have the same text
        }
    });
    netfilter::Rule added = rule(1, Kind::accepts);
    chain(after_).rules.insert(chain(after_).rules.begin(), added);
    chain(after_).rules[4].counter->packets += 3;
    expect_certain(0);
    EXPECT_EQ(netfilter::words_of(*attribution()),
              "iptables-legacy, table filter, chain input, rule 5: -A input -j X");
}

TEST_F(DropAttributionTest, IngressBelongsToADevice) {
    in_both([](netfilter::Ruleset& set) {
        set.tables[0].family = netfilter::TableFamily::netdev;
        chain(set).base->hook = netfilter::NetfilterHook::ingress;
        chain(set).base->devices = {"eth0", "wg*"};
    });
    first().counter->packets += 3;
    loss_.hook = netfilter::NetfilterHook::ingress;
    loss_.family = netfilter::TableFamily::netdev;
    loss_.device = "eth1";
    EXPECT_FALSE(attribution());
    for (const char* device : {"eth0", "wg7", ""}) {
        loss_.device = device;
        expect_certain(11);
    }
}

netfilter::PacketHeaders to_port(std::uint16_t port) {
    return {.protocol = 6, .source_port = 40000, .destination_port = port, .tcp_flags = 0x18};
}

netfilter::RuleMatch port_is(std::uint16_t port, bool negated = false) {
    using netfilter::Condition;
    return {.conditions = {{.field = netfilter::Field::destination_port,
                            .negated = negated,
                            .ranges = {{netfilter::value_of(port), netfilter::value_of(port)}}}},
            .is_complete = true};
}

/// Three rules drop three ports at once: each flow is told its own.
TEST_F(DropAttributionTest, ARuleThatThePacketContradictsIsNeverNamed) {
    in_both([](netfilter::Ruleset& set) {
        chain(set).rules[0].match = port_is(8201);
        chain(set, "sub").rules[0].match = port_is(8202);
        chain(set).rules[3].match = port_is(8203);
        chain(set).rules[2].match = port_is(22);
    });
    first().counter->packets += 3;
    in_sub().counter->packets += 4;
    last().counter->packets += 5;
    const auto found = netfilter::attribute_drops(
        before_, after_, loss_, {{to_port(8201), 3}, {to_port(8202), 4}, {to_port(8203), 5}});
    ASSERT_EQ(found.size(), 3U);
    const std::uint64_t wanted[] = {11, 21, 14};
    for (std::size_t i = 0; i < found.size(); i++) {
        ASSERT_TRUE(found[i]) << i;
        EXPECT_EQ(found[i]->handle, wanted[i]);
        EXPECT_EQ(found[i]->certainty, netfilter::Certainty::certain) << found[i]->why;
    }
    EXPECT_FALSE(netfilter::attribute_drop(before_, after_, loss_, {to_port(8204), 1}))
        << "no rule there matches it";
}

TEST_F(DropAttributionTest, ACounterOwesWhatOnlyItsRuleCanHaveDropped) {
    in_both([](netfilter::Ruleset& set) {
        chain(set).rules[0].match = port_is(22, true);
        chain(set).rules[3].match = port_is(22);
        chain(set).rules.erase(chain(set).rules.begin() + 1, chain(set).rules.begin() + 3);
    });
    chain(after_).rules[0].counter->packets += 4;
    const std::vector<netfilter::LostPackets> lost{{to_port(80), 3}, {to_port(81), 3}};
    const auto found = netfilter::attribute_drops(before_, after_, loss_, lost);
    ASSERT_TRUE(found[0]);
    EXPECT_EQ(found[0]->certainty, netfilter::Certainty::probable);
    EXPECT_THAT(found[0]->why, HasSubstr("moved by 4 only, but 6 packets were lost"));
    chain(after_).rules[0].counter->packets += 2;
    EXPECT_EQ(netfilter::attribute_drops(before_, after_, loss_, lost)[1]->certainty,
              netfilter::Certainty::certain);
}

/// What is surely accepted before a rule does not reach it, nor the chain that another packet jumps to.
TEST_F(DropAttributionTest, WhatThePacketDoesNotReachIsNoCandidate) {
    in_both([](netfilter::Ruleset& set) {
        chain(set).rules[0].match = port_is(8201);
        chain(set).rules[1].match = port_is(8202);  // jumps to sub
        chain(set).rules[2].match = port_is(22);    // accepts
        chain(set).rules[3].match.is_complete = true;
    });
    in_sub().counter->packets += 3;
    last().counter->packets += 3;
    EXPECT_FALSE(netfilter::attribute_drop(before_, after_, loss_, {to_port(22), 3}));
    const auto found = netfilter::attribute_drop(before_, after_, loss_, {to_port(80), 3});
    ASSERT_TRUE(found);
    EXPECT_EQ(found->handle, 14U);
    EXPECT_EQ(found->certainty, netfilter::Certainty::certain) << found->why;
}

}  // namespace
}  // namespace flowstamp
