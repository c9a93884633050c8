// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace flowstamp::net {

/// What a frame holds that may carry TCP and is not opened: "L2TP", "ESP", "WireGuard" and so on;
/// empty if nothing of the kind. `frame` begins with an Ethernet header; UDP tunnels are known by
/// their ports (IANA).
[[nodiscard]] std::string_view unopened_encapsulation(std::span<const std::uint8_t> frame);

}  // namespace flowstamp::net
