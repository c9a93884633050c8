// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Which of netfilter's drops are connection tracking's or NAT's, and which a rule's.
#include "user/pathtrace/conntrack_drop.h"

#include <arpa/inet.h>  // before the kernel's own headers
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/netfilter_ipv4.h>

#include "flowstamp/stamp.h"
#include "tests/support/path_tuple.h"

namespace flowstamp {
namespace {

using flowstamp::testing::tuple;
using netfilter::Certainty;
using netfilter::NetfilterHook;
using pathtrace::PathReport;
using ::testing::HasSubstr;
using ::testing::Not;

PathReport::Drop netfilter_drop() {
    return {.at = {},
            .reason = "NETFILTER_DROP",
            .words = pathtrace::drop_reason_words("NETFILTER_DROP")};
}

PathReport::Drop dropped_by(const std::string& rule, netfilter::RulesetTool tool,
                            Certainty certainty = Certainty::certain) {
    PathReport::Drop drop = netfilter_drop();
    drop.attribution = netfilter::DropAttribution{
        .tool = tool, .text = rule, .certainty = certainty, .why = "no other moved"};
    return drop;
}

pathtrace::NetfilterDropFacts at(NetfilterHook hook, int passed, std::optional<int> up_to) {
    pathtrace::NetfilterDropFacts facts{.place = {.hook = hook, .passed = passed, .up_to = up_to},
                                        .function = "nf_hook_slow",
                                        .nft_frees_itself = true};
    facts.drop.tuple = tuple("198.51.100.2", 40000, "203.0.113.2", 80);
    return facts;
}

pathtrace::NetfilterDropFacts at_lookup() {
    return at(NetfilterHook::prerouting, -201, -199);
}

/// Dropped at its confirmation, translated to a port.
pathtrace::NetfilterDropFacts behind_nat() {
    pathtrace::NetfilterDropFacts facts = at(NetfilterHook::postrouting, 101, std::nullopt);
    facts.drop.flags = FST_PATH_CONNTRACK | FST_PATH_SNAT | FST_PATH_NEW;
    facts.drop.original = facts.drop.tuple;
    facts.drop.reply = tuple("203.0.113.2", 80, "203.0.113.1", 40001);
    facts.moved.drop = facts.moved.insert_failed = 4;
    return facts;
}

PathReport::Drop explained(PathReport::Drop drop, const pathtrace::NetfilterDropFacts& facts) {
    explain_netfilter_drop(drop, facts);
    return drop;
}

TEST(ConntrackDrop, FullTable) {
    auto facts = at_lookup();
    facts.moved.drop = 3;
    facts.table = {.entries = 1000, .most = 1000, .can_be_raised = true};
    const auto drop = explained(netfilter_drop(), facts);
    EXPECT_THAT(drop.words.words, HasSubstr("table is full: 1000 entries of at most 1000"));
    EXPECT_THAT(drop.words.look_at, HasSubstr("sysctl -w net.netfilter.nf_conntrack_max=2000;"));
    EXPECT_EQ(drop.counter,
              (pathtrace::CounterIncrease{"connection tracking's drop", 3, "conntrack -S"}));

    facts.table->can_be_raised = false;
    EXPECT_THAT(explained(netfilter_drop(), facts).words.look_at,
                HasSubstr("nf_conntrack_max=2000 (in the initial network namespace)"));
}

TEST(ConntrackDrop, TableIsCalledFullOnlyIfItIs) {
    auto facts = at_lookup();
    facts.moved.drop = 3;
    facts.table = {.entries = 10, .most = 1000};
    EXPECT_THAT(explained(netfilter_drop(), facts).words.words, HasSubstr("or memory was short"));
    facts.moved.early_drop = 1;
    EXPECT_THAT(explained(netfilter_drop(), facts).words.words, HasSubstr("table is full"));
    facts.moved = {.drop = 3, .insert_failed = 3};  // dropped elsewhere
    const auto drop = explained(netfilter_drop(), facts);
    EXPECT_THAT(drop.words.words, HasSubstr("no rule is known there"));
    EXPECT_FALSE(drop.counter);
}

TEST(ConntrackDrop, PortIsTaken) {
    auto facts = behind_nat();
    EXPECT_TRUE(is_lost_in_nat(facts));
    facts.holder = tuple("198.51.100.9", 50000, "203.0.113.2", 80);
    const auto drop = explained(netfilter_drop(), facts);
    EXPECT_THAT(drop.words.words, HasSubstr("no free port: 203.0.113.1:40001 is taken by "
                                            "198.51.100.9:50000 > 203.0.113.2:80"));
    EXPECT_THAT(drop.words.look_at, HasSubstr("more ports"));
    EXPECT_EQ(drop.counter->name, "connection tracking's insert_failed");
    EXPECT_EQ(drop.counter->by, 4U);
}

TEST(ConntrackDrop, PortIsNotCalledTakenWithoutItsHolder) {
    auto facts = behind_nat();
    EXPECT_THAT(explained(netfilter_drop(), facts).words.words,
                HasSubstr("when it was, another had the addresses and ports"));
    facts.holder = facts.drop.original;
    EXPECT_THAT(explained(netfilter_drop(), facts).words.words, HasSubstr("at the same time"));
    facts.moved = {};
    EXPECT_FALSE(is_lost_in_nat(facts));
    const auto drop = explained(netfilter_drop(), facts);
    EXPECT_THAT(drop.words.words, Not(HasSubstr("NAT")));
    EXPECT_FALSE(drop.counter);
}

TEST(ConntrackDrop, InsertionFails) {
    auto facts = behind_nat();
    facts.drop.flags &= ~static_cast<__u32>(FST_PATH_SNAT);
    EXPECT_THAT(explained(netfilter_drop(), facts).words.words, HasSubstr("was faster"));
    facts.moved.chain_too_long = facts.moved.insert_failed;
    const auto drop = explained(netfilter_drop(), facts);
    EXPECT_THAT(drop.words.look_at, HasSubstr("nf_conntrack_buckets"));
    EXPECT_EQ(drop.counter->name, "connection tracking's chaintoolong");
}

TEST(ConntrackDrop, RulesElsewhereStay) {
    auto facts = at(NetfilterHook::forward, -1, 1);
    facts.moved.drop = 7;
    for (const auto tool : {netfilter::RulesetTool::iptables_legacy,
                            netfilter::RulesetTool::iptables_nft, netfilter::RulesetTool::bpf}) {
        facts.function =
            tool == netfilter::RulesetTool::iptables_nft ? "nft_do_chain" : "nf_hook_slow";
        const auto drop = explained(dropped_by("-j DROP", tool), facts);
        ASSERT_TRUE(drop.attribution);
        EXPECT_EQ(drop.attribution->certainty, Certainty::certain);
        EXPECT_FALSE(drop.counter);
    }
    EXPECT_EQ(explained(netfilter_drop(), facts).words, netfilter_drop().words);
}

/// The kernel's function contradicts the rule.
TEST(ConntrackDrop, RuleThatAnotherFunctionWouldHaveFreedIsNotNamed) {
    auto facts = at_lookup();
    facts.moved.drop = 3;
    EXPECT_FALSE(explained(dropped_by("drop", netfilter::RulesetTool::nft), facts).attribution);
    facts = at(NetfilterHook::forward, -1, 1);
    facts.function = "nft_do_chain";
    EXPECT_FALSE(
        explained(dropped_by("drop", netfilter::RulesetTool::iptables_legacy), facts).attribution);
    facts.function = "";  // unknown
    EXPECT_TRUE(explained(dropped_by("drop", netfilter::RulesetTool::nft), facts).attribution);
    facts.function = "nf_hook_slow";
    facts.nft_frees_itself = false;  // Linux before 6.7
    EXPECT_TRUE(explained(dropped_by("drop", netfilter::RulesetTool::nft), facts).attribution);
}

TEST(ConntrackDrop, RuleIsNotCertainWhereConnectionTrackingDrops) {
    auto facts = at_lookup();
    facts.nft_frees_itself = false;
    const auto rule = dropped_by("counter drop", netfilter::RulesetTool::nft);
    EXPECT_EQ(explained(rule, facts).attribution->certainty, Certainty::certain);
    facts.moved.drop = 2;
    const auto drop = explained(rule, facts);
    EXPECT_EQ(drop.attribution->certainty, Certainty::probable);
    EXPECT_THAT(drop.attribution->why, HasSubstr("connection tracking dropped 2 by itself"));
}

TEST(ConntrackDrop, WhyInvalid) {
    auto facts = at(NetfilterHook::forward, -1, 1);
    facts.function = "nft_do_chain";
    facts.moved.invalid = 5;
    facts.drop.tcp_flags = FST_TCP_ACK;
    const auto words = [&](const std::string& rule) {
        return explained(dropped_by(rule, netfilter::RulesetTool::nft), facts).words.words;
    };
    EXPECT_EQ(words("ct state invalid drop"),
              "a netfilter rule dropped it; connection tracking calls it invalid");
    EXPECT_THAT(words("-m conntrack --ctstate INVALID -j DROP"), HasSubstr("calls it invalid"));
    EXPECT_THAT(words("ct state vmap { established : accept, invalid : drop }"),
                HasSubstr("calls it invalid"));
    for (const char* other :
         {"ct state != invalid drop", "tcp dport 80 drop comment \"ct state invalid\"",
          "-m conntrack ! --ctstate INVALID -j DROP",
          "-m conntrack --ctstate NEW -m comment --comment \"not INVALID\" -j DROP"}) {
        EXPECT_THAT(words(other), Not(HasSubstr("invalid"))) << other;
    }
    EXPECT_THAT(words("tcp dport 80 drop"), Not(HasSubstr("invalid")));
    facts.is_known = false;
    EXPECT_THAT(words("ct state invalid drop"),
                ::testing::EndsWith("no connection is known for it"));
    facts.is_strict = true;
    EXPECT_THAT(words("ct state invalid drop"), HasSubstr("nf_conntrack_tcp_loose is 0"));
    facts.drop.tcp_flags = FST_TCP_RST;
    EXPECT_THAT(words("ct state invalid drop"), HasSubstr("one begins with a SYN"));
    facts.is_known = true;
    EXPECT_THAT(words("ct state invalid drop"), HasSubstr("do not fit"));
    facts.drop.flags = FST_PATH_CONNTRACK;  // "ct state established,invalid": it is not invalid
    EXPECT_THAT(words("ct state invalid drop"), Not(HasSubstr("invalid")));
}

/// The rule is right: what helps is connection tracking's time-out.
TEST(ConntrackDrop, WhatToDoAboutAForgottenConnection) {
    auto facts = at(NetfilterHook::forward, -1, 1);
    facts.function = "nft_do_chain";
    facts.moved.invalid = 5;
    facts.drop.tuple.protocol = IPPROTO_TCP;
    facts.drop.tcp_flags = FST_TCP_PSH | FST_TCP_ACK;
    const auto look_at = [&] {
        return pathtrace::look_at(
            explained(dropped_by("ct state invalid drop", netfilter::RulesetTool::nft), facts));
    };
    EXPECT_THAT(look_at(),
                ::testing::StartsWith("sysctl -w net.netfilter.nf_conntrack_log_invalid=255"));
    facts.is_known = false;
    facts.forgets_after = std::chrono::seconds(30);
    EXPECT_THAT(look_at(),
                ::testing::StartsWith("an idle connection is forgotten after 30 s: raise "
                                      "net.netfilter.nf_conntrack_tcp_timeout_established"));
    facts.drop.tcp_flags = FST_TCP_SYN;
    EXPECT_THAT(look_at(), Not(HasSubstr("idle")));
    facts.is_known = true;
    facts.drop.tcp_flags = FST_TCP_ACK;
    EXPECT_THAT(look_at(), Not(HasSubstr("idle")));
}

/// There the kernel writes no such lines, unless it is told to.
TEST(ConntrackDrop, TheLogOfANetworkNamespace) {
    auto facts = at(NetfilterHook::forward, -1, 1);
    facts.function = "nft_do_chain";
    facts.moved.invalid = 5;
    const auto look_at = [&] {
        return pathtrace::look_at(
            explained(dropped_by("ct state invalid drop", netfilter::RulesetTool::nft), facts));
    };
    facts.table = {.entries = 1, .most = 100, .can_be_raised = true};
    EXPECT_THAT(look_at(), Not(HasSubstr("nf_log_all_netns")));
    facts.table->can_be_raised = false;
    EXPECT_THAT(look_at(), HasSubstr("net.netfilter.nf_log_all_netns=1"));
}

TEST(ConntrackDrop, EveryPacketIsInvalidBeforeConnectionTracking) {
    auto facts = at(NetfilterHook::prerouting, -301, -299);
    facts.function = "nft_do_chain";
    facts.moved.invalid = 5;
    const auto drop =
        explained(dropped_by("ct state invalid drop", netfilter::RulesetTool::nft), facts);
    EXPECT_THAT(drop.words.words, HasSubstr("before connection tracking, where every packet is"));
    EXPECT_FALSE(drop.counter);
}

}  // namespace
}  // namespace flowstamp
