// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/lab/topology.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "user/lab/readiness.h"

namespace flowstamp::lab {
namespace {

/// The subnet of the link between hosts `link` and `link + 1`, counted from the client.
/// Documentation ranges (RFC 5737, RFC 3849): a /24 at each end, /30s of 192.0.2.0/24 between.
struct Subnet {
    std::string ipv4_network, ipv4_near, ipv4_far;
    unsigned ipv4_prefix;
    std::string ipv6_network, ipv6_near, ipv6_far;
};

Subnet subnet_of(unsigned link, unsigned links) {
    const bool first = link == 0, last = link + 1 == links;
    const std::string ipv6 = first  ? std::string("2001:db8:100")
                             : last ? std::string("2001:db8:113")
                                    : fmt::format("2001:db8:{:x}", link);
    Subnet subnet{.ipv4_network = {},
                  .ipv4_near = {},
                  .ipv4_far = {},
                  .ipv4_prefix = 24,
                  .ipv6_network = ipv6 + "::/64",
                  .ipv6_near = ipv6 + "::1",
                  .ipv6_far = ipv6 + "::2"};
    if (first) {
        subnet.ipv4_network = "198.51.100.0";
        subnet.ipv4_near = "198.51.100.2";  // the client
        subnet.ipv4_far = "198.51.100.1";
        std::swap(subnet.ipv6_near, subnet.ipv6_far);
    } else if (last) {
        subnet.ipv4_network = "203.0.113.0";
        subnet.ipv4_near = "203.0.113.1";
        subnet.ipv4_far = "203.0.113.2";  // the server
    } else {
        subnet.ipv4_prefix = 30;
        subnet.ipv4_network = fmt::format("192.0.2.{}", 4 * link);
        subnet.ipv4_near = fmt::format("192.0.2.{}", 4 * link + 1);
        subnet.ipv4_far = fmt::format("192.0.2.{}", 4 * link + 2);
    }
    return subnet;
}

std::string role_of(unsigned host, unsigned hosts) {
    return host == 0 ? "client" : host + 1 == hosts ? "server" : fmt::format("router{}", host);
}

/// Locally administered: 02:00:00:00:HOST:01 toward the client, :02 toward the server.
MacAddress mac_of(unsigned host, Side toward) {
    return {{2, 0, 0, 0, static_cast<std::uint8_t>(host),
             static_cast<std::uint8_t>(toward == Side::Client ? 1 : 2)}};
}

/// The two interfaces of a link, each with the other as its neighbour.
void describe_link(std::vector<Namespace>& hosts, unsigned link) {
    const unsigned links = static_cast<unsigned>(hosts.size()) - 1;
    const Subnet subnet = subnet_of(link, links);
    Interface near{.name = "to-" + hosts[link + 1].role(),
                   .mac = mac_of(link, Side::Server),
                   .ipv4 = IpAddress::of(subnet.ipv4_near.c_str()),
                   .ipv6 = IpAddress::of(subnet.ipv6_near.c_str()),
                   .neighbour_mac = mac_of(link + 1, Side::Client),
                   .neighbour_ipv4 = IpAddress::of(subnet.ipv4_far.c_str()),
                   .neighbour_ipv6 = IpAddress::of(subnet.ipv6_far.c_str())};
    Interface far{.name = "to-" + hosts[link].role(),
                  .mac = near.neighbour_mac,
                  .ipv4 = near.neighbour_ipv4,
                  .ipv6 = near.neighbour_ipv6,
                  .neighbour_mac = near.mac,
                  .neighbour_ipv4 = near.ipv4,
                  .neighbour_ipv6 = near.ipv6};
    hosts[link].set_interface(Side::Server, std::move(near));
    hosts[link + 1].set_interface(Side::Client, std::move(far));
}

/// Settings that new interfaces inherit, so they are made before any interface.
Status set_up_kernel(const Namespace& host, bool router, const LabOptions& options) {
    std::vector<std::pair<std::string, std::string>> settings{
        {"net.ipv4.conf.all.rp_filter", "0"},
        {"net.ipv4.conf.default.rp_filter", "0"},
        {"net.ipv6.conf.default.accept_dad", "0"},
        {"net.ipv6.conf.default.dad_transmits", "0"},
        {"net.ipv6.conf.default.accept_ra", "0"},
        {"net.ipv6.conf.default.router_solicitations", "0"},
        {"net.ipv6.conf.all.disable_ipv6", "0"},
        {"net.ipv6.conf.default.disable_ipv6", "0"},
        // One connection's metrics must not influence the next one.
        {"net.ipv4.tcp_no_metrics_save", "1"},
        {"net.ipv4.ip_forward", router ? "1" : "0"},
        {"net.ipv6.conf.all.forwarding", router ? "1" : "0"},
    };
    if (host.role() == "server" && options.server_default_ttl) {
        const std::string ttl = fmt::format("{}", *options.server_default_ttl);
        settings.emplace_back("net.ipv4.ip_default_ttl", ttl);
        settings.emplace_back("net.ipv6.conf.default.hop_limit", ttl);
        settings.emplace_back("net.ipv6.conf.all.hop_limit", ttl);
    }
    for (const auto& [key, value] : settings) {
        if (Status set = host.set_sysctl(key, value); !set) {
            return set;
        }
    }
    return {};
}

std::string veth_commands(const std::vector<Namespace>& hosts, unsigned mtu) {
    std::string batch;
    for (std::size_t link = 0; link + 1 < hosts.size(); ++link) {
        const Interface& near = hosts[link].toward(Side::Server);
        const Interface& far = hosts[link + 1].toward(Side::Client);
        batch += fmt::format(
            "link add name {} netns {} mtu {} address {} type veth"
            " peer name {} netns {} mtu {} address {}\n",
            near.name, hosts[link].name(), mtu, near.mac.text(), far.name, hosts[link + 1].name(),
            mtu, far.mac.text());
    }
    return batch;
}

std::string link_up_commands(const Namespace& host) {
    std::string batch = "link set lo up\n";
    for (const Side side : {Side::Client, Side::Server}) {
        if (host.has(side)) {
            batch += fmt::format("link set {} up\n", host.toward(side).name);
        }
    }
    return batch;
}

std::string address_commands(const std::vector<Namespace>& hosts, unsigned host) {
    const unsigned links = static_cast<unsigned>(hosts.size()) - 1;
    std::string batch;
    for (const Side side : {Side::Client, Side::Server}) {
        if (!hosts[host].has(side)) {
            continue;
        }
        const Interface& own = hosts[host].toward(side);
        const unsigned link = side == Side::Client ? host - 1 : host;
        batch += fmt::format("addr add {}/{} dev {}\n", own.ipv4.text(),
                             subnet_of(link, links).ipv4_prefix, own.name);
        batch += fmt::format("addr add {}/64 dev {} nodad\n", own.ipv6.text(), own.name);
        for (const IpAddress& neighbour : {own.neighbour_ipv4, own.neighbour_ipv6}) {
            batch += fmt::format("neigh replace {} dev {} lladdr {} nud permanent\n",
                                 neighbour.text(), own.name, own.neighbour_mac.text());
        }
    }
    return batch;
}

/// Default route toward the server; a route of its own for every subnet nearer the client. The
/// server's default route leads to the client.
std::string route_commands(const std::vector<Namespace>& hosts, unsigned host) {
    const unsigned links = static_cast<unsigned>(hosts.size()) - 1;
    const Side by_default = host + 1 == hosts.size() ? Side::Client : Side::Server;
    const Interface& onward = hosts[host].toward(by_default);
    std::string batch;
    if (host + 2 != hosts.size()) {  // behind the last router there is only the server
        batch += fmt::format("route add default via {} dev {}\n", onward.neighbour_ipv4.text(),
                             onward.name);
        batch += fmt::format("route add default via {} dev {}\n", onward.neighbour_ipv6.text(),
                             onward.name);
    }
    for (unsigned link = 0; link + 1 < host && by_default == Side::Server; ++link) {
        const Subnet subnet = subnet_of(link, links);
        const Interface& back = hosts[host].toward(Side::Client);
        batch += fmt::format("route add {}/{} via {} dev {}\n", subnet.ipv4_network,
                             subnet.ipv4_prefix, back.neighbour_ipv4.text(), back.name);
        batch += fmt::format("route add {} via {} dev {}\n", subnet.ipv6_network,
                             back.neighbour_ipv6.text(), back.name);
    }
    return batch;
}

/// Calls `act(side)` for each interface of a host, until it fails.
template <class Act>
Status each_interface(const Namespace& host, const Act& act) {
    for (const Side side : {Side::Client, Side::Server}) {
        if (!host.has(side)) {
            continue;
        }
        if (Status done = act(side); !done) {
            return done;
        }
    }
    return {};
}

Status set_offloads(const Namespace& host, Side toward, bool on) {
    Argv argv{"ethtool", "-K", host.toward(toward).name};
    for (const char* feature : {"tx", "sg", "tso", "gso", "gro"}) {
        argv.insert(argv.end(), {feature, on ? "on" : "off"});
    }
    return host.require(argv);
}

Status masquerade(const Namespace& router) {
    for (const char* iptables : {"iptables", "ip6tables"}) {
        const Argv argv{iptables, "-w",          "-t", "nat",
                        "-A",     "POSTROUTING", "-o", router.toward(Side::Server).name,
                        "-j",     "MASQUERADE"};
        if (Status done = router.require(argv); !done) {
            return done;
        }
    }
    return {};
}

Status check(const LabOptions& options) {
    if (geteuid() != 0) {
        return fail_errno("create", "lab", EPERM, "run as root, or through sudo");
    }
    const bool nat_exists = !options.masquerade_at || (*options.masquerade_at >= 1 &&
                                                       *options.masquerade_at <= options.routers);
    if (options.routers < 1 || options.routers > 60 || options.mtu < 1280 || !nat_exists) {
        return fail_errno("create", "lab", EINVAL);
    }
    return {};
}

constexpr const char* kShortcutInterface = "shortcut";

}  // namespace

Result<Lab> Lab::create(const LabOptions& options) {
    if (Status good = check(options); !good) {
        return std::unexpected(good.error());
    }
    if (Status removed = remove_stale_namespaces(); !removed) {
        return std::unexpected(removed.error());
    }
    const std::string prefix = next_name_prefix();
    std::vector<std::string> names;
    names.reserve(options.routers + 2);
    for (unsigned host = 0; host < options.routers + 2; ++host) {
        names.push_back(prefix + role_of(host, options.routers + 2));
    }
    Result<NetnsReaper> reaper = NetnsReaper::start(names);
    if (!reaper) {
        return std::unexpected(reaper.error());
    }
    Lab lab(prefix, std::move(*reaper));
    if (Status built = lab.build(options); !built) {
        return std::unexpected(built.error());
    }
    return lab;
}

Status Lab::build(const LabOptions& options) {
    if (Status made = make_hosts(options); !made) {
        return made;
    }
    if (Status made = make_links(options); !made) {
        return made;
    }
    for (unsigned host = 0; host < hosts_.size(); ++host) {
        const std::string commands = address_commands(hosts_, host) + route_commands(hosts_, host);
        if (Status done = hosts_[host].require({"ip", "-batch", "-"}, commands); !done) {
            return done;
        }
    }
    for (const Namespace& host : hosts_) {
        const auto ready = [&](Side side) { return await_address(host, side); };
        if (Status done = each_interface(host, ready); !done) {
            return done;
        }
    }
    return options.masquerade_at ? masquerade(router(*options.masquerade_at)) : Status{};
}

Status Lab::make_hosts(const LabOptions& options) {
    const unsigned hosts = options.routers + 2;
    std::string batch;
    for (unsigned host = 0; host < hosts; ++host) {
        batch += fmt::format("netns add {}{}\n", prefix_, role_of(host, hosts));
    }
    if (Status added = require_command({"ip", "-batch", "-"}, batch); !added) {
        return added;
    }
    for (unsigned host = 0; host < hosts; ++host) {
        Result<Namespace> opened =
            Namespace::open(role_of(host, hosts), prefix_ + role_of(host, hosts));
        if (!opened) {
            return std::unexpected(opened.error());
        }
        hosts_.push_back(std::move(*opened));
        const bool router = host != 0 && host + 1 != hosts;
        if (Status set = set_up_kernel(hosts_.back(), router, options); !set) {
            return set;
        }
    }
    return {};
}

Status Lab::make_links(const LabOptions& options) {
    for (unsigned link = 0; link + 1 < hosts_.size(); ++link) {
        describe_link(hosts_, link);
    }
    const std::string batch = veth_commands(hosts_, options.mtu);
    if (Status added = require_command({"ip", "-batch", "-"}, batch); !added) {
        return added;
    }
    for (const Namespace& host : hosts_) {
        if (Status up = host.require({"ip", "-batch", "-"}, link_up_commands(host)); !up) {
            return up;
        }
    }
    for (const Namespace& host : hosts_) {
        const Status ready = each_interface(host, [&](Side side) {
            Status up = await_link(host, side);
            return up && !options.offloads ? set_offloads(host, side, false) : up;
        });
        if (!ready) {
            return ready;
        }
    }
    return {};
}

Status Lab::set_offloads_around(const Namespace& host, bool on) const {
    const auto of_host = [&](Side side) { return set_offloads(host, side, on); };
    if (Status set = each_interface(host, of_host); !set) {
        return set;
    }
    for (std::size_t i = 0; i < hosts_.size(); ++i) {
        if (&hosts_[i] != &host) {
            continue;
        }
        if (i > 0) {
            if (Status set = set_offloads(hosts_[i - 1], Side::Server, on); !set) {
                return set;
            }
        }
        if (i + 1 < hosts_.size()) {
            return set_offloads(hosts_[i + 1], Side::Client, on);
        }
    }
    return {};
}

Result<Shortcut> add_shortcut(const Lab& lab, unsigned near, unsigned far) {
    const Shortcut shortcut{IpAddress::of("192.0.2.249"), IpAddress::of("192.0.2.250")};
    const std::array ends = {std::pair{&lab.router(near), shortcut.near},
                             std::pair{&lab.router(far), shortcut.far}};
    Status done = require_command({"ip", "link", "add", "name", kShortcutInterface, "netns",
                                   ends[0].first->name(), "type", "veth", "peer", "name",
                                   kShortcutInterface, "netns", ends[1].first->name()});
    for (const auto& [host, address] : ends) {
        if (done) {
            done =
                host->require({"ip", "-batch", "-"},
                              fmt::format("addr add {}/30 dev {}\nlink set {} up\n", address.text(),
                                          kShortcutInterface, kShortcutInterface));
        }
    }
    for (const auto& [host, address] : ends) {
        if (done) {
            done = await_link(*host, kShortcutInterface);
        }
    }
    return done ? Result<Shortcut>(shortcut) : std::unexpected(done.error());
}

}  // namespace flowstamp::lab
