// SPDX-License-Identifier: Apache-2.0
//
// A local network: a client, a server and a router on one switch, and a public address that the
// router has for what stands behind it.
//
//     client 192.0.2.10 --+
//     server 192.0.2.20 --+-- (switch) -- 192.0.2.1 router 203.0.113.1
//
// The hosts find each other by ARP, and everything else by the router. Each has a single interface,
// "lan", toward Side::Server. IPv4 only. As with the Lab: needs root, touches nothing of the
// machine's own, and all is gone when it goes, or this process dies.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "user/base/result.h"
#include "user/lab/netns_reaper.h"
#include "user/lab/namespace.h"

namespace flowstamp::lab {

class Lan {
  public:
    static Result<Lan> create();

    const Namespace& client() const { return hosts_[0]; }
    const Namespace& server() const { return hosts_[1]; }
    const Namespace& router() const { return hosts_[2]; }
    /// The router's, at which the world would reach the server if the router let it.
    static IpAddress public_address() { return IpAddress::of("203.0.113.1"); }

  private:
    explicit Lan(NetnsReaper guard) : guard_(std::move(guard)) {}
    Status build(const std::string& prefix);
    Status connect();

    NetnsReaper guard_;
    std::vector<Namespace> hosts_;  ///< the switch is the last
};

}  // namespace flowstamp::lab
