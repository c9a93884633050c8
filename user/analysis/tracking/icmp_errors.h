// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include "flowstamp/packet.h"
#include "user/net/endpoint.h"

namespace flowstamp::analysis {

/// Whether an ICMP error rejects the segment that it quotes: destination unreachable (RFC 792 type
/// 3, RFC 4443 type 1), but not "fragmentation needed", which belongs to path MTU discovery.
[[nodiscard]] bool is_rejection(const fst_packet& icmp_error);

/// Whether it says that the segment was too large: "fragmentation needed" (RFC 1191) or "packet too
/// big" (RFC 4443, section 3.2). `mss` is then the next-hop MTU, bytes; 0: it does not say.
[[nodiscard]] bool is_too_big(const fst_packet& icmp_error);

/// Whether the segment's TTL ran out (RFC 792 type 11, RFC 4443 type 3, code 0): in a routing loop.
[[nodiscard]] bool is_time_exceeded(const fst_packet& icmp_error);

/// Who sent the error, with port 0.
[[nodiscard]] net::Endpoint icmp_sender(const fst_packet& icmp_error);

}  // namespace flowstamp::analysis
