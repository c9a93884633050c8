// SPDX-License-Identifier: Apache-2.0
//
// The lab: a path of hosts in network namespaces of this machine, with real kernels between real
// sockets.
//
//     client -- router1 -- router2 -- router3 -- server
//     198.51.100.2                               203.0.113.2
//     2001:db8:100::2                            2001:db8:113::2
//
//     Result<Lab> lab = Lab::create({});
//     DownloadServer server = ...start(lab->server(), ...);
//     DownloadReport report = download(lab->client(), ...);
//
// Interfaces are named after who is at the other end: the client has "to-router1", router2 has
// "to-router1" and "to-router3". Neighbours know each other from the start (permanent entries), so
// no first packet waits for ARP or ND. Everything is set per namespace: the machine itself is not
// touched. Needs root. Several labs coexist. All is gone when the Lab goes, or this process dies.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "user/base/result.h"
#include "user/lab/netns_reaper.h"
#include "user/lab/namespace.h"

namespace flowstamp::lab {

struct LabOptions {
    unsigned routers = 3;  ///< 1 to 60
    unsigned mtu = 1500;   ///< of every link, bytes; 1280 at least, for IPv6
    /// Segmentation and checksum offloads of every interface. With them, packets between hosts are
    /// super-packets of up to 64 KB with unfinished checksums, as inside a real host; without, what
    /// passes is what would pass on a cable.
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
    /// All, from the client to the server.
    const std::vector<Namespace>& hosts() const { return hosts_; }
    /// What all namespaces' names begin with.
    const std::string& prefix() const { return prefix_; }

    /// Turns segmentation, merging and checksum offloads off (or on) on both ends of the links of
    /// `host`, so that it sees frames as they would be on a cable.
    Status set_offloads_around(const Namespace& host, bool on) const;

  private:
    Lab(std::string prefix, NetnsReaper guard)
        : prefix_(std::move(prefix)), guard_(std::move(guard)) {}
    Status build(const LabOptions& options);
    Status make_hosts(const LabOptions& options);
    Status make_links(const LabOptions& options);

    std::string prefix_;
    NetnsReaper guard_;
    std::vector<Namespace> hosts_;
};

}  // namespace flowstamp::lab
