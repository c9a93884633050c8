// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <vector>

#include "flowstamp/path.h"
#include "user/net/packet_match.h"

namespace flowstamp::pathtrace {

/// A match of everything, to be narrowed.
[[nodiscard]] fst_path_match match_everything();

/// What the kernel is to compare with every packet, in as few comparisons as may be: each is paid
/// for at every station. IPv4 and IPv6 of the same become one, and so do the two directions.
[[nodiscard]] std::vector<fst_path_match> kernel_matches(const net::PacketMatches& matches);

}  // namespace flowstamp::pathtrace
