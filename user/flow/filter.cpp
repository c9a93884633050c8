// SPDX-License-Identifier: Apache-2.0
#include "user/flow/filter.h"

#include <netinet/in.h>
#include <pcap/pcap.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "user/flow/endpoint.h"

namespace flowstamp {

namespace {

constexpr int kSnapLength = 65535;
constexpr std::size_t kIpv4Header = 20;
constexpr std::size_t kIpv6Header = 40;
constexpr std::size_t kTcpHeader = 20;

using Bytes = std::vector<std::uint8_t>;

void put8(Bytes& bytes, std::uint32_t value) {
    bytes.push_back(static_cast<std::uint8_t>(value));
}
void put16(Bytes& bytes, std::uint32_t value) {
    put8(bytes, value >> 8);
    put8(bytes, value);
}
void put32(Bytes& bytes, std::uint32_t value) {
    put16(bytes, value >> 16);
    put16(bytes, value);
}
void put(Bytes& bytes, std::span<const std::uint8_t> more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
}

/// RFC 791, without options; the checksum stays 0.
void put_ipv4(Bytes& bytes, const fs_packet& packet, const Endpoint& from, const Endpoint& to) {
    constexpr std::uint32_t kVersionAndLength = 0x45;
    constexpr std::uint32_t kDontFragment = 0x4000;
    put8(bytes, kVersionAndLength);
    put8(bytes, packet.tos);
    put16(bytes, packet.ip_bytes);
    put16(bytes, packet.ip_id);
    put16(bytes, packet.flags & FS_PACKET_DF ? kDontFragment : 0);
    put8(bytes, packet.ttl);
    put8(bytes, IPPROTO_TCP);
    put16(bytes, 0);
    put(bytes, std::span(from.address).last(4));
    put(bytes, std::span(to.address).last(4));
}

/// RFC 8200, without extension headers.
void put_ipv6(Bytes& bytes, const fs_packet& packet, const Endpoint& from, const Endpoint& to) {
    constexpr std::uint32_t kVersion = 6;
    put32(bytes, kVersion << 28 | std::uint32_t{packet.tos} << 20 | packet.flow_label);
    put16(bytes, packet.payload + packet.tcp_header);
    put8(bytes, IPPROTO_TCP);
    put8(bytes, packet.ttl);
    put(bytes, from.address);
    put(bytes, to.address);
}

/// RFC 9293. Options are not kept: the data offset says 5 words, as the bytes are.
void put_tcp(Bytes& bytes, const fs_packet& packet, const Endpoint& from, const Endpoint& to) {
    constexpr std::uint32_t kFiveWords = 5U << 12;
    put16(bytes, from.port);
    put16(bytes, to.port);
    put32(bytes, packet.seq);
    put32(bytes, packet.ack);
    put16(bytes, kFiveWords | packet.tcp_flags);
    put16(bytes, packet.window);
    put32(bytes, 0);
}

Bytes rebuild(const fs_packet& packet) {
    const Endpoint from = sender_of(packet);
    const Endpoint to = receiver_of(packet);
    Bytes bytes;
    bytes.reserve(kIpv6Header + kTcpHeader);
    if (from.is_v4()) {
        put_ipv4(bytes, packet, from, to);
    } else {
        put_ipv6(bytes, packet, from, to);
    }
    put_tcp(bytes, packet, from, to);
    return bytes;
}

}  // namespace

void Filter::Free::operator()(bpf_program* program) const {
    pcap_freecode(program);
    delete program;
}

Result<Filter> Filter::compile(const std::string& expression) {
    const std::unique_ptr<pcap_t, decltype(&pcap_close)> handle(
        pcap_open_dead(DLT_RAW, kSnapLength), &pcap_close);
    auto program = std::make_unique<bpf_program>();
    constexpr int kOptimize = 1;
    if (pcap_compile(handle.get(), program.get(), expression.c_str(), kOptimize,
                     PCAP_NETMASK_UNKNOWN) != 0) {
        return fail({.operation = "filter",
                     .object = "'" + expression + "'",
                     .errno_value = 0,
                     .reason = pcap_geterr(handle.get()),
                     .hint = "see pcap-filter(7); link-layer terms cannot be used here"});
    }
    return Filter(std::unique_ptr<bpf_program, Free>(program.release()));
}

bool Filter::matches(const fs_packet& packet) const {
    const Bytes bytes = rebuild(packet);
    pcap_pkthdr header{};
    header.caplen = static_cast<bpf_u_int32>(bytes.size());
    header.len = std::max(header.caplen, packet.ip_bytes);
    return pcap_offline_filter(program_.get(), &header, bytes.data()) != 0;
}

bool Filter::matches(const fs_flow_key& key) const {
    fs_packet packet{};
    packet.key = key;
    packet.tcp_flags = FS_TCP_ACK;
    packet.tcp_header = kTcpHeader;
    packet.ip_bytes = kIpv4Header + kTcpHeader;
    packet.segments = 1;
    const bool first = matches(packet);
    packet.direction = 1;
    return first || matches(packet);
}

}  // namespace flowstamp
