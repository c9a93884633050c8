// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/live/reported.h"

#include <tuple>
#include <utility>

#include "user/pathtrace/path_sample.h"

namespace flowstamp::pathtrace {

std::vector<PathStats::Loss> reported_losses(const PathFlows& flows, const Reported& reported,
                                             const StationMap& map) {
    std::map<std::tuple<std::string, std::string, std::string>, std::uint64_t> sums;
    flows.each_end([&](const PathFlows::Filed& filed, const PacketPath&) {
        const FlowEnd whose = flow_end(filed);
        if (filed.end.end == PacketPath::End::dropped && reported.contains(whose)) {
            PathSample::Loss place = place_of(filed.end, map);
            if (std::string other = reported.place(whose); !other.empty()) {
                place.at = std::move(other);
                place.before.clear();
            }
            sums[{place.at, place.before, reported.cause(whose)}] += filed.count;
        }
    });
    std::vector<PathStats::Loss> losses;
    for (const auto& [loss, packets] : sums) {
        const auto& [at, before, by] = loss;
        losses.push_back({.at = at, .before = before, .by = by, .packets = packets});
    }
    return losses;
}

void add_to(PathStats& sums, const PacketPath& packet_path) {
    const std::uint64_t packets = packet_path.packets();
    sums.packets += packets;
    if (packet_path.end == PacketPath::End::left) {
        (packet_path.first().ifindex_in != 0 ? sums.forwarded : sums.sent) += packets;
    }
    sums.delivered += packet_path.end == PacketPath::End::delivered ? packets : 0;
    sums.dropped += packet_path.end == PacketPath::End::dropped ? packets : 0;
    sums.unknown += packet_path.end == PacketPath::End::unknown ? packets : 0;
}

}  // namespace flowstamp::pathtrace
