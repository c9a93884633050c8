// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/net/packet_headers.h"

#include <cstring>

#include "user/net/endpoint.h"

namespace flowstamp::net {

namespace {

constexpr std::uint32_t kIpv4Header = 20;
constexpr std::uint32_t kTcpHeader = 20;

/// A 16-bit length field. 0 stands for a length that does not fit: a GSO packet of 64 KiB and more
/// (BIG TCP), as in the packet itself.
std::uint32_t length_field(std::uint32_t bytes) {
    return bytes > 0xffff ? 0 : bytes;
}

}  // namespace

void PacketHeaders::put16(std::uint32_t value) {
    put8(value >> 8);
    put8(value);
}

void PacketHeaders::put32(std::uint32_t value) {
    put16(value >> 16);
    put16(value);
}

void PacketHeaders::put_address(std::span<const __be32> words) {
    std::memcpy(&bytes_[size_], words.data(), words.size_bytes());
    size_ += words.size_bytes();
}

void PacketHeaders::put_port(__be16 port) {
    std::memcpy(&bytes_[size_], &port, sizeof(port));
    size_ += sizeof(port);
}

/// RFC 791.
void PacketHeaders::put_ipv4(const fst_packet& packet, unsigned sender) {
    constexpr std::uint32_t kVersionAndLength = 0x45;
    constexpr std::uint32_t kDontFragment = 0x4000;
    constexpr std::uint32_t kMoreFragments = 0x2000;
    put8(kVersionAndLength);
    put8(packet.tos);
    put16(length_field(kIpv4Header + kTcpHeader + packet.payload));
    put16(packet.ip_id);
    put16((packet.flags & FST_PACKET_DF ? kDontFragment : 0) |
          (packet.flags & FST_PACKET_FIRST_FRAGMENT ? kMoreFragments : 0));
    put8(packet.ttl);
    put8(packet.key.protocol);
    put16(0);
    put_address(std::span(packet.key.address[sender]).last(1));
    put_address(std::span(packet.key.address[sender ^ 1U]).last(1));
}

/// RFC 8200.
void PacketHeaders::put_ipv6(const fst_packet& packet, unsigned sender) {
    constexpr std::uint32_t kVersion = 6;
    put32(kVersion << 28 | std::uint32_t{packet.tos} << 20 | packet.flow_label);
    put16(length_field(kTcpHeader + packet.payload));
    put8(packet.key.protocol);
    put8(packet.ttl);
    put_address(packet.key.address[sender]);
    put_address(packet.key.address[sender ^ 1U]);
}

/// RFC 9293. The data offset is five words: options are not rebuilt.
void PacketHeaders::put_tcp(const fst_packet& packet, unsigned sender) {
    constexpr std::uint32_t kFiveWords = 5U << 12;
    put_port(packet.key.port[sender]);
    put_port(packet.key.port[sender ^ 1U]);
    put32(packet.seq);
    put32(packet.ack);
    put16(kFiveWords | packet.tcp_flags);
    put16(packet.window);
    put32(0);
}

PacketHeaders::PacketHeaders(const fst_packet& packet) {
    const unsigned sender = packet.direction & 1U;
    if (end_of(packet.key, sender).is_v4()) {
        put_ipv4(packet, sender);
    } else {
        put_ipv6(packet, sender);
    }
    put_tcp(packet, sender);
}

}  // namespace flowstamp::net
