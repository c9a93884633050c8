// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "flowstamp/packet.h"
#include "user/base/clock.h"

namespace flowstamp::cmd {

/// The TCP segment of an Ethernet frame, by the data path's own parser; nullopt if it holds none.
/// `time`: for the packet, of the caller's clock.
[[nodiscard]] std::optional<fst_packet> parse_frame(std::span<std::uint8_t> bytes,
                                                    std::uint32_t ifindex, Nanoseconds time);

}  // namespace flowstamp::cmd
