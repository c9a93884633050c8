// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "flowstamp/path.h"
#include "user/net/packet_match.h"

namespace flowstamp::pathtrace {

/// What the kernel compares with every packet, in as few comparisons as possible: each one costs at
/// every station. The same match for IPv4 and IPv6 becomes one, and so do the two directions.
[[nodiscard]] std::vector<fst_path_match> kernel_matches(const net::PacketMatches& matches);

}  // namespace flowstamp::pathtrace
