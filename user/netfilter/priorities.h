// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Netfilter priorities: which are in use, and their names.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "user/netfilter/ruleset.h"

namespace flowstamp::netfilter {

/// A part of the kernel that handles packets at a netfilter priority of its own and may drop them
/// there (linux/netfilter_ipv4.h, linux/netfilter_ipv6.h).
struct KernelHook {
    int priority;
    std::string_view name;     ///< "connection tracking"
    std::string_view look_at;  ///< the sysctl or command to look at
    bool prerouting, input, forward, output, postrouting;

    [[nodiscard]] bool at(NetfilterHook hook) const;
};

/// Those of IPv4 and IPv6, by ascending priority. Whether they are active on this host is unknown
/// here: connection tracking is if a rule needs it, SELinux if it is in use.
[[nodiscard]] std::span<const KernelHook> kernel_hooks();

/// A priority in use at one hook.
struct PriorityInUse {
    int priority = 0;
    bool has_chains = false;                ///< base chains of the ruleset
    const KernelHook* by_kernel = nullptr;  ///< nullptr: none of the kernel's own

    friend bool operator==(const PriorityInUse&, const PriorityInUse&) = default;
};

/// Whether packets of `family` (ip, ip6, bridge, arp; netdev at ingress and egress) pass a chain of
/// `table` at `hook`: inet tables apply to both IPs and to netdev hooks. Never for a dormant table.
[[nodiscard]] bool is_called(const Table& table, const Chain& chain, TableFamily family,
                             NetfilterHook hook, std::string_view device = {});

/// All priorities that packets of `family` pass at `hook`, ascending. `device` only for ingress and
/// egress; empty: any.
[[nodiscard]] std::vector<PriorityInUse> priorities_in_use(const Ruleset& ruleset,
                                                           TableFamily family, NetfilterHook hook,
                                                           std::string_view device = {});

/// As nft prints it: "filter", "mangle - 5", "-400" (man nft, "Standard priority names"; a name
/// covers offsets of at most 10).
[[nodiscard]] std::string priority_name(TableFamily family, NetfilterHook hook, int priority);

}  // namespace flowstamp::netfilter
