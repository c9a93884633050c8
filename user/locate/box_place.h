// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "flowstamp/flow.h"
#include "user/locate/hop_trace.h"
#include "user/net/endpoint.h"

namespace flowstamp::locate {

/// Why a place is doubtful.
enum class Doubt : std::uint8_t {
    none,
    initial_ttl,     ///< the reset's TTL is none that begins at a usual value
    initial_of_32,   ///< it seems to begin at 32, as few systems do
    as_far_as_peer,  ///< the reset came from as far as the peer, or farther
    ways_differ,     ///< a router beside the box has another distance on the way back
    load_balanced,   ///< a router beside the box is not always the same
};

/// Where the box stands that made a reset: behind the router `after`, and not behind `before`. It
/// is that router itself, or stands on the link between the two.
struct BoxPlace {
    /// Routers between the box and here, by the reset's TTL; nothing if no reset is known.
    std::optional<unsigned> hops{};
    std::optional<net::Endpoint> after{};   ///< absent: it does not answer, or is this host
    std::optional<net::Endpoint> before{};  ///< absent: it does not answer
    Doubt doubt = Doubt::none;
};

/// Routers between the peer and here by the lowest distance of its TTLs; nothing if they tell none.
[[nodiscard]] std::optional<unsigned> peer_hops(const fst_direction& peer);

/// How far to trace: to the router behind which the box cannot stand, and never so far that a
/// probe reaches a peer whose distance is known.
[[nodiscard]] std::uint8_t last_hop(std::optional<std::uint8_t> reset_ttl,
                                    std::optional<unsigned> peer);

/// `reset_ttl`: of the forged reset as it was received; `peer`: peer_hops().
[[nodiscard]] BoxPlace place_of(std::optional<std::uint8_t> reset_ttl, std::optional<unsigned> peer,
                                std::span<const Hop> hops);

}  // namespace flowstamp::locate
