// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <random>

#include "user/net/endpoint.h"

namespace flowstamp::net {

/// Another one in each process: nobody outside can choose what has the same hash.
[[nodiscard]] inline std::uint64_t hash_seed() {
    static const std::uint64_t seed = std::uint64_t{std::random_device{}()} << 32U | 1U;
    return seed;
}

/// `word`, mixed into `hash`.
[[nodiscard]] constexpr std::uint64_t mixed(std::uint64_t hash, std::uint64_t word) {
    hash = (hash ^ word) * 0xff51afd7ed558ccdU;
    return hash ^ hash >> 32U;
}

[[nodiscard]] inline std::uint32_t hash_of(const Endpoint& end) {
    std::array<std::uint64_t, 2> address{};
    std::memcpy(address.data(), end.address.data(), sizeof(address));
    return static_cast<std::uint32_t>(
        mixed(mixed(mixed(hash_seed(), address[0]), address[1]), end.port) >> 16U);
}

}  // namespace flowstamp::net
