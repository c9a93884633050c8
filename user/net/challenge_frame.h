// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "flowstamp/flow.h"

namespace flowstamp::net {

/// The frame that asks end `sender` ^ 1 for an ACK in the name of end `sender`, after a RST of that end which was challenged: a
/// keepalive with one old byte (RFC 1122, section 4.2.3.6; fst_challenge_seq()), from the Ethernet header on, with valid checksums. It has
/// no TCP options, as a bare RST has none. Nothing where the link has no MAC addresses, or several for the receiver,
/// and for what is signed (RFC 5925) or comes in a tunnel.
[[nodiscard]] std::optional<std::vector<std::uint8_t>> challenge_frame(const fst_flow& flow,
                                                                       unsigned sender);

}  // namespace flowstamp::net
