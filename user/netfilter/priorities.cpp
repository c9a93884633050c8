// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/netfilter/priorities.h"

#include <fmt/format.h>
#include <linux/netfilter_ipv4.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>

namespace flowstamp::netfilter {
namespace {

using Hook = NetfilterHook;

constexpr std::array kKernelHooks{
    KernelHook{.priority = NF_IP_PRI_CONNTRACK_DEFRAG,
               .name = "reassembly of fragments",
               .look_at = "nstat -az 'IpReasm*' 'Ip6Reasm*'",
               .prerouting = true,
               .input = false,
               .forward = false,
               .output = true,
               .postrouting = false},
    KernelHook{.priority = NF_IP_PRI_SELINUX_FIRST,
               .name = "SELinux",
               .look_at = "ausearch -m avc -ts recent",
               .prerouting = false,
               .input = false,
               .forward = true,
               .output = true,
               .postrouting = false},
    KernelHook{.priority = NF_IP_PRI_CONNTRACK,
               .name = "connection tracking",
               .look_at = "conntrack -S; sysctl net.netfilter.nf_conntrack_max",
               .prerouting = true,
               .input = false,
               .forward = false,
               .output = true,
               .postrouting = false},
    KernelHook{.priority = NF_IP_PRI_SELINUX_LAST,
               .name = "SELinux",
               .look_at = "ausearch -m avc -ts recent",
               .prerouting = false,
               .input = false,
               .forward = false,
               .output = false,
               .postrouting = true},
    KernelHook{.priority = NF_IP_PRI_CONNTRACK_CONFIRM,
               .name = "connection tracking (confirmation)",
               .look_at = "conntrack -S; sysctl net.netfilter.nf_conntrack_max",
               .prerouting = false,
               .input = true,
               .forward = false,
               .output = false,
               .postrouting = true},
};

bool has_device(const BaseChain& base, std::string_view device) {
    return device.empty() || base.devices.empty() ||
           std::ranges::any_of(base.devices, [&](std::string_view name) {
               return name.ends_with('*') ? device.starts_with(name.substr(0, name.size() - 1))
                                          : name == device;
           });
}

struct StandardName {
    std::string_view name;
    int priority;
    std::optional<Hook> only_at{};
};

constexpr std::array kIpNames{
    StandardName{"raw", NF_IP_PRI_RAW},
    StandardName{"mangle", NF_IP_PRI_MANGLE},
    StandardName{"dstnat", NF_IP_PRI_NAT_DST, Hook::prerouting},
    StandardName{"filter", NF_IP_PRI_FILTER},
    StandardName{"security", NF_IP_PRI_SECURITY},
    StandardName{"srcnat", NF_IP_PRI_NAT_SRC, Hook::postrouting},
};

/// linux/netfilter_bridge.h, enum nf_br_hook_priorities
constexpr std::array kBridgeNames{
    StandardName{"dstnat", -300, Hook::prerouting},
    StandardName{"filter", -200},
    StandardName{"out", 100, Hook::output},
    StandardName{"srcnat", 300, Hook::postrouting},
};

constexpr std::array kOtherNames{StandardName{"filter", 0}};

std::span<const StandardName> standard_names(TableFamily family) {
    switch (family) {
        case TableFamily::bridge:
            return kBridgeNames;
        case TableFamily::arp:
        case TableFamily::netdev:
            return kOtherNames;
        default:
            return kIpNames;
    }
}

}  // namespace

bool KernelHook::at(NetfilterHook hook) const {
    switch (hook) {
        case Hook::prerouting:
            return prerouting;
        case Hook::input:
            return input;
        case Hook::forward:
            return forward;
        case Hook::output:
            return output;
        case Hook::postrouting:
            return postrouting;
        default:
            return false;
    }
}

std::span<const KernelHook> kernel_hooks() {
    return kKernelHooks;
}

bool is_called(const Table& table, const Chain& chain, TableFamily family, NetfilterHook hook,
               std::string_view device) {
    if (table.dormant || !chain.base || chain.base->hook != hook) {
        return false;
    }
    if (hook == Hook::ingress || hook == Hook::egress) {
        return has_device(*chain.base, device);
    }
    const bool is_ip = family == TableFamily::ip || family == TableFamily::ip6;
    return table.family == family || (table.family == TableFamily::inet && is_ip);
}

std::vector<PriorityInUse> priorities_in_use(const Ruleset& ruleset, TableFamily family,
                                             NetfilterHook hook, std::string_view device) {
    std::map<int, PriorityInUse> found;
    for (const Table& table : ruleset.tables) {
        for (const Chain& chain : table.chains) {
            if (is_called(table, chain, family, hook, device)) {
                found[chain.base->priority].has_chains = true;
            }
        }
    }
    if (family == TableFamily::ip || family == TableFamily::ip6) {
        for (const KernelHook& kernel : kKernelHooks) {
            if (kernel.at(hook)) {
                found[kernel.priority].by_kernel = &kernel;
            }
        }
    }
    std::vector<PriorityInUse> all;
    for (auto& [priority, use] : found) {
        use.priority = priority;
        all.push_back(use);
    }
    return all;
}

std::string priority_name(TableFamily family, NetfilterHook hook, int priority) {
    constexpr std::int64_t reach = 10;
    const StandardName* nearest = nullptr;
    std::int64_t offset = 0;
    for (const StandardName& name : standard_names(family)) {
        const std::int64_t distance = std::int64_t{priority} - name.priority;
        if ((!name.only_at || name.only_at == hook) && std::abs(distance) <= reach) {
            nearest = &name;
            offset = distance;
        }
    }
    if (nearest == nullptr) {
        return fmt::format("{}", priority);
    }
    if (offset == 0) {
        return std::string(nearest->name);
    }
    return fmt::format("{} {} {}", nearest->name, offset < 0 ? '-' : '+', std::abs(offset));
}

}  // namespace flowstamp::netfilter
