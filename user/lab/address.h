// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Addresses as the lab uses them: on the wire, in a socket call, on a command line.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <compare>
#include <cstdint>
#include <span>
#include <string>

namespace flowstamp::lab {

enum class Family : std::uint8_t { V4, V6 };

/// An Ethernet address.
struct MacAddress {
    std::array<std::uint8_t, 6> bytes{};

    std::string text() const;  ///< "02:00:00:00:01:02"
    auto operator<=>(const MacAddress&) const = default;
};

/// An IPv4 or IPv6 address, in network byte order; IPv4 uses the first four bytes, the rest are 0.
struct IpAddress {
    Family family = Family::V4;
    std::array<std::uint8_t, 16> bytes{};

    /// From text, for the lab's own constants: aborts when `text` is not an address.
    static IpAddress of(const char* text);
    static IpAddress from_bytes(std::span<const std::uint8_t> bytes);  ///< 4 or 16 bytes
    static IpAddress any(Family family) { return {family, {}}; }

    std::string text() const;
    std::span<const std::uint8_t> wire() const;  ///< the 4 or 16 bytes
    auto operator<=>(const IpAddress&) const = default;
};

/// One end of a TCP connection; the port is in host byte order.
struct Endpoint {
    IpAddress address;
    std::uint16_t port = 0;

    std::string text() const;  ///< "203.0.113.2:80", "[2001:db8:5::2]:80"
    auto operator<=>(const Endpoint&) const = default;
};

/// An endpoint in the form that socket calls take.
struct SocketAddress {
    explicit SocketAddress(const Endpoint& endpoint);
    SocketAddress() = default;  ///< empty, to be filled by accept(), getsockname() and the like

    sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
    Endpoint endpoint() const;

    sockaddr_storage storage{};
    socklen_t length = sizeof(sockaddr_storage);
};

int socket_family(Family family);  ///< AF_INET or AF_INET6

}  // namespace flowstamp::lab
