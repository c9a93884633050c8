// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace flowstamp::testing {

using Bytes = std::vector<std::uint8_t>;

/// The one's complement sum of 16-bit big-endian words, folded to 16 bits, host order (RFC 1071).
/// An odd last byte counts as the high half of a word. `start` is an earlier sum to continue.
std::uint16_t ones_sum(std::span<const std::uint8_t> data, std::uint16_t start = 0);

/// The value of a checksum field over `data`: the complement of ones_sum().
std::uint16_t internet_checksum(std::span<const std::uint8_t> data, std::uint16_t start = 0);

/// The sum over the pseudo header of TCP, UDP (RFC 9293 section 3.1) or, over IPv6, ICMPv6
/// (RFC 8200 section 8.1). Addresses are in network order, 4 or 16 bytes each; `length` is that
/// of the transport header and its data, in bytes. This value, not complemented, is what Linux
/// leaves in the checksum field of a packet marked CHECKSUM_PARTIAL.
std::uint16_t pseudo_header_sum(std::span<const std::uint8_t> source,
                                std::span<const std::uint8_t> destination, std::uint8_t protocol,
                                std::size_t length);

}  // namespace flowstamp::testing
