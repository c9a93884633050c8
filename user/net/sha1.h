// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace flowstamp::net {

/// SHA-1 (RFC 3174), only for Community ID: an identifier, not security.
[[nodiscard]] std::array<std::uint8_t, 20> sha1(std::span<const std::uint8_t> message);

}  // namespace flowstamp::net
