// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <optional>
#include <string>

#include "user/locate/box_place.h"
#include "user/locate/hop_trace.h"
#include "user/net/endpoint.h"
#include "user/output/style.h"

namespace flowstamp::output {

/// "hop 3   192.0.2.6        0.4 ms".
[[nodiscard]] std::string hop_text(const locate::Hop& hop, const Style& style);

/// The sentence under the hops. `peer_hops`: routers between the peer and here.
[[nodiscard]] std::string place_text(const locate::BoxPlace& place,
                                     std::optional<unsigned> peer_hops, const net::Endpoint& peer,
                                     const Style& style);

}  // namespace flowstamp::output
