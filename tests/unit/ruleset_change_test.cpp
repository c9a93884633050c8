// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// What nf_tables announces, from messages as it sends them.
#include "user/netfilter/ruleset_change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <cstring>
#include <string>
#include <vector>

namespace flowstamp {
namespace {

using netfilter::RulesetChange;
using netfilter::TableFamily;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Pair;

using Bytes = std::vector<std::byte>;

template <class T>
void add(Bytes& to, const T& its) {
    const auto* const begin = reinterpret_cast<const std::byte*>(&its);
    to.insert(to.end(), begin, begin + sizeof(its));
}

void add_attribute(Bytes& to, std::uint16_t type, const std::string& value) {
    add(to, nlattr{.nla_len = static_cast<std::uint16_t>(sizeof(nlattr) + value.size()),
                   .nla_type = type});
    for (const char each : value) {
        to.push_back(static_cast<std::byte>(each));
    }
    to.resize(NLA_ALIGN(to.size()));
}

struct Message {
    std::uint16_t type = NFT_MSG_NEWRULE;
    std::uint8_t family = NFPROTO_INET;
    std::string table = "filter";
    bool has_hook = false;
    std::string set{};  ///< its name, in messages about sets
    std::uint16_t subsystem = NFNL_SUBSYS_NFTABLES;
};

Bytes bytes_of(std::initializer_list<Message> messages) {
    Bytes all;
    for (const Message& message : messages) {
        Bytes body;
        add(body, nfgenmsg{.nfgen_family = message.family, .version = 0, .res_id = 0});
        add_attribute(body, NFTA_TABLE_NAME, message.table + '\0');
        if (!message.set.empty()) {
            add_attribute(body, NFTA_SET_NAME, message.set + '\0');
        }
        if (message.has_hook) {
            add_attribute(body, NFTA_CHAIN_HOOK | NLA_F_NESTED, "");
        }
        nlmsghdr header{};
        header.nlmsg_len = static_cast<std::uint32_t>(sizeof(header) + body.size());
        header.nlmsg_type = static_cast<std::uint16_t>(message.subsystem << 8 | message.type);
        add(all, header);
        all.insert(all.end(), body.begin(), body.end());
        all.resize(NLMSG_ALIGN(all.size()));
    }
    return all;
}

RulesetChange announced(std::initializer_list<Message> messages, bool is_any = true) {
    RulesetChange change;
    EXPECT_EQ(netfilter::add_announced(bytes_of(messages), change), is_any);
    return change;
}

TEST(RulesetChange, NamesTheTables) {
    const RulesetChange change =
        announced({{.family = NFPROTO_IPV4, .table = "nat"}, {.type = NFT_MSG_DELRULE}});
    EXPECT_THAT(change.tables, ElementsAre(Key(Pair(TableFamily::ip, "nat")),
                                           Key(Pair(TableFamily::inet, "filter"))));
    EXPECT_FALSE(change.may_have_new_place());
    EXPECT_FALSE(change.may_reuse_handles({TableFamily::ip, "nat"}));
}

TEST(RulesetChange, OnlyABaseChainIsANewPlace) {
    EXPECT_FALSE(announced({{.type = NFT_MSG_NEWCHAIN}}).may_have_new_place());
    EXPECT_TRUE(announced({{.type = NFT_MSG_NEWCHAIN, .has_hook = true}}).may_have_new_place());
}

TEST(RulesetChange, ANewTableMayHaveTheHandlesOfAnother) {
    const RulesetChange change =
        announced({{.type = NFT_MSG_DELTABLE}, {.type = NFT_MSG_NEWTABLE}});
    EXPECT_TRUE(change.may_reuse_handles({TableFamily::inet, "filter"}));
    EXPECT_TRUE(change.may_have_new_place());
}

TEST(RulesetChange, OtherMessagesConcernNoRule) {
    const RulesetChange change = announced({{.type = NFT_MSG_NEWSETELEM, .set = "banned"},
                                            {.type = NFT_MSG_NEWGEN},
                                            {.subsystem = NFNL_SUBSYS_CTNETLINK},
                                            {.table = "flowstamp_trace_12"}},
                                           false);
    EXPECT_THAT(change.tables, IsEmpty());
    EXPECT_FALSE(change.is_unknown);
}

/// No station moves for it, but what the set holds now says nothing of what it held.
TEST(RulesetChange, SetsWhoseElementsChanged) {
    const RulesetChange change = announced({{.type = NFT_MSG_DELSETELEM, .set = "banned"}}, false);
    EXPECT_TRUE(change.may_concern({.family = "inet", .table = "filter", .name = "banned"}));
    EXPECT_FALSE(change.may_concern({.family = "inet", .table = "filter", .name = "other"}));
    EXPECT_FALSE(change.may_concern({.family = "ip", .table = "filter", .name = "banned"}));
    EXPECT_TRUE(announced({{.type = NFT_MSG_NEWSETELEM}}, false)
                    .may_concern({.family = "inet", .table = "filter", .name = "any"}));
}

TEST(RulesetChange, WhatIsNotUnderstoodMayBeAnything) {
    EXPECT_TRUE(announced({{.family = 77}}).is_unknown);
    Bytes cut = bytes_of({{}, {.table = "other"}});
    cut.resize(cut.size() - 4);
    RulesetChange change;
    EXPECT_TRUE(netfilter::add_announced(cut, change));
    EXPECT_THAT(change.tables, ElementsAre(Key(Pair(TableFamily::inet, "filter"))));
    EXPECT_TRUE(change.is_unknown) << "the second message is cut off";
}

}  // namespace
}  // namespace flowstamp
