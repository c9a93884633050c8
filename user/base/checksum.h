// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// The Internet checksum (RFC 1071): sum with add_words(), then take the checksum() of the sum.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace flowstamp {

/// Adds `bytes` as big-endian 16-bit words, an odd last byte padded with 0, to `sum`. Up to 128
/// KiB.
constexpr std::uint32_t add_words(std::span<const std::uint8_t> bytes, std::uint32_t sum = 0) {
    for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
        sum += static_cast<std::uint32_t>(bytes[i] << 8 | bytes[i + 1]);
    }
    if (bytes.size() % 2 != 0) {
        sum += std::uint32_t{bytes.back()} << 8;
    }
    return sum;
}

/// The Internet checksum of `sum`, for the header field, in host byte order; 0 where the summed
/// bytes hold a valid one.
constexpr std::uint16_t checksum(std::uint32_t sum) {
    sum = (sum >> 16) + (sum & 0xffff);
    sum += sum >> 16;
    return static_cast<std::uint16_t>(~sum);
}

}  // namespace flowstamp
