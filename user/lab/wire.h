// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Header layout and the TCP checksum shared by reading and writing frames.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "user/base/checksum.h"

namespace flowstamp::lab::wire {

using flowstamp::add_words;
using flowstamp::checksum;

inline constexpr std::size_t ethernet_bytes = 14;
inline constexpr std::size_t ipv4_bytes = 20;  ///< without options
inline constexpr std::size_t ipv6_bytes = 40;
inline constexpr std::size_t tcp_bytes = 20;  ///< without options

inline constexpr std::uint16_t ethertype_ipv4 = 0x0800;
inline constexpr std::uint16_t ethertype_ipv6 = 0x86dd;
inline constexpr std::uint8_t protocol_tcp = 6;

constexpr std::uint16_t load16(std::span<const std::uint8_t> bytes, std::size_t at) {
    return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

constexpr std::uint32_t load32(std::span<const std::uint8_t> bytes, std::size_t at) {
    return std::uint32_t{load16(bytes, at)} << 16 | load16(bytes, at + 2);
}

constexpr void store16(std::span<std::uint8_t> bytes, std::size_t at, std::uint16_t value) {
    bytes[at] = static_cast<std::uint8_t>(value >> 8);
    bytes[at + 1] = static_cast<std::uint8_t>(value);
}

constexpr void store32(std::span<std::uint8_t> bytes, std::size_t at, std::uint32_t value) {
    store16(bytes, at, static_cast<std::uint16_t>(value >> 16));
    store16(bytes, at + 2, static_cast<std::uint16_t>(value));
}

/// The checksum of a TCP segment with its pseudo header (RFC 9293, section 3.1; RFC 8200, 8.1).
/// The checksum field of `segment` must be 0; with a valid checksum in it the result is 0.
constexpr std::uint16_t tcp_checksum(std::span<const std::uint8_t> source,
                                     std::span<const std::uint8_t> destination,
                                     std::span<const std::uint8_t> segment) {
    const std::uint32_t pseudo_header = add_words(source) + add_words(destination) + protocol_tcp +
                                        static_cast<std::uint32_t>(segment.size());
    return checksum(add_words(segment, pseudo_header));
}

}  // namespace flowstamp::lab::wire
