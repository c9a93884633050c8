// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/netfilter/iptables_chains.h"

#include <linux/netfilter_ipv4.h>

#include <algorithm>
#include <array>
#include <utility>

namespace flowstamp::netfilter {
namespace {

using Hook = NetfilterHook;
using NamedHook = std::pair<std::string_view, Hook>;

constexpr std::array kHooks{
    NamedHook{"PREROUTING", Hook::prerouting},   NamedHook{"INPUT", Hook::input},
    NamedHook{"FORWARD", Hook::forward},         NamedHook{"OUTPUT", Hook::output},
    NamedHook{"POSTROUTING", Hook::postrouting},
};

/// Priority of the table "security" in iptables-nft (iptables/nft.c), unlike the kernel's own.
constexpr int kSecurityOfNft = 150;

/// The table's priority at this hook; nothing if it has no chain there.
std::optional<int> priority(std::string_view table, Hook hook) {
    const bool first = hook == Hook::prerouting || hook == Hook::output;
    const bool last = hook == Hook::postrouting || hook == Hook::input;
    if (table == "raw" && first) {
        return NF_IP_PRI_RAW;
    }
    if (table == "mangle") {
        return NF_IP_PRI_MANGLE;
    }
    if (table == "nat" && (first || last)) {
        return first ? NF_IP_PRI_NAT_DST : NF_IP_PRI_NAT_SRC;
    }
    const bool middle = hook == Hook::input || hook == Hook::forward || hook == Hook::output;
    if (table == "filter" && middle) {
        return NF_IP_PRI_FILTER;
    }
    if (table == "security" && middle) {
        return NF_IP_PRI_SECURITY;
    }
    return std::nullopt;
}

}  // namespace

std::optional<BaseChain> iptables_base_chain(std::string_view table, std::string_view chain) {
    const auto hook = std::ranges::find(kHooks, chain, &NamedHook::first);
    if (hook == kHooks.end()) {
        return std::nullopt;
    }
    const std::optional<int> at = priority(table, hook->second);
    if (!at) {
        return std::nullopt;
    }
    BaseChain base;
    base.hook = hook->second;
    base.priority = *at;
    return base;
}

bool shaped_by_iptables(const Table& table) {
    if (table.family != TableFamily::ip && table.family != TableFamily::ip6) {
        return false;
    }
    bool any = false;
    for (const Chain& chain : table.chains) {
        if (!chain.base) {
            continue;
        }
        any = true;
        const auto wanted = iptables_base_chain(table.name, chain.name);
        if (!wanted || wanted->hook != chain.base->hook ||
            (wanted->priority != chain.base->priority &&
             !(table.name == "security" && chain.base->priority == kSecurityOfNft))) {
            return false;
        }
    }
    return any;
}

}  // namespace flowstamp::netfilter
