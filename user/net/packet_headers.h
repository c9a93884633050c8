// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "flowstamp/packet.h"

namespace flowstamp::net {

/// A packet's IP and TCP headers, rebuilt without what was not recorded: options, extension headers
/// and checksums. The length fields cover these headers and the packet's real payload.
class PacketHeaders {
  public:
    static constexpr std::size_t kMaxBytes = 60;  ///< IPv6 and TCP

    explicit PacketHeaders(const fst_packet& packet);

    [[nodiscard]] std::span<const std::uint8_t> bytes() const {
        return std::span(bytes_).first(size_);
    }

  private:
    void put8(std::uint32_t value) { bytes_[size_++] = static_cast<std::uint8_t>(value); }
    void put16(std::uint32_t value);
    void put32(std::uint32_t value);
    void put_address(std::span<const __be32> words);
    void put_port(__be16 port);
    void put_ipv4(const fst_packet& packet, unsigned sender);
    void put_ipv6(const fst_packet& packet, unsigned sender);
    void put_tcp(const fst_packet& packet, unsigned sender);

    std::array<std::uint8_t, kMaxBytes> bytes_;
    std::size_t size_ = 0;
};

}  // namespace flowstamp::net
