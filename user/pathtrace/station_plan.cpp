// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/station_plan.h"

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace flowstamp::pathtrace {

namespace {

constexpr std::array<std::uint8_t, 2> kFamilies = {NFPROTO_IPV4, NFPROTO_IPV6};
constexpr std::array<std::uint8_t, 5> kHooks = {NF_INET_PRE_ROUTING, NF_INET_LOCAL_IN,
                                                NF_INET_FORWARD, NF_INET_LOCAL_OUT,
                                                NF_INET_POST_ROUTING};

/// Of the kernel's own hooks, only connection tracking drops packets without having been configured
/// to do so.
bool is_reported(const netfilter::PriorityInUse& its) {
    return its.has_chains ||
           (its.by_kernel != nullptr && its.by_kernel->priority == NF_IP_PRI_CONNTRACK);
}

std::vector<netfilter::PriorityInUse> reported_priorities(const netfilter::Ruleset& ruleset,
                                                          std::uint8_t pf, std::uint8_t hook) {
    std::vector<netfilter::PriorityInUse> found =
        netfilter::priorities_in_use(ruleset, family_of(pf), hook_of(hook));
    std::erase_if(found, [](const netfilter::PriorityInUse& its) { return !is_reported(its); });
    return found;
}

/// A gap between priorities in use: where a station is wanted in it, and how far away from what it
/// is beside it may be instead.
struct Gap {
    int wanted;
    int up_to;
};

/// `in_use` of all priorities, including those of the kernel that are not reported.
Gap gap_at(int wanted, bool is_before, const std::vector<netfilter::PriorityInUse>& in_use) {
    int below = INT32_MIN, above = INT32_MAX;
    for (const netfilter::PriorityInUse& its : in_use) {
        if (its.priority == wanted) {
            return {wanted, wanted};
        }
        below = its.priority < wanted ? std::max(below, its.priority) : below;
        above = its.priority > wanted ? std::min(above, its.priority) : above;
    }
    return {wanted, is_before ? below + 1 : above - 1};
}

/// Free priorities next to those reported, ascending; the first precedes all of them.
std::vector<int> boundaries(const std::vector<netfilter::PriorityInUse>& in_use) {
    std::set<int> taken;
    for (const netfilter::PriorityInUse& its : in_use) {
        taken.insert(its.priority);
    }
    std::set<int> free;
    for (const int priority : taken) {
        for (const int beside : {priority - 1, priority + 1}) {
            if (priority > INT32_MIN + 2 && priority < INT32_MAX - 2 && !taken.contains(beside)) {
                free.insert(beside);
            }
        }
    }
    if (free.empty()) {
        free.insert(0);
    }
    // Two stations with nothing between them would see the same packets.
    std::vector<int> wanted;
    for (const int priority : free) {
        const bool apart =
            wanted.empty() || taken.upper_bound(wanted.back()) != taken.upper_bound(priority);
        if (apart) {
            wanted.push_back(priority);
        }
    }
    return wanted;
}

/// Where stations are needed in a hook. The first is before all that is reported, the others are each
/// after something.
std::vector<Gap> gaps(const netfilter::Ruleset& ruleset, std::uint8_t pf, std::uint8_t hook) {
    const std::vector<netfilter::PriorityInUse> reported = reported_priorities(ruleset, pf, hook);
    const std::vector<netfilter::PriorityInUse> all =
        netfilter::priorities_in_use(ruleset, family_of(pf), hook_of(hook));
    std::vector<Gap> found;
    for (const int wanted : boundaries(reported)) {
        const bool is_before = !reported.empty() && wanted < reported.front().priority;
        found.push_back(gap_at(wanted, is_before, all));
    }
    return found;
}

/// The families of packets that pass it.
std::vector<std::uint8_t> families_of(const Station& its) {
    if (its.kind == Station::Kind::netfilter) {
        return {its.pf};
    }
    return {kFamilies.begin(), kFamilies.end()};
}

enum class HowFar { next, to_the_end };

/// The hooks that a packet passes next, whatever becomes of it; or all.
std::vector<std::uint8_t> hooks_after(const Station& its, HowFar how_far = HowFar::next) {
    const bool is_all = how_far == HowFar::to_the_end;
    if (its.kind == Station::Kind::tc_egress) {
        return {};
    }
    if (its.kind == Station::Kind::tc_ingress) {
        return is_all ? std::vector<std::uint8_t>{NF_INET_PRE_ROUTING, NF_INET_LOCAL_IN,
                                                  NF_INET_FORWARD, NF_INET_POST_ROUTING}
                      : std::vector<std::uint8_t>{NF_INET_PRE_ROUTING};
    }
    switch (its.hook) {
        case NF_INET_PRE_ROUTING:
            return is_all ? std::vector<std::uint8_t>{NF_INET_LOCAL_IN, NF_INET_FORWARD,
                                                      NF_INET_POST_ROUTING}
                          : std::vector<std::uint8_t>{NF_INET_LOCAL_IN, NF_INET_FORWARD};
        case NF_INET_FORWARD:
        case NF_INET_LOCAL_OUT:
            return {NF_INET_POST_ROUTING};
        default:
            return {};
    }
}

std::size_t place_of(std::uint8_t pf, std::uint8_t hook) {
    return (pf == NFPROTO_IPV4 ? 0 : kHooks.size()) + hook;
}

/// The names of what is at a priority: "filter", "connection tracking", "BPF program guard (id 12)".
std::vector<std::string> names_at(const netfilter::Ruleset& ruleset,
                                  const netfilter::PriorityInUse& its,
                                  netfilter::TableFamily family, netfilter::NetfilterHook hook) {
    std::vector<std::string> names;
    bool has_tables = false;
    for (const netfilter::Table& table : ruleset.tables) {
        for (const netfilter::Chain& chain : table.chains) {
            if (!netfilter::is_called(table, chain, family, hook) ||
                chain.base->priority != its.priority) {
                continue;
            }
            if (table.tool == netfilter::RulesetTool::bpf) {
                names.push_back(chain.rules.front().text);
            }
            has_tables = has_tables || table.tool != netfilter::RulesetTool::bpf;
        }
    }
    if (has_tables) {
        names.insert(names.begin(), netfilter::priority_name(family, hook, its.priority));
    } else if (its.by_kernel != nullptr) {
        names.insert(names.begin(), std::string(its.by_kernel->name));
    }
    return names;
}

}  // namespace

netfilter::TableFamily family_of(std::uint8_t pf) {
    return pf == NFPROTO_IPV4 ? netfilter::TableFamily::ip : netfilter::TableFamily::ip6;
}

netfilter::NetfilterHook hook_of(std::uint8_t hook) {
    switch (hook) {
        case NF_INET_PRE_ROUTING:
            return netfilter::NetfilterHook::prerouting;
        case NF_INET_LOCAL_IN:
            return netfilter::NetfilterHook::input;
        case NF_INET_FORWARD:
            return netfilter::NetfilterHook::forward;
        case NF_INET_LOCAL_OUT:
            return netfilter::NetfilterHook::output;
        default:
            return netfilter::NetfilterHook::postrouting;
    }
}

std::vector<Station> plan_stations(const netfilter::Ruleset& ruleset,
                                   const std::vector<std::string>& interfaces,
                                   const std::string& netns) {
    std::vector<Station> stations;
    stations.reserve(2 * interfaces.size());
    for (const std::string& interface : interfaces) {
        stations.push_back({.kind = Station::Kind::tc_ingress, .interface = interface});
    }
    for (const std::uint8_t pf : kFamilies) {
        for (const std::uint8_t hook : kHooks) {
            for (const Gap& gap : gaps(ruleset, pf, hook)) {
                stations.push_back({.kind = Station::Kind::netfilter,
                                    .pf = pf,
                                    .hook = hook,
                                    .priority = gap.wanted,
                                    .up_to = gap.up_to});
            }
        }
    }
    for (const std::string& interface : interfaces) {
        stations.push_back({.kind = Station::Kind::tc_egress, .interface = interface});
    }
    for (Station& its : stations) {
        its.netns = netns;
    }
    return stations;
}

StationMap::StationMap(std::vector<StationState> stations, const netfilter::Ruleset& ruleset)
    : stations_(std::move(stations)) {
    learn({}, ruleset);
}

void StationMap::learn(const std::string& netns, const netfilter::Ruleset& ruleset) {
    std::vector<std::map<int, std::vector<std::string>>> in_use;
    for (const std::uint8_t pf : kFamilies) {
        for (const std::uint8_t hook : kHooks) {
            std::map<int, std::vector<std::string>>& names = in_use.emplace_back();
            for (const netfilter::PriorityInUse& its : reported_priorities(ruleset, pf, hook)) {
                names[its.priority] = names_at(ruleset, its, family_of(pf), hook_of(hook));
            }
        }
    }
    in_use_[netns] = std::move(in_use);
}

/// The priority of the next station of the same hook, in either direction.
std::optional<int> StationMap::neighbour(std::uint32_t index, bool before) const {
    const Station& its = stations_.at(index).station;
    std::optional<int> nearest;
    for (const StationState& other : stations_) {
        const Station& station = other.station;
        if (!other.attached || station.kind != Station::Kind::netfilter || station.pf != its.pf ||
            station.hook != its.hook || station.netns != its.netns) {
            continue;
        }
        if (before && station.priority < its.priority) {
            nearest = std::max(nearest.value_or(station.priority), station.priority);
        } else if (!before && station.priority > its.priority) {
            nearest = std::min(nearest.value_or(station.priority), station.priority);
        }
    }
    return nearest;
}

std::string StationMap::part_of(std::uint32_t index) const {
    const Station& its = stations_.at(index).station;
    switch (its.kind) {
        case Station::Kind::tc_ingress:
            return within_netns(its.netns, its.interface + " in");
        case Station::Kind::tc_egress:
            return within_netns(its.netns, its.interface + " out");
        case Station::Kind::netfilter:
            break;
    }
    return within_netns(its.netns, std::string(netfilter::name_of(hook_of(its.hook))));
}

std::vector<std::string> StationMap::names_between(const Station& its, int above, int below) const {
    std::vector<std::string> names;
    for (const auto& [priority, its_names] : in_use_.at(its.netns).at(place_of(its.pf, its.hook))) {
        if (priority > above && priority < below) {
            names.insert(names.end(), its_names.begin(), its_names.end());
        }
    }
    return names;
}

std::vector<std::string> StationMap::passed_before(std::uint32_t index) const {
    const Station& its = stations_.at(index).station;
    const auto before =
        its.kind == Station::Kind::netfilter ? neighbour(index, true) : std::nullopt;
    return before ? names_between(its, *before, its.priority) : std::vector<std::string>();
}

std::vector<std::string> StationMap::passed_next(std::uint32_t index) const {
    const Station& its = stations_.at(index).station;
    const auto next = its.kind == Station::Kind::netfilter ? neighbour(index, false) : std::nullopt;
    return next ? names_between(its, its.priority, *next) : std::vector<std::string>();
}

bool StationMap::is_last(std::uint32_t index) const {
    return knows(index) && at(index).station.kind == Station::Kind::netfilter &&
           !neighbour(index, false);
}

netfilter::Loss StationMap::loss_behind(std::uint32_t index) const {
    const Station& its = stations_.at(index).station;
    // nf_tables' device hooks run after tc at ingress and before tc at egress. After tc egress only
    // another device's hook follows, such as that of a VLAN's parent.
    if (its.kind == Station::Kind::tc_ingress) {
        return {.family = netfilter::TableFamily::netdev,
                .hook = netfilter::NetfilterHook::ingress,
                .device = its.interface};
    }
    if (its.kind == Station::Kind::tc_egress) {
        return {.family = netfilter::TableFamily::netdev,
                .hook = netfilter::NetfilterHook::egress,
                .device = {}};
    }
    const std::optional<int> next = neighbour(index, false);
    return {.family = family_of(its.pf),
            .hook = hook_of(its.hook),
            .passed = its.priority,
            .up_to = next,
            .device = {},
            .or_at_egress = its.hook == NF_INET_POST_ROUTING && !next};
}

/// The priority of a hook's first station, in the same namespace.
std::optional<int> StationMap::first_in(const Station& other, std::uint8_t pf,
                                        std::uint8_t hook) const {
    std::optional<int> first;
    for (const auto& [its, attached, wanted, taken] : stations_) {
        if (attached && its.kind == Station::Kind::netfilter && its.netns == other.netns &&
            its.pf == pf && its.hook == hook) {
            first = std::min(first.value_or(its.priority), its.priority);
        }
    }
    return first;
}

netfilter::Loss StationMap::loss_behind_with_new_chains(std::uint32_t index) const {
    netfilter::Loss loss = loss_behind(index);
    const Station& its = stations_.at(index).station;
    if (loss.up_to) {
        return loss;
    }
    for (const std::uint8_t pf : families_of(its)) {
        for (const std::uint8_t hook : hooks_after(its)) {
            loss.or_behind.push_back({.family = family_of(pf),
                                      .hook = hook_of(hook),
                                      .passed = {},
                                      .up_to = first_in(its, pf, hook),
                                      .device = {}});
        }
    }
    return loss;
}

netfilter::Loss StationMap::loss_anywhere_behind(std::uint32_t index) const {
    const Station& its = stations_.at(index).station;
    netfilter::Loss loss = loss_behind(index);
    loss.up_to.reset();
    for (const std::uint8_t pf : families_of(its)) {
        for (const std::uint8_t hook : hooks_after(its, HowFar::to_the_end)) {
            loss.or_behind.push_back({.family = family_of(pf),
                                      .hook = hook_of(hook),
                                      .passed = {},
                                      .up_to = {},
                                      .device = {},
                                      .or_at_egress = hook == NF_INET_POST_ROUTING});
        }
    }
    return loss;
}

}  // namespace flowstamp::pathtrace
