// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/netfilter/ruleset.h"

#include <algorithm>
#include <array>
#include <utility>

namespace flowstamp::netfilter {
namespace {

using namespace std::string_view_literals;

constexpr std::array kFamilies{"ip"sv, "ip6"sv, "inet"sv, "bridge"sv, "arp"sv, "netdev"sv};
constexpr std::array kHooks{"prerouting"sv,  "input"sv,   "forward"sv, "output"sv,
                            "postrouting"sv, "ingress"sv, "egress"sv};

template <class Enum, std::size_t N>
std::optional<Enum> named(const std::array<std::string_view, N>& names, std::string_view name) {
    const auto found = std::ranges::find(names, name);
    if (found == names.end()) {
        return std::nullopt;
    }
    return static_cast<Enum>(found - names.begin());
}

template <class AnyTable>
auto* chain_in(AnyTable& table, std::string_view name) {
    const auto found = std::ranges::find(table.chains, name, &Chain::name);
    return found == table.chains.end() ? nullptr : &*found;
}

}  // namespace

std::string_view name_of(TableFamily family) {
    return kFamilies[static_cast<std::size_t>(family)];
}

std::string_view name_of(NetfilterHook hook) {
    return kHooks[static_cast<std::size_t>(hook)];
}

std::string_view name_of(RulesetTool tool, TableFamily family) {
    const bool ip6 = family == TableFamily::ip6;
    switch (tool) {
        case RulesetTool::iptables_nft:
            return ip6 ? "ip6tables-nft" : "iptables-nft";
        case RulesetTool::iptables_legacy:
            return ip6 ? "ip6tables-legacy" : "iptables-legacy";
        case RulesetTool::bpf:
            return "bpf";
        case RulesetTool::nft:
            break;
    }
    return "nft";
}

std::optional<TableFamily> family_named(std::string_view name) {
    return named<TableFamily>(kFamilies, name);
}

std::optional<NetfilterHook> hook_named(std::string_view name) {
    return named<NetfilterHook>(kHooks, name);
}

const Chain* find_chain(const Table& table, std::string_view name) {
    return chain_in(table, name);
}

Chain* find_chain(Table& table, std::string_view name) {
    return chain_in(table, name);
}

}  // namespace flowstamp::netfilter
