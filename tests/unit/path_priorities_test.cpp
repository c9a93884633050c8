// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Netfilter priorities: what is in use, and its name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <climits>

#include "user/netfilter/priorities.h"

namespace flowstamp {
namespace {

using Hook = netfilter::NetfilterHook;

TEST(PathPriorities, NamesAreNfts) {
    const auto name = [](Hook hook, int priority) {
        return netfilter::priority_name(netfilter::TableFamily::inet, hook, priority);
    };
    EXPECT_EQ(name(Hook::input, 0), "filter");
    EXPECT_EQ(name(Hook::input, -155), "mangle - 5");
    EXPECT_EQ(name(Hook::input, 60), "security + 10");
    EXPECT_EQ(name(Hook::input, 61), "61");
    EXPECT_EQ(name(Hook::prerouting, -97), "dstnat + 3");
    EXPECT_EQ(name(Hook::input, -97), "-97");
    EXPECT_EQ(name(Hook::postrouting, 100), "srcnat");
    EXPECT_EQ(name(Hook::input, INT_MIN), "-2147483648");
    EXPECT_EQ(netfilter::priority_name(netfilter::TableFamily::bridge, Hook::forward, 0), "0");
    EXPECT_EQ(netfilter::priority_name(netfilter::TableFamily::bridge, Hook::forward, -200),
              "filter");
    EXPECT_EQ(netfilter::priority_name(netfilter::TableFamily::netdev, Hook::ingress, -3),
              "filter - 3");
}

netfilter::Chain base(Hook hook, int priority) {
    return {.name = "c", .base = netfilter::BaseChain{.hook = hook, .priority = priority}};
}

TEST(PathPriorities, ThoseOfChainsAndOfTheKernel) {
    netfilter::Ruleset ruleset;
    ruleset.tables = {
        {.family = netfilter::TableFamily::inet,
         .name = "a",
         .chains = {base(Hook::prerouting, 7), base(Hook::input, 8), {.name = "no base"}}},
        {.family = netfilter::TableFamily::ip6, .name = "b", .chains = {base(Hook::prerouting, 9)}},
        {.family = netfilter::TableFamily::ip,
         .name = "c",
         .chains = {base(Hook::prerouting, -200)}},
        {.family = netfilter::TableFamily::ip,
         .name = "d",
         .dormant = true,
         .chains = {base(Hook::prerouting, 1)}},
    };
    const auto used =
        netfilter::priorities_in_use(ruleset, netfilter::TableFamily::ip, Hook::prerouting);
    ASSERT_EQ(used.size(), 3U);
    EXPECT_EQ(used[0].priority, -400);
    EXPECT_EQ(used[0].by_kernel->name, "reassembly of fragments");
    EXPECT_FALSE(used[0].has_chains);
    EXPECT_EQ(used[1].priority, -200);
    EXPECT_EQ(used[1].by_kernel->name, "connection tracking");
    EXPECT_TRUE(used[1].has_chains);
    EXPECT_EQ(used[2].priority, 7);
    EXPECT_EQ(used[2].by_kernel, nullptr);
    EXPECT_EQ(netfilter::priorities_in_use(ruleset, netfilter::TableFamily::ip, Hook::postrouting)
                  .back()
                  .priority,
              INT_MAX);
    EXPECT_TRUE(
        netfilter::priorities_in_use(ruleset, netfilter::TableFamily::arp, Hook::input).empty());
}

}  // namespace
}  // namespace flowstamp
