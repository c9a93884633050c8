// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tests/support/packet.h"

namespace flowstamp::testing {

/// A parsed TCP segment for assertions. Independent of the data path's parser, so that the two
/// check each other. Scalars are in host order.
struct TcpView {
    std::string src;  ///< addresses as text
    std::string dst;
    std::uint8_t ttl = 0;                       ///< or hop limit
    std::optional<std::uint16_t> ip_id{};       ///< IPv4 only
    std::optional<bool> df{};                   ///< IPv4 only
    std::optional<std::uint32_t> flow_label{};  ///< IPv6 only
    std::vector<std::uint16_t> vlan_ids{};      ///< outermost first
    std::uint16_t src_port = 0;
    std::uint16_t dst_port = 0;
    std::uint32_t seq = 0;
    std::uint32_t ack = 0;
    TcpFlags flags = NoFlags;
    std::uint16_t window = 0;
    std::uint16_t checksum = 0;  ///< as received
    Bytes options{};
    Bytes payload{};
    std::size_t ip_offset = 0;  ///< from the start of the bytes
    std::size_t tcp_offset = 0;
    bool ip_checksum_ok = true;  ///< always true over IPv6, which has none
    bool checksum_ok = false;
    bool checksum_partial = false;  ///< the field holds only the pseudo header's sum
};

/// Whether the bytes begin with an Ethernet header or with the IP header.
enum class StartsWith { Ethernet, Ip };

/// Nothing if the bytes are not a whole TCP segment over IPv4 or IPv6, or are a later fragment.
std::optional<TcpView> view_tcp(std::span<const std::uint8_t> bytes,
                                StartsWith start = StartsWith::Ethernet);

/// Whether the frame's TCP checksum (and IPv4 header checksum) is valid.
bool tcp_checksum_ok(std::span<const std::uint8_t> frame);

/// The same, but the TCP checksum is the pseudo header's sum, as with CHECKSUM_PARTIAL.
bool tcp_checksum_partial(std::span<const std::uint8_t> frame);

}  // namespace flowstamp::testing
