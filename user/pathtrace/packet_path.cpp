// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/packet_path.h"

namespace flowstamp::pathtrace {

namespace {

/// A bridge sends it without asking for a link-layer address: nothing holds it from here on but the
/// port's queue, as after tc egress.
bool leaves_by_bridge(const fst_path_event& event) {
    return event.place == FST_PLACE_POSTROUTING && event.bridge_port_out != 0;
}

/// The end of a path without a known drop. `is_through`: it has passed all of its last hook.
PacketPath::End quiet_end(const PacketPath& path, bool is_delivered, bool is_consumed,
                          bool is_through) {
    const __u8 place = path.stations.back().place;
    // The stack frees delivered packets without an event.
    if (is_delivered || place == FST_PLACE_INPUT) {
        return PacketPath::End::delivered;
    }
    const bool was_leaving = place == FST_PLACE_TC_EGRESS ||
                             (is_consumed && place == FST_PLACE_POSTROUTING) ||
                             (is_through && leaves_by_bridge(path.stations.back()));
    return was_leaving ? PacketPath::End::left : PacketPath::End::unknown;
}

/// The end of a buffer after its path was reported: a socket held it, and was closed without
/// reading it.
bool is_late(const fst_path_event& event) {
    return event.header.kind == FST_PATH_DROPPED && (event.flags & FST_PATH_CONTINUED) != 0 &&
           event.place <= FST_PLACE_INPUT &&
           event.time_ns - event.began_ns >
               static_cast<std::uint64_t>(PathAssembler::kMaxWait.count());
}

}  // namespace

PathAssembler::Open& PathAssembler::open(const Name& name) {
    const auto [place, is_new] = open_.try_emplace(name);
    if (!is_new) {
        uses_.splice(uses_.end(), uses_of(place->second), place->second.use);
        place->second.waits = false;
        return place->second;
    }
    uses_.push_back(name);
    place->second.use = std::prev(uses_.end());
    if (open_.size() > kMost) {
        overflow_++;
        close(open_.find((waiting_.empty() ? uses_ : waiting_).front()));
    }
    return place->second;
}

void PathAssembler::close(std::map<Name, Open>::iterator place) {
    Open ended = std::move(place->second);
    uses_of(ended).erase(ended.use);
    open_.erase(place);
    if (ended.path.drop) {
        ended.path.end = PacketPath::End::dropped;
    } else if (ended.path.stations.empty()) {
        return;  // consumed before any station saw it
    } else {
        ended.path.end = quiet_end(ended.path, ended.is_delivered, ended.is_consumed,
                                   is_last_ && is_last_(ended.path.stations.back().station));
    }
    sink_(ended.path);
}

void PathAssembler::record(const fst_path_event& event) {
    const Name name{event.skb, event.began_ns};
    if (is_late(event) && !open_.contains(name)) {
        return;
    }
    Open& its = open(name);
    switch (event.header.kind) {
        case FST_PATH_STATION:
            its.path.stations.push_back(event);
            if (event.place == FST_PLACE_POSTROUTING && !leaves_by_bridge(event)) {
                its.waits = true;
                waiting_.splice(waiting_.end(), uses_, its.use);
            }
            break;
        case FST_PATH_SOCKET:
            its.is_delivered = true;
            break;
        case FST_PATH_DROPPED:
            its.path.drop = event;
            close(open_.find(name));
            break;
        case FST_PATH_CONSUMED:
            its.is_consumed = true;
            close(open_.find(name));
            break;
        default:
            break;
    }
}

void PathAssembler::close_quiet(Uses& uses, Nanoseconds since) {
    while (!uses.empty()) {
        const auto place = open_.find(uses.front());
        const PacketPath& path = place->second.path;
        if (!path.stations.empty() && time_of(path.stations.back()) > since) {
            break;
        }
        close(place);
    }
}

void PathAssembler::advance(Nanoseconds now) {
    close_quiet(uses_, now - kMaxWait);
    close_quiet(waiting_, now - kMaxWaitForNeighbours);
}

void PathAssembler::finish() {
    for (Uses* const uses : {&uses_, &waiting_}) {
        while (!uses->empty()) {
            close(open_.find(uses->front()));
        }
    }
}

}  // namespace flowstamp::pathtrace
