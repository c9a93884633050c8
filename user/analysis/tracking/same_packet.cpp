// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/tracking/same_packet.h"

#include <algorithm>

#include "flowstamp/reset_rules.h"

namespace flowstamp::analysis {

namespace {

/// Bounds the search per RST when many come within kWithin.
constexpr std::size_t kRemembered = 256;

bool share_an_end(const fst_packet& one, const fst_packet& other) {
    return net::sender_of(one) == net::sender_of(other) ||
           net::receiver_of(one) == net::receiver_of(other);
}

bool equal_in_transit(const fst_packet& one, const fst_packet& other) {
    return one.seq == other.seq && one.ack == other.ack && one.tcp_flags == other.tcp_flags &&
           one.window == other.window && one.ip_id == other.ip_id && one.payload == other.payload;
}

bool contains(const std::vector<std::uint32_t>& values, std::uint32_t value) {
    return std::ranges::find(values, value) != values.end();
}

}  // namespace

bool SamePacket::is_same(const Seen& seen, const Observation& observation) {
    const fst_packet& packet = observation.event.packet;
    // What was challenged goes on as a keepalive, or not at all.
    if (seen.action == FST_ACTION_CHALLENGED || !equal_in_transit(seen.packet, packet)) {
        return false;
    }
    const bool elsewhere = !contains(seen.ifindexes, packet.key.ifindex);
    // What becomes of a copy is told by itself, if it is something else.
    const fst_judgement& judgement = observation.event.judgement;
    const bool same_place_twice =
        (judgement.context & FST_CONTEXT_DUPLICATE_FRAME) && seen.action == judgement.action;
    if (!(elsewhere || same_place_twice)) {
        return false;
    }
    return share_an_end(seen.packet, packet) ||
           (seen.isn_id.has_value() && seen.isn_id == observation.isn_id);
}

std::uint64_t SamePacket::number(const Observation& observation) {
    const auto now = observation.time();
    while (!recent_.empty() && (recent_.size() >= kRemembered ||
                                Nanoseconds(recent_.front().packet.time_ns) + kWithin < now)) {
        recent_.pop_front();
    }
    const fst_event& event = observation.event;
    several_ = several_ ||
               (!recent_.empty() && recent_.back().packet.key.ifindex != event.packet.key.ifindex);
    const bool may_be_known = several_ || (event.judgement.context & FST_CONTEXT_DUPLICATE_FRAME);
    const auto match =
        may_be_known ? std::ranges::find_if(
                           recent_, [&](const Seen& seen) { return is_same(seen, observation); })
                     : recent_.end();
    if (match != recent_.end()) {
        match->ifindexes.push_back(event.packet.key.ifindex);
        return match->number;
    }
    recent_.push_back({++last_number_,
                       event.packet,
                       event.judgement.action,
                       observation.isn_id,
                       {event.packet.key.ifindex}});
    return last_number_;
}

}  // namespace flowstamp::analysis
