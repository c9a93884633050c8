// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// The lab: a path of hosts in network namespaces of this machine, with real kernels and sockets.
//
//     client -- router1 -- router2 -- router3 -- server
//     198.51.100.2                               203.0.113.2
//     2001:db8:100::2                            2001:db8:113::2
//
//     Result<Lab> lab = Lab::create({});
//     DownloadServer server = ...start(lab->server(), ...);
//     DownloadReport report = download(lab->client(), ...);
//
// Interfaces are named after the host at the other end: the client has "to-router1", router2 has
// "to-router1" and "to-router3". Neighbour entries are permanent, so no first packet waits for ARP
// or ND. All settings are per namespace: the machine itself is not changed. Needs root. Several
// labs can coexist. Everything is removed when the Lab is destroyed or this process dies.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "user/base/result.h"
#include "user/lab/namespace.h"
#include "user/lab/netns_reaper.h"

namespace flowstamp::lab {

struct LabOptions {
    unsigned routers = 3;  ///< 1 to 60
    unsigned mtu = 1500;   ///< of every link, bytes; at least 1280, for IPv6
    /// Segmentation and checksum offloads on every interface. With them, packets between hosts are
    /// GSO packets of up to 64 KB with incomplete checksums, as inside a real host; without, they
    /// are as on a cable.
    bool offloads = true;
    std::optional<unsigned> masquerade_at{};           ///< router (1 is the client's) that does NAT
    std::optional<std::uint8_t> server_default_ttl{};  ///< net.ipv4.ip_default_ttl, and hop limit
};

class Lab {
  public:
    static Result<Lab> create(const LabOptions& options);

    const Namespace& client() const { return hosts_.front(); }
    const Namespace& server() const { return hosts_.back(); }
    const Namespace& router(unsigned i) const { return hosts_.at(i); }  ///< 1 is the client's
    unsigned routers() const { return static_cast<unsigned>(hosts_.size()) - 2; }
    /// All hosts, from the client to the server.
    const std::vector<Namespace>& hosts() const { return hosts_; }
    /// The common prefix of all namespaces' names.
    const std::string& prefix() const { return prefix_; }

    /// Turns segmentation, merging and checksum offloads off (or on) at both ends of the links of
    /// `host`, so that it sees frames as on a cable.
    Status set_offloads_around(const Namespace& host, bool on) const;

  private:
    Lab(std::string prefix, NetnsReaper reaper)
        : prefix_(std::move(prefix)), reaper_(std::move(reaper)) {}
    Status build(const LabOptions& options);
    Status make_hosts(const LabOptions& options);
    Status make_links(const LabOptions& options);

    std::string prefix_;
    NetnsReaper reaper_;
    std::vector<Namespace> hosts_;
};

/// The addresses of both ends of a shortcut.
struct Shortcut {
    IpAddress near, far;
};

/// Adds a direct link between two routers of the lab (1 is the client's), parallel to the path:
/// interface "shortcut" on both. No route uses it yet. It is removed with the lab; one per lab.
Result<Shortcut> add_shortcut(const Lab& lab, unsigned near, unsigned far);

}  // namespace flowstamp::lab
