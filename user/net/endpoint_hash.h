// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "user/net/endpoint.h"

namespace flowstamp::net {

/// Address and port, mixed. Not secret: who can choose them can choose a hash.
[[nodiscard]] inline std::uint32_t hash_of(const Endpoint& end) {
    const std::uint64_t address = std::hash<std::string_view>{}(
        {reinterpret_cast<const char*>(end.address.data()), end.address.size()});
    const std::uint64_t mixed = (address ^ end.port) * 0xff51afd7ed558ccdU;
    return static_cast<std::uint32_t>(mixed >> 32);
}

}  // namespace flowstamp::net
