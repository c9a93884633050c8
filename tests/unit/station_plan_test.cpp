// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Where stations are placed, and where they may be instead.
#include "user/pathtrace/station_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/netfilter.h>

#include <algorithm>
#include <climits>
#include <utility>

#include "user/pathtrace/other_program.h"

namespace flowstamp {
namespace {

using Hook = netfilter::NetfilterHook;
using ::testing::ElementsAre;
using ::testing::Pair;

netfilter::Ruleset chains_at(Hook hook, std::initializer_list<int> priorities) {
    netfilter::Ruleset ruleset;
    netfilter::Table& table = ruleset.tables.emplace_back();
    for (const int priority : priorities) {
        table.chains.push_back(
            {.name = "c", .base = netfilter::BaseChain{.hook = hook, .priority = priority}});
    }
    return ruleset;
}

/// IPv4's in a hook: the wanted priority of each, and the last that serves as well.
std::vector<std::pair<int, int>> planned(const netfilter::Ruleset& ruleset, std::uint8_t hook) {
    std::vector<std::pair<int, int>> found;
    for (const pathtrace::Station& its : pathtrace::plan_stations(ruleset, {})) {
        if (its.pf == NFPROTO_IPV4 && its.hook == hook) {
            found.emplace_back(its.priority, its.up_to.value_or(its.priority));
        }
    }
    return found;
}

TEST(StationPlan, StaysBetweenItsChains) {
    EXPECT_THAT(planned(chains_at(Hook::input, {0, 2, 3, 7}), NF_INET_LOCAL_IN),
                ElementsAre(Pair(-1, INT_MIN + 1), Pair(1, 1), Pair(4, 6), Pair(8, INT_MAX - 1)));
}

TEST(StationPlan, PassesNoHookOfTheKernel) {
    // Reassembly of fragments at -400, connection tracking at -200.
    EXPECT_THAT(planned(chains_at(Hook::prerouting, {-300}), NF_INET_PRE_ROUTING),
                ElementsAre(Pair(-301, -399), Pair(-299, -201), Pair(-199, INT_MAX - 1)));
    // SELinux at -225.
    EXPECT_THAT(planned(chains_at(Hook::forward, {-226, -100}), NF_INET_FORWARD),
                ElementsAre(Pair(-227, INT_MIN + 1), Pair(-225, -225), Pair(-99, INT_MAX - 1)));
}

TEST(StationPlan, IsAnywhereInAHookWithoutChains) {
    EXPECT_THAT(planned({}, NF_INET_LOCAL_IN), ElementsAre(Pair(0, INT_MAX - 1)));
}

TEST(StationPlan, BracketsAnotherProgram) {
    netfilter::Ruleset ruleset = chains_at(Hook::forward, {0});
    pathtrace::add_programs(
        ruleset,
        {{.pf = NFPROTO_IPV4, .hook = NF_INET_FORWARD, .priority = 5, .id = 7, .name = "guard"},
         {.pf = NFPROTO_IPV6, .hook = NF_INET_FORWARD, .priority = 9, .id = 8}});
    EXPECT_THAT(planned(ruleset, NF_INET_FORWARD),
                ElementsAre(Pair(-1, -224), Pair(1, 4), Pair(6, INT_MAX - 1)));
    std::vector<pathtrace::StationState> attached;
    for (const pathtrace::Station& its : pathtrace::plan_stations(ruleset, {})) {
        attached.push_back({.station = its, .attached = true});
    }
    const pathtrace::StationMap map(attached, ruleset);
    const auto after_guard = std::ranges::find_if(attached, [](const auto& state) {
        return state.station.pf == NFPROTO_IPV4 && state.station.priority == 6;
    });
    ASSERT_NE(after_guard, attached.end());
    EXPECT_THAT(map.passed_before(static_cast<std::uint32_t>(after_guard - attached.begin())),
                ElementsAre("BPF program guard (id 7)"));
}

/// Each namespace has hooks of its own, which its name distinguishes.
TEST(StationPlan, NamespacesAreApart) {
    const netfilter::Ruleset own = chains_at(Hook::forward, {0}),
                             other = chains_at(Hook::forward, {-300, 0});
    std::vector<pathtrace::StationState> attached;
    std::vector<pathtrace::Station> planned = pathtrace::plan_stations(own, {"eth0"});
    const auto others = pathtrace::plan_stations(other, {"eth0"}, "web");
    const auto first_other = planned.size();
    planned.insert(planned.end(), others.begin(), others.end());
    for (const pathtrace::Station& its : planned) {
        attached.push_back({.station = its, .attached = true});
    }
    pathtrace::StationMap map(attached, own);
    map.learn("web", other);
    EXPECT_EQ(map.part_of(0), "eth0 in");
    EXPECT_EQ(map.part_of(static_cast<std::uint32_t>(first_other)), "web/eth0 in");
    const auto last_forward = [&](const std::string& netns) {
        std::uint32_t found = 0;
        for (std::uint32_t i = 0; map.knows(i); i++) {
            const pathtrace::Station& its = map.at(i).station;
            const bool is_it = its.netns == netns && its.pf == NFPROTO_IPV4 &&
                               its.kind == pathtrace::Station::Kind::netfilter &&
                               its.hook == NF_INET_FORWARD;
            found = is_it ? i : found;
        }
        return found;
    };
    EXPECT_EQ(map.part_of(last_forward("web")), "web/forward");
    EXPECT_THAT(map.passed_before(last_forward("")), ElementsAre("filter"));
    EXPECT_TRUE(map.is_last(last_forward("")));
    EXPECT_THAT(map.passed_before(last_forward("web")), ElementsAre("filter"));
    EXPECT_EQ(map.loss_behind(last_forward("web") - 1).passed, -299);
    EXPECT_EQ(map.at(last_forward("web")).station.text(), "web: IPv4 forward, priority 1");
    EXPECT_FALSE(planned.at(last_forward("web")).has_room_for(planned.at(last_forward("")), 1))
        << "another namespace";
}

/// A chain that comes before the next hook's first station drops packets that passed the last one here.
TEST(StationPlan, NewChainsMayStandBeforeTheNextHooksFirstStation) {
    const netfilter::Ruleset ruleset = chains_at(Hook::forward, {0});
    std::vector<pathtrace::StationState> attached;
    std::optional<std::uint32_t> last, first_forward;
    for (const pathtrace::Station& its : pathtrace::plan_stations(ruleset, {"eth0"})) {
        const auto index = static_cast<std::uint32_t>(attached.size());
        if (its.pf == NFPROTO_IPV4 && its.hook == NF_INET_PRE_ROUTING &&
            its.kind == pathtrace::Station::Kind::netfilter) {
            last = index;
        }
        if (its.pf == NFPROTO_IPV4 && its.hook == NF_INET_FORWARD && !first_forward) {
            first_forward = index;
        }
        attached.push_back({.station = its, .attached = true});
    }
    ASSERT_TRUE(last && first_forward);
    const pathtrace::StationMap map(attached, ruleset);
    const netfilter::Loss loss = map.loss_behind_with_new_chains(*last);
    ASSERT_EQ(loss.or_behind.size(), 2U);
    EXPECT_EQ(loss.or_behind[0].hook, Hook::input);
    EXPECT_EQ(loss.or_behind[0].up_to, 0);
    EXPECT_EQ(loss.or_behind[1].hook, Hook::forward);
    EXPECT_EQ(loss.or_behind[1].up_to, -1);
    EXPECT_TRUE(map.loss_behind_with_new_chains(*first_forward).or_behind.empty())
        << "the next station of its own hook bounds it";
    EXPECT_EQ(map.loss_anywhere_behind(*first_forward).up_to, std::nullopt);
    const netfilter::Loss from_outside = map.loss_behind_with_new_chains(0);
    ASSERT_EQ(from_outside.or_behind.size(), 2U) << "PREROUTING of both families";
    EXPECT_EQ(from_outside.or_behind[0].up_to, -201);
}

TEST(StationPlan, HasRoomForAStationInItsGapAlone) {
    const pathtrace::Station later{
        .pf = NFPROTO_IPV4, .hook = NF_INET_FORWARD, .priority = 1, .up_to = 4};
    const pathtrace::Station earlier{
        .pf = NFPROTO_IPV4, .hook = NF_INET_FORWARD, .priority = -1, .up_to = -9};
    const pathtrace::Station elsewhere{.pf = NFPROTO_IPV4, .hook = NF_INET_LOCAL_IN, .priority = 1};
    EXPECT_TRUE(later.has_room_for(earlier, 1));
    EXPECT_TRUE(later.has_room_for(earlier, 4));
    EXPECT_FALSE(later.has_room_for(earlier, 5));
    EXPECT_TRUE(earlier.has_room_for(later, -9));
    EXPECT_FALSE(earlier.has_room_for(later, 0));
    EXPECT_FALSE(later.has_room_for(elsewhere, 1));
    EXPECT_FALSE(elsewhere.has_room_for(elsewhere, 2)) << "nowhere else";
}

}  // namespace
}  // namespace flowstamp
