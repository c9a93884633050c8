// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/path_flow.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "flowstamp/stamp.h"
#include "user/pathtrace/untranslated.h"

namespace flowstamp::pathtrace {

namespace {

bool is_icmp(const fst_path_event& event) {
    return event.tuple.protocol == IPPROTO_ICMP || event.tuple.protocol == IPPROTO_ICMPV6;
}

/// A related packet mostly belongs to the connection: REJECT's RST, or an expected connection (FTP
/// data); but an ICMP error is not part of the connection that it quotes.
bool has_entry(const fst_path_event& event) {
    return (event.flags & FST_PATH_CONNTRACK) != 0 &&
           !((event.flags & FST_PATH_RELATED) && is_icmp(event));
}

/// The latest record with the packet's conntrack entry in each network namespace that it passed, in the
/// order in which the connection's first packet passes them.
std::vector<const fst_path_event*> with_entries(const PacketPath& path) {
    std::vector<const fst_path_event*> found;
    const auto look = [&](const fst_path_event& event) {
        if (!has_entry(event)) {
            return;
        }
        if (!found.empty() && found.back()->netns == event.netns) {
            found.back() = &event;
        } else {
            found.push_back(&event);
        }
    };
    std::ranges::for_each(path.stations, look);
    if (path.drop) {
        look(*path.drop);
    }
    if (!found.empty() && (found.front()->flags & FST_PATH_REPLY) != 0) {
        std::ranges::reverse(found);
    }
    return found;
}

/// Whether a packet can only be the answer to a SYN: a SYN-ACK, or the RST that refuses the SYN
/// (RFC 9293, 3.5.2: its sequence number is zero).
bool is_answer(const fst_path_event& event) {
    const auto has = [&](unsigned flags) { return (event.tcp_flags & flags) == flags; };
    return event.tuple.protocol == IPPROTO_TCP &&
           (has(FST_TCP_SYN | FST_TCP_ACK) || (has(FST_TCP_RST | FST_TCP_ACK) && event.seq == 0));
}

/// Whether it left and never came in: only what this host makes itself begins in OUTPUT. What a program
/// sends past IP (AF_PACKET), or another network namespace by a common interface, does not.
bool is_made_here(const PacketPath& path) {
    return path.end == PacketPath::End::left && path.first().place == FST_PLACE_OUTPUT;
}

PathEnd end_of(const PacketPath& path) {
    PathEnd end{.end = path.end, .netns = path.last().netns};
    if (!path.stations.empty()) {
        end.station = path.stations.back().station;
    } else if (path.drop) {
        end.station = path.drop->station;
    }
    if (path.drop) {
        end.drop_reason = path.drop->drop_reason;
        end.location = path.drop->location;
    } else if (path.end == PacketPath::End::left) {
        const fst_path_event& last = path.stations.back();
        const bool by_bridge = last.place != FST_PLACE_TC_EGRESS && last.bridge_port_out != 0;
        end.ifindex_out = by_bridge ? last.bridge_port_out : last.ifindex_out;
    }
    return end;
}

}  // namespace

fst_path_tuple reversed(const fst_path_tuple& tuple) {
    fst_path_tuple other = tuple;
    std::swap(other.source, other.destination);
    std::swap(other.source_port, other.destination_port);
    return other;
}

PathFlows::Tuple PathFlows::key_of(const fst_path_tuple& tuple) {
    Tuple key;
    std::memcpy(key.data(), &tuple, sizeof(tuple));
    return key;
}

void PathFlows::know(std::list<PathFlow>::iterator flow, unsigned direction,
                     const fst_path_tuple& tuple) {
    const auto [place, is_new] = known_.try_emplace(key_of(tuple), Place{flow, direction});
    if (is_new) {
        names_[flow->id].push_back(place->first);
    }
}

void PathFlows::forget_oldest() {
    const auto names = names_.find(flows_.front().id);
    for (const Tuple& name : names->second) {
        known_.erase(name);
    }
    names_.erase(names);
    flows_.pop_front();
    forgotten_++;
}

PathFlows::Place PathFlows::begin(const fst_path_tuple& name) {
    flows_.push_back({.id = ++met_, .name = name});
    const auto flow = std::prev(flows_.end());
    names_[flow->id] = {};
    know(flow, 0, name);
    know(flow, 1, reversed(name));
    if (flows_.size() > kMost) {
        forget_oldest();
    }
    return {flow, 0};
}

void PathFlows::learn(std::list<PathFlow>::iterator flow,
                      const std::vector<const fst_path_event*>& entries) {
    for (const fst_path_event* const entry : entries) {
        know(flow, 0, entry->original);
        // An answer has this tuple until it is translated back.
        know(flow, 1, entry->reply);
        if (entry->flags & (FST_PATH_SNAT | FST_PATH_DNAT)) {
            flow->translated_in = entry->netns;
        }
    }
    const fst_path_tuple leaving = reversed(entries.back()->reply);
    if (key_of(leaving) != key_of(entries.front()->original)) {
        flow->translated = leaving;
    }
}

PathFlows::Place PathFlows::place_of(const PacketPath& path) {
    const std::vector<const fst_path_event*> entries = with_entries(path);
    const fst_path_tuple& name = entries.empty() ? path.first().tuple : entries.front()->original;
    auto known = known_.find(key_of(name));
    for (std::size_t i = 1; i < entries.size() && known == known_.end(); i++) {
        known = known_.find(key_of(entries[i]->original));
    }
    Place place{};
    if (known != known_.end()) {
        place = known->second;
    } else if (entries.empty() && is_answer(path.first())) {
        place = begin(reversed(name));  // may be reported before the SYN, as REJECT's RST is
        place.direction = 1;
    } else {
        place = begin(name);
    }
    if (!entries.empty()) {
        learn(place.flow, entries);
        place.direction = entries.front()->flags & FST_PATH_REPLY ? 1 : 0;
    }
    flows_.splice(flows_.end(), flows_, place.flow);
    return place;
}

PathFlows::Filed PathFlows::record(const PacketPath& path) {
    const Place place = place_of(path);
    PathFlow::Direction& direction = place.flow->directions.at(place.direction);
    const std::uint64_t packets = path.packets();
    PathEnd end = end_of(path);
    end.is_made_here = is_made_here(path);
    end.is_untranslated = place.flow->translated.has_value() && left_untranslated(path) &&
                          end.netns == place.flow->translated_in;
    direction.packets += packets;
    if (direction.ends.size() >= kEndsMost && !direction.ends.contains(end)) {
        const auto rarest = std::ranges::min_element(direction.ends, {},
                                                     [](const auto& its) { return its.second; });
        direction.examples.erase(rarest->first);
        direction.ends.erase(rarest);
    }
    std::uint64_t& count = direction.ends[end];
    count += packets;
    direction.examples[end] = path;
    return {*place.flow, place.direction, end, count};
}

}  // namespace flowstamp::pathtrace
