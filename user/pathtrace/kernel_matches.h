// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <vector>

#include "flowstamp/path.h"
#include "user/net/packet_match.h"

namespace flowstamp::pathtrace {

/// A match for all packets, to be narrowed.
[[nodiscard]] fst_path_match match_everything();

/// What the kernel compares with every packet, in as few comparisons as possible, as each one costs
/// time at every station: matches that differ only in IP version or in direction are merged.
[[nodiscard]] std::vector<fst_path_match> kernel_matches(const net::PacketMatches& matches);

/// Whether answers to all packets that match do match, too: "port 53", but not "dst port 53".
[[nodiscard]] bool match_answers(const std::vector<fst_path_match>& matches);

}  // namespace flowstamp::pathtrace
