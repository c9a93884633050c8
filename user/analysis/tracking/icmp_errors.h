// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include "flowstamp/packet.h"

namespace flowstamp::analysis {

/// Whether an ICMP error says that the segment it quotes is not wanted: destination unreachable (RFC
/// 792, RFC 4443 type 1), but not "fragmentation needed", which is how path MTU discovery works.
[[nodiscard]] bool is_rejection(const fst_packet& icmp_error);

}  // namespace flowstamp::analysis
