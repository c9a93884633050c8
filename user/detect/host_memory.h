// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <map>
#include <optional>

#include "user/flow/endpoint.h"
#include "user/flow/observation.h"

namespace flowstamp {

/// From how far a host's packets have come, across its flows: for flows whose own past is too short.
/// Kept per address and port, as one address may hide several hosts behind a balancer; bounded, the
/// longest unused is forgotten first.
class HostMemory {
  public:
    static constexpr std::size_t kMost = 65536;

    struct Distances {
        std::array<std::uint8_t, 8> ttls{};  ///< 0: free
        bool many = false;                   ///< more than these: distance says nothing
    };

    /// Learns from a SYN-ACK, and from both ends of any flow that comes with the observation.
    void learn(const Observation& observation);

    /// Of this address and port; else nothing.
    [[nodiscard]] const Distances* of(const Endpoint& host) const;
    /// The nearest of its packets, in hops; nothing if it is not known or not to be told.
    [[nodiscard]] std::optional<std::uint8_t> nearest_hops(const Endpoint& host) const;

  private:
    struct Entry {
        Distances distances;
        std::list<Endpoint>::iterator use;
    };
    void learn(const Endpoint& host, std::uint8_t ttl);

    std::map<Endpoint, Entry> hosts_;
    std::list<Endpoint> uses_;  ///< the latest used first
};

}  // namespace flowstamp
