// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/live/path_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "user/pathtrace/live/kernel_names.h"

namespace flowstamp::pathtrace {

namespace {

/// Empty for 0. A port that is gone has no name any more.
std::string name_of_port(__u32 index) {
    const std::string name = interface_name(index);
    return index != 0 && name.empty() ? fmt::format("of index {}", index) : name;
}

}  // namespace

DropNames names_of(const std::optional<fst_path_event>& drop) {
    if (!drop) {
        return {};
    }
    return {.reason = drop_reason_name(drop->drop_reason),
            .location = code_name(drop->location),
            .interface = interface_name(drop->ifindex_out)};
}

std::optional<BridgePorts> bridge_ports_of(const PacketPath& path, std::uint32_t netns) {
    __u32 in = 0, out = 0;
    const auto look = [&](const fst_path_event& event) {
        if (event.netns == netns) {
            in = in == 0 ? event.bridge_port_in : in;
            out = out == 0 ? event.bridge_port_out : out;
        }
    };
    look(path.last());
    std::ranges::for_each(path.stations, look);
    if (in == 0) {
        return std::nullopt;
    }
    return BridgePorts{.in = name_of_port(in), .out = name_of_port(out)};
}

std::string unwatched_way_out(const PacketPath& path, const std::vector<StationState>& stations) {
    const fst_path_event& last = path.last();
    if (path.end != PacketPath::End::unknown || last.place != FST_PLACE_POSTROUTING ||
        last.ifindex_out == 0 || last.bridge_port_out != 0) {
        return {};
    }
    std::string name = interface_name(last.ifindex_out);
    const bool is_watched = std::ranges::any_of(stations, [&](const StationState& state) {
        return state.station.kind == Station::Kind::tc_egress && state.station.interface == name;
    });
    return is_watched ? std::string() : name;
}

}  // namespace flowstamp::pathtrace
