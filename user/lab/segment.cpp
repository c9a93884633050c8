// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/lab/segment.h"

#include <algorithm>

#include "user/lab/wire.h"

namespace flowstamp::lab {
namespace {

using namespace wire;

MacAddress mac_at(FrameView frame, std::size_t at) {
    MacAddress mac;
    std::ranges::copy(frame.subspan(at, mac.bytes.size()), mac.bytes.begin());
    return mac;
}

/// The length of the TCP segment, header included, by the IP header; 0 if this is not a whole TCP
/// segment. Sets where it begins.
std::uint32_t parse_ipv4(FrameView packet, Segment& segment, std::size_t& begin) {
    if (packet.size() < ipv4_bytes || packet[0] >> 4 != 4 || packet[9] != protocol_tcp) {
        return 0;
    }
    begin = (packet[0] & 0xf) * std::size_t{4};
    const std::uint16_t total = load16(packet, 2);
    const std::uint16_t fragment = load16(packet, 6);
    if (begin < ipv4_bytes || total < begin + tcp_bytes || (fragment & 0x3fff) != 0) {
        return 0;
    }
    segment.tos = packet[1];
    segment.ip_id = load16(packet, 4);
    segment.dont_fragment = (fragment & 0x4000) != 0;
    segment.ttl = packet[8];
    segment.source.address = IpAddress::from_bytes(packet.subspan(12, 4));
    segment.destination.address = IpAddress::from_bytes(packet.subspan(16, 4));
    return total - static_cast<std::uint32_t>(begin);
}

std::uint32_t parse_ipv6(FrameView packet, Segment& segment, std::size_t& begin) {
    if (packet.size() < ipv6_bytes || packet[0] >> 4 != 6 || packet[6] != protocol_tcp) {
        return 0;
    }
    begin = ipv6_bytes;
    const std::uint32_t first = load32(packet, 0);
    segment.tos = static_cast<std::uint8_t>(first >> 20);
    segment.flow_label = first & 0xfffff;
    segment.ttl = packet[7];
    segment.source.address = IpAddress::from_bytes(packet.subspan(8, 16));
    segment.destination.address = IpAddress::from_bytes(packet.subspan(24, 16));
    return load16(packet, 4);
}

/// The timestamps option of a TCP header (RFC 9293, section 3.2: kind, length, data).
std::optional<Timestamps> find_timestamps(FrameView options) {
    constexpr std::uint8_t end_of_list = 0, no_operation = 1, timestamps = 8;
    while (!options.empty() && options[0] != end_of_list) {
        if (options[0] == no_operation) {
            options = options.subspan(1);
            continue;
        }
        if (options.size() < 2 || options[1] < 2 || options[1] > options.size()) {
            break;
        }
        if (options[0] == timestamps && options[1] == 10) {
            return Timestamps{load32(options, 2), load32(options, 6)};
        }
        options = options.subspan(options[1]);
    }
    return std::nullopt;
}

}  // namespace

std::optional<Segment> parse_segment(FrameView frame) {
    if (frame.size() < ethernet_bytes) {
        return std::nullopt;
    }
    Segment segment;
    segment.destination_mac = mac_at(frame, 0);
    segment.source_mac = mac_at(frame, 6);
    const std::uint16_t type = load16(frame, 12);
    const FrameView packet = frame.subspan(ethernet_bytes);

    std::size_t begin = 0;
    std::uint32_t length = 0;
    if (type == ethertype_ipv4) {
        length = parse_ipv4(packet, segment, begin);
    } else if (type == ethertype_ipv6) {
        length = parse_ipv6(packet, segment, begin);
    }
    if (length < tcp_bytes || packet.size() < begin + tcp_bytes) {
        return std::nullopt;
    }
    const FrameView tcp = packet.subspan(begin);
    const std::size_t header = (tcp[12] >> 4) * std::size_t{4};
    if (header < tcp_bytes || header > length || header > tcp.size()) {
        return std::nullopt;
    }
    segment.source.port = load16(tcp, 0);
    segment.destination.port = load16(tcp, 2);
    segment.seq = load32(tcp, 4);
    segment.ack = load32(tcp, 8);
    segment.flags = tcp[13];
    segment.window = load16(tcp, 14);
    segment.payload_bytes = length - static_cast<std::uint32_t>(header);
    segment.timestamps = find_timestamps(tcp.subspan(tcp_bytes, header - tcp_bytes));
    return segment;
}

}  // namespace flowstamp::lab
