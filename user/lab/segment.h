// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A TCP segment as a middlebox in the path sees it: what the injector reads from a frame.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "user/lab/address.h"

namespace flowstamp::lab {

using Frame = std::vector<std::uint8_t>;  ///< from the Ethernet header on
using FrameView = std::span<const std::uint8_t>;

/// Bits of the TCP flags byte (RFC 9293, section 3.1).
enum TcpFlag : std::uint8_t {
    Fin = 0x01,
    Syn = 0x02,
    Rst = 0x04,
    Psh = 0x08,
    Ack = 0x10,
    Urg = 0x20,
};

/// The two ends of the lab's path; also a direction: from that end.
enum class Side : std::uint8_t { Client, Server };

constexpr Side other(Side side) {
    return side == Side::Client ? Side::Server : Side::Client;
}

/// The TCP timestamps option (RFC 7323, section 3).
struct Timestamps {
    std::uint32_t value = 0;
    std::uint32_t echo = 0;
    bool operator==(const Timestamps&) const = default;
};

/// A parsed segment. Numbers in host byte order.
struct Segment {
    MacAddress source_mac, destination_mac;
    Endpoint source, destination;
    std::uint8_t ttl = 0;          ///< or IPv6 hop limit
    std::uint8_t tos = 0;          ///< or IPv6 traffic class
    std::uint16_t ip_id = 0;       ///< 0 in IPv6
    bool dont_fragment = false;    ///< false in IPv6
    std::uint32_t flow_label = 0;  ///< 0 in IPv4
    std::uint32_t seq = 0, ack = 0;
    std::uint8_t flags = 0;
    std::uint16_t window = 0;  ///< header field, unscaled
    std::uint32_t payload_bytes = 0;
    std::optional<Timestamps> timestamps;

    bool has(std::uint8_t flag) const { return (flags & flag) != 0; }
    /// The sequence number after this segment: SYN and FIN count as one each.
    std::uint32_t end() const { return seq + payload_bytes + has(Syn) + has(Fin); }
};

/// Parses the TCP segment in `frame`, which may be truncated after the TCP header: lengths come
/// from the IP header. Nothing for anything else: another protocol, a fragment, an IPv6 extension
/// header.
std::optional<Segment> parse_segment(FrameView frame);

/// a < b in the sequence space (RFC 9293, section 3.4).
constexpr bool seq_before(std::uint32_t a, std::uint32_t b) {
    return static_cast<std::int32_t>(a - b) < 0;
}

}  // namespace flowstamp::lab
