// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "user/net/endpoint.h"

namespace flowstamp::locate {

/// What an ICMP "time exceeded in transit" quotes of the TCP segment that it is about. Host order.
struct TimeExceeded {
    net::Endpoint source{};       ///< of the quoted segment
    net::Endpoint destination{};  ///< of the quoted segment
    std::uint32_t seq = 0;
    std::optional<std::uint16_t> ip_id{};  ///< of IPv4
    std::optional<std::uint32_t> ack{};    ///< absent where the quote ends before: RFC 792 asks for
                                           ///< eight bytes behind the IP header only
};

/// `message` begins with its ICMP header (RFC 792). Nothing if it is something else, or quotes
/// anything but the beginning of a TCP segment.
[[nodiscard]] std::optional<TimeExceeded> time_exceeded_v4(std::span<const std::uint8_t> message);

/// The same of ICMPv6 (RFC 4443, section 3.3). Extension headers before TCP are not looked behind:
/// no probe has any.
[[nodiscard]] std::optional<TimeExceeded> time_exceeded_v6(std::span<const std::uint8_t> message);

}  // namespace flowstamp::locate
