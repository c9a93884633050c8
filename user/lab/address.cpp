// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/lab/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace flowstamp::lab {

std::string MacAddress::text() const {
    return fmt::format("{:02x}", fmt::join(bytes, ":"));
}

IpAddress IpAddress::of(const char* text) {
    IpAddress address;
    if (inet_pton(AF_INET, text, address.bytes.data()) == 1) {
        return address;
    }
    address.family = Family::V6;
    if (inet_pton(AF_INET6, text, address.bytes.data()) != 1) {
        std::abort();
    }
    return address;
}

IpAddress IpAddress::from_bytes(std::span<const std::uint8_t> bytes) {
    IpAddress address;
    address.family = bytes.size() == 4 ? Family::V4 : Family::V6;
    std::copy_n(bytes.begin(), std::min(bytes.size(), address.bytes.size()), address.bytes.begin());
    return address;
}

std::string IpAddress::text() const {
    char buffer[INET6_ADDRSTRLEN] = {};
    inet_ntop(socket_family(family), bytes.data(), buffer, sizeof(buffer));
    return buffer;
}

std::span<const std::uint8_t> IpAddress::wire() const {
    return std::span(bytes).first(family == Family::V4 ? 4 : 16);
}

std::string Endpoint::text() const {
    return address.family == Family::V4 ? fmt::format("{}:{}", address.text(), port)
                                        : fmt::format("[{}]:{}", address.text(), port);
}

SocketAddress::SocketAddress(const Endpoint& endpoint) {
    if (endpoint.address.family == Family::V4) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_port = htons(endpoint.port);
        std::memcpy(&in.sin_addr, endpoint.address.bytes.data(), sizeof(in.sin_addr));
        std::memcpy(&storage, &in, length = sizeof(in));
    } else {
        sockaddr_in6 in6{};
        in6.sin6_family = AF_INET6;
        in6.sin6_port = htons(endpoint.port);
        std::memcpy(&in6.sin6_addr, endpoint.address.bytes.data(), sizeof(in6.sin6_addr));
        std::memcpy(&storage, &in6, length = sizeof(in6));
    }
}

Endpoint SocketAddress::endpoint() const {
    Endpoint endpoint;
    if (storage.ss_family == AF_INET6) {
        sockaddr_in6 in6;
        std::memcpy(&in6, &storage, sizeof(in6));
        endpoint.address = IpAddress::from_bytes(in6.sin6_addr.s6_addr);
        endpoint.port = ntohs(in6.sin6_port);
    } else {
        sockaddr_in in;
        std::memcpy(&in, &storage, sizeof(in));
        std::memcpy(endpoint.address.bytes.data(), &in.sin_addr, sizeof(in.sin_addr));
        endpoint.port = ntohs(in.sin_port);
    }
    return endpoint;
}

int socket_family(Family family) {
    return family == Family::V4 ? AF_INET : AF_INET6;
}

}  // namespace flowstamp::lab
