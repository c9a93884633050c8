// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/untranslated.h"

#include <algorithm>

namespace flowstamp::pathtrace {

namespace {

bool any_has(const PacketPath& path, unsigned flags) {
    return std::ranges::any_of(
        path.stations, [&](const fst_path_event& event) { return (event.flags & flags) != 0; });
}

}  // namespace

bool left_untranslated(const PacketPath& path) {
    return path.end == PacketPath::End::left && !path.stations.empty() &&
           path.stations.back().place == FST_PLACE_TC_EGRESS &&
           !any_has(path, FST_PATH_SNAT | FST_PATH_DNAT);
}

std::string why_untranslated(const PacketPath& path) {
    if (any_has(path, FST_PATH_UNTRACKED)) {
        return "a rule excludes it from connection tracking (notrack)";
    }
    if (any_has(path, FST_PATH_CONNTRACK)) {
        return "its conntrack entry translates nothing: no NAT rule applied when it was created";
    }
    return "it has no conntrack entry: the connection's is gone, or the packet is INVALID";
}

}  // namespace flowstamp::pathtrace
