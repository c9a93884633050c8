// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/locate/time_exceeded.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace flowstamp::locate {

namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t kIcmpHeader = 8;  ///< of both versions
constexpr std::size_t kPortsAndSequence = 8, kSequenceAt = 4, kAckAt = 8;

std::uint16_t read16(Bytes bytes, std::size_t at) {
    return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

std::uint32_t read32(Bytes bytes, std::size_t at) {
    return std::uint32_t{read16(bytes, at)} << 16 | read16(bytes, at + 2);
}

/// Ports and numbers, of what stands behind the quoted IP header.
bool read_tcp(Bytes tcp, TimeExceeded& its) {
    if (tcp.size() < kPortsAndSequence) {
        return false;
    }
    its.source.port = read16(tcp, 0);
    its.destination.port = read16(tcp, 2);
    its.seq = read32(tcp, kSequenceAt);
    if (tcp.size() >= kAckAt + sizeof(std::uint32_t)) {
        its.ack = read32(tcp, kAckAt);
    }
    return true;
}

/// ::ffff:a.b.c.d.
void map_v4(Bytes address, net::Endpoint& end) {
    constexpr std::size_t kMappedAt = 12;
    end.address[kMappedAt - 2] = end.address[kMappedAt - 1] = 0xff;
    std::ranges::copy(address, end.address.begin() + kMappedAt);
}

}  // namespace

std::optional<TimeExceeded> time_exceeded_v4(Bytes message) {
    if (message.size() < kIcmpHeader + sizeof(iphdr) || message[0] != ICMP_TIME_EXCEEDED ||
        message[1] != ICMP_EXC_TTL) {
        return std::nullopt;
    }
    const Bytes quote = message.subspan(kIcmpHeader);
    iphdr ip;
    std::memcpy(&ip, quote.data(), sizeof(ip));
    const std::size_t header_bytes = std::size_t{ip.ihl} * 4;
    if (ip.version != IPVERSION || header_bytes < sizeof(ip) || header_bytes > quote.size() ||
        ip.protocol != IPPROTO_TCP || (::ntohs(ip.frag_off) & IP_OFFMASK) != 0) {
        return std::nullopt;
    }
    TimeExceeded its{.ip_id = ::ntohs(ip.id)};
    map_v4(quote.subspan(offsetof(iphdr, saddr), sizeof(ip.saddr)), its.source);
    map_v4(quote.subspan(offsetof(iphdr, daddr), sizeof(ip.daddr)), its.destination);
    return read_tcp(quote.subspan(header_bytes), its) ? std::optional(its) : std::nullopt;
}

std::optional<TimeExceeded> time_exceeded_v6(Bytes message) {
    if (message.size() < kIcmpHeader + sizeof(ip6_hdr) || message[0] != ICMP6_TIME_EXCEEDED ||
        message[1] != ICMP6_TIME_EXCEED_TRANSIT) {
        return std::nullopt;
    }
    const Bytes quote = message.subspan(kIcmpHeader);
    ip6_hdr ip;
    std::memcpy(&ip, quote.data(), sizeof(ip));
    if (ip.ip6_nxt != IPPROTO_TCP) {
        return std::nullopt;
    }
    TimeExceeded its;
    std::memcpy(its.source.address.data(), &ip.ip6_src, sizeof(ip.ip6_src));
    std::memcpy(its.destination.address.data(), &ip.ip6_dst, sizeof(ip.ip6_dst));
    return read_tcp(quote.subspan(sizeof(ip)), its) ? std::optional(its) : std::nullopt;
}

}  // namespace flowstamp::locate
