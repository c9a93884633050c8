// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include "flowstamp/packet.h"

namespace flowstamp::analysis {

/// Whether an ICMP error rejects the segment that it quotes: destination unreachable (RFC 792 type
/// 3, RFC 4443 type 1), but not "fragmentation needed", which belongs to path MTU discovery.
[[nodiscard]] bool is_rejection(const fst_packet& icmp_error);

}  // namespace flowstamp::analysis
