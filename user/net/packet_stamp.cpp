// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/net/packet_stamp.h"

#include <cstdint>

namespace flowstamp::net {

namespace {

std::uint16_t packet_flags(unsigned flags) {
    unsigned packet = 0;
    packet |= flags & FST_STAMP_IPV6 ? unsigned{FST_PACKET_IPV6} : 0U;
    packet |= flags & FST_STAMP_DF ? unsigned{FST_PACKET_DF} : 0U;
    packet |= flags & FST_STAMP_MORE_FRAGMENTS ? unsigned{FST_PACKET_FIRST_FRAGMENT} : 0U;
    return static_cast<std::uint16_t>(packet);
}

}  // namespace

fst_packet packet_of(const fst_packet_stamp& stamp) {
    fst_packet packet{};
    packet.time_ns = stamp.time_ns;
    packet.key = fst_stamp_key(&stamp);
    packet.seq = stamp.seq;
    packet.ack = stamp.ack;
    packet.payload = stamp.payload;
    packet.ip_bytes = stamp.header_words * 4U + stamp.payload;
    packet.ip_id = stamp.ip_id;
    packet.window = stamp.window;
    packet.segments = stamp.segments;
    packet.flags = packet_flags(stamp.flags);
    packet.direction = stamp.flags & FST_STAMP_SENDER;
    packet.hook = fst_stamp_hook(&stamp);
    packet.ttl = stamp.ttl;
    packet.tcp_flags = stamp.tcp_flags;
    packet.tos = stamp.traffic_class;
    return packet;
}

}  // namespace flowstamp::net
