// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "flowstamp/packet.h"

namespace flowstamp::net {

/// One end of a flow. Address as in the contract: 16 bytes in network order, IPv4 as
/// ::ffff:a.b.c.d. Port in host order.
struct Endpoint {
    std::array<std::uint8_t, 16> address{};
    std::uint16_t port = 0;

    [[nodiscard]] bool is_v4() const;
    /// "198.51.100.7" or "2001:db8::7".
    [[nodiscard]] std::string ip_text() const;
    /// "198.51.100.7:443" or "[2001:db8::7]:443".
    [[nodiscard]] std::string text() const;

    friend bool operator==(const Endpoint&, const Endpoint&) = default;
    friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

/// End `index` (0 or 1) of a key.
[[nodiscard]] Endpoint end_of(const fst_flow_key& key, unsigned index);

/// The packet's sender and receiver.
[[nodiscard]] inline Endpoint sender_of(const fst_packet& packet) {
    return end_of(packet.key, packet.direction & 1U);
}
[[nodiscard]] inline Endpoint receiver_of(const fst_packet& packet) {
    return end_of(packet.key, (packet.direction & 1U) ^ 1U);
}

}  // namespace flowstamp::net
