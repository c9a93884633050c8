// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "user/pathtrace/packet_path.h"
#include "user/pathtrace/path_report.h"
#include "user/pathtrace/station.h"

namespace flowstamp::pathtrace {

/// The running kernel's names for a drop's record; empty: none was recorded.
[[nodiscard]] DropNames names_of(const std::optional<fst_path_event>& drop);

/// The ports of the bridge that called IP's hooks for a packet, by name; nothing: none did. `netns`: the
/// inode of the calling thread's network namespace.
[[nodiscard]] std::optional<BridgePorts> bridge_ports_of(const PacketPath& path,
                                                         std::uint32_t netns);

/// The interface by which a packet was to leave when it was lost sight of, if no station is there; else
/// empty.
[[nodiscard]] std::string unwatched_way_out(const PacketPath& path,
                                            const std::vector<StationState>& stations);

}  // namespace flowstamp::pathtrace
