// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// A packet's IP and TCP headers, rebuilt without what was not recorded: options, extension headers
// and checksums. The length fields cover these headers and the packet's real payload. Inline: they
// are built for every packet that is written.
#pragma once

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>

#include <cstdint>
#include <cstring>

#include "flowstamp/packet.h"
#include "flowstamp/stamp_batch.h"

namespace flowstamp::net {

/// What the headers say. Addresses and ports in network byte order, numbers in host order.
struct HeaderFields {
    const __be32 (&source)[4];
    const __be32 (&destination)[4];
    __be16 source_port;
    __be16 destination_port;
    std::uint32_t seq;
    std::uint32_t ack;
    std::uint32_t payload;
    std::uint32_t flow_label;
    std::uint16_t ip_id;
    std::uint16_t window;
    std::uint8_t protocol;
    std::uint8_t traffic_class;
    std::uint8_t ttl;
    std::uint8_t tcp_flags;
    bool dont_fragment;
    bool more_fragments;
};

[[nodiscard]] inline HeaderFields header_fields(const fst_packet& packet) {
    const unsigned sender = packet.direction & 1U;
    return {.source = packet.key.address[sender],
            .destination = packet.key.address[sender ^ 1U],
            .source_port = packet.key.port[sender],
            .destination_port = packet.key.port[sender ^ 1U],
            .seq = packet.seq,
            .ack = packet.ack,
            .payload = packet.payload,
            .flow_label = packet.flow_label,
            .ip_id = packet.ip_id,
            .window = packet.window,
            .protocol = packet.key.protocol,
            .traffic_class = packet.tos,
            .ttl = packet.ttl,
            .tcp_flags = packet.tcp_flags,
            .dont_fragment = (packet.flags & FST_PACKET_DF) != 0,
            .more_fragments = (packet.flags & FST_PACKET_FIRST_FRAGMENT) != 0};
}

[[nodiscard]] inline HeaderFields header_fields(const fst_packet_stamp& stamp) {
    const unsigned sender = stamp.flags & FST_STAMP_SENDER;
    return {.source = stamp.address[sender],
            .destination = stamp.address[sender ^ 1U],
            .source_port = stamp.port[sender],
            .destination_port = stamp.port[sender ^ 1U],
            .seq = stamp.seq,
            .ack = stamp.ack,
            .payload = stamp.payload,
            .flow_label = 0,
            .ip_id = stamp.ip_id,
            .window = stamp.window,
            .protocol = stamp.protocol,
            .traffic_class = stamp.traffic_class,
            .ttl = stamp.ttl,
            .tcp_flags = stamp.tcp_flags,
            .dont_fragment = (stamp.flags & FST_STAMP_DF) != 0,
            .more_fragments = (stamp.flags & FST_STAMP_MORE_FRAGMENTS) != 0};
}

struct Ipv4Headers {
    iphdr ip;
    tcphdr tcp;

    explicit Ipv4Headers(const HeaderFields& fields);
};
static_assert(sizeof(Ipv4Headers) == 40);

struct Ipv6Headers {
    ip6_hdr ip;
    tcphdr tcp;

    explicit Ipv6Headers(const HeaderFields& fields);
};
static_assert(sizeof(Ipv6Headers) == 60);

/// A 16-bit length field. 0 stands for a length that does not fit: a GSO packet of 64 KiB and more
/// (BIG TCP), as in the packet itself.
[[nodiscard]] inline std::uint16_t length_field(std::uint32_t bytes) {
    return bytes > 0xffff ? 0 : ::htons(static_cast<std::uint16_t>(bytes));
}

/// RFC 9293. The data offset is five words: options are not rebuilt.
[[nodiscard]] inline tcphdr tcp_header(const HeaderFields& fields) {
    tcphdr tcp{};
    tcp.th_sport = fields.source_port;
    tcp.th_dport = fields.destination_port;
    tcp.th_seq = ::htonl(fields.seq);
    tcp.th_ack = ::htonl(fields.ack);
    tcp.th_off = sizeof(tcphdr) / 4;
    tcp.th_flags = fields.tcp_flags;
    tcp.th_win = ::htons(fields.window);
    return tcp;
}

/// RFC 791. The address is the last word of one that is mapped to IPv6.
inline Ipv4Headers::Ipv4Headers(const HeaderFields& fields) : ip{}, tcp(tcp_header(fields)) {
    ip.version = IPVERSION;
    ip.ihl = sizeof(iphdr) / 4;
    ip.tos = fields.traffic_class;
    ip.tot_len = length_field(sizeof(Ipv4Headers) + fields.payload);
    ip.id = ::htons(fields.ip_id);
    ip.frag_off = ::htons(static_cast<std::uint16_t>((fields.dont_fragment ? IP_DF : 0) |
                                                     (fields.more_fragments ? IP_MF : 0)));
    ip.ttl = fields.ttl;
    ip.protocol = fields.protocol;
    ip.saddr = fields.source[3];
    ip.daddr = fields.destination[3];
}

/// RFC 8200.
inline Ipv6Headers::Ipv6Headers(const HeaderFields& fields) : ip{}, tcp(tcp_header(fields)) {
    constexpr std::uint32_t kVersion = 6;
    ip.ip6_flow =
        ::htonl(kVersion << 28 | std::uint32_t{fields.traffic_class} << 20 | fields.flow_label);
    ip.ip6_plen = length_field(sizeof(tcphdr) + fields.payload);
    ip.ip6_nxt = fields.protocol;
    ip.ip6_hlim = fields.ttl;
    std::memcpy(&ip.ip6_src, fields.source, sizeof(ip.ip6_src));
    std::memcpy(&ip.ip6_dst, fields.destination, sizeof(ip.ip6_dst));
}

}  // namespace flowstamp::net
