// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A local network: a client, a server and a router on one switch, and a public address at which the
// router could publish the server.
//
//     client 192.0.2.10 --+
//     server 192.0.2.20 --+-- (switch) -- 192.0.2.1 router 203.0.113.1
//
// The hosts reach each other by ARP, and everything else through the router. Each has a single
// interface, "lan", toward Side::Server. IPv4 only. As with the Lab: needs root, changes nothing of
// the machine itself, and is removed when destroyed or when this process dies.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "user/base/result.h"
#include "user/lab/namespace.h"
#include "user/lab/netns_reaper.h"

namespace flowstamp::lab {

class Lan {
  public:
    static Result<Lan> create();

    const Namespace& client() const { return hosts_[0]; }
    const Namespace& server() const { return hosts_[1]; }
    const Namespace& router() const { return hosts_[2]; }
    /// The router's address at which the outside would reach the server if the router forwarded it.
    static IpAddress public_address() { return IpAddress::of("203.0.113.1"); }

  private:
    explicit Lan(NetnsReaper reaper) : reaper_(std::move(reaper)) {}
    Status build(const std::string& prefix);
    Status connect();

    NetnsReaper reaper_;
    std::vector<Namespace> hosts_;  ///< the switch is the last
};

}  // namespace flowstamp::lab
