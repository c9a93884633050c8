// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/lab/lan.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <span>
#include <utility>

#include "user/lab/readiness.h"

namespace flowstamp::lab {
namespace {

constexpr std::array<const char*, 4> kRoles = {"client", "server", "router", "switch"};
constexpr std::array<const char*, 3> kAddresses = {"192.0.2.10", "192.0.2.20", "192.0.2.1"};
constexpr const char* kInterface = "lan";

Status set_up_kernel(const Namespace& host) {
    const std::array<std::pair<const char*, const char*>, 7> settings = {{
        {"net.ipv6.conf.all.disable_ipv6", "1"},
        {"net.ipv6.conf.default.disable_ipv6", "1"},
        {"net.ipv4.conf.all.rp_filter", "0"},
        {"net.ipv4.conf.default.rp_filter", "0"},
        {"net.ipv4.conf.all.send_redirects", "0"},
        {"net.ipv4.conf.default.send_redirects", "0"},
        {"net.ipv4.ip_forward", host.role() == "router" ? "1" : "0"},
    }};
    for (const auto& [key, value] : settings) {
        if (Status set = host.set_sysctl(key, value); !set) {
            return set;
        }
    }
    return {};
}

/// Input for `ip -batch` inside that host.
std::string commands_of(std::span<const Namespace> hosts, std::size_t host) {
    std::string batch = "link set lo up\n";
    if (host == kAddresses.size()) {
        batch += "link add name bridge type bridge\nlink set bridge up\n";
        for (std::size_t i = 0; i < kAddresses.size(); ++i) {
            batch += fmt::format("link set to-{0} master bridge\nlink set to-{0} up\n", kRoles[i]);
        }
        return batch;
    }
    batch += fmt::format("addr add {}/24 dev {}\nlink set {} up\n", kAddresses[host], kInterface,
                         kInterface);
    return batch + (hosts[host].role() == "router"
                        ? fmt::format("addr add {}/32 dev lo\n", Lan::public_address().text())
                        : fmt::format("route add default via {}\n", kAddresses.back()));
}

}  // namespace

Result<Lan> Lan::create() {
    if (geteuid() != 0) {
        return fail_errno("create", "lan", EPERM, "run as root, or through sudo");
    }
    if (Status removed = remove_stale_namespaces(); !removed) {
        return std::unexpected(removed.error());
    }
    const std::string prefix = next_name_prefix();
    std::vector<std::string> names;
    names.reserve(std::size(kRoles));
    for (const char* role : kRoles) {
        names.push_back(prefix + role);
    }
    Result<NetnsReaper> reaper = NetnsReaper::start(names);
    if (!reaper) {
        return std::unexpected(reaper.error());
    }
    Lan lan(std::move(*reaper));
    Status built = lan.build(prefix);
    if (built) {
        built = lan.connect();
    }
    return built ? Result<Lan>(std::move(lan)) : std::unexpected(built.error());
}

Status Lan::build(const std::string& prefix) {
    for (const char* role : kRoles) {
        const std::string name = prefix + role;
        if (Status added = require_command({"ip", "netns", "add", name}); !added) {
            return added;
        }
        Result<Namespace> opened = Namespace::open(role, name);
        if (!opened) {
            return std::unexpected(opened.error());
        }
        if (Status set = set_up_kernel(*opened); !set) {
            return set;
        }
        hosts_.push_back(std::move(*opened));
    }
    return {};
}

Status Lan::connect() {
    std::string cables;
    for (std::size_t i = 0; i < kAddresses.size(); ++i) {
        hosts_[i].set_interface(Side::Server, {.name = kInterface,
                                               .mac = {},
                                               .ipv4 = IpAddress::of(kAddresses[i]),
                                               .ipv6 = {},
                                               .neighbour_mac = {},
                                               .neighbour_ipv4 = {},
                                               .neighbour_ipv6 = {}});
        cables += fmt::format("link add name {} netns {} type veth peer name to-{} netns {}\n",
                              kInterface, hosts_[i].name(), kRoles[i], hosts_.back().name());
    }
    if (Status laid = require_command({"ip", "-batch", "-"}, cables); !laid) {
        return laid;
    }
    for (std::size_t i = hosts_.size(); i-- > 0;) {  // the switch first: its ports must be up
        if (Status done = hosts_[i].require({"ip", "-batch", "-"}, commands_of(hosts_, i)); !done) {
            return done;
        }
    }
    for (std::size_t i = 0; i < kAddresses.size(); ++i) {
        if (Status up = await_link(hosts_[i], kInterface); !up) {
            return up;
        }
        if (Status up = await_link(hosts_.back(), std::string("to-") + kRoles[i]); !up) {
            return up;
        }
    }
    return {};
}

}  // namespace flowstamp::lab
