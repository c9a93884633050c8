// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "user/kernel/attach/netlink.h"

namespace flowstamp::kernel {

/// What the kernel says of one interface of this network namespace (rtnetlink(7): RTM_NEWLINK and
/// RTM_DELLINK).
struct LinkMessage {
    std::uint32_t index = 0;
    std::string name{};         ///< empty: not said
    std::uint32_t mtu = 0;      ///< bytes; 0: not said
    bool is_up = false;         ///< IFF_UP: set up by the administrator
    bool is_deleted = false;    ///< it is no longer in this namespace
    bool is_elsewhere = false;  ///< ... but in another one

    friend bool operator==(const LinkMessage&, const LinkMessage&) = default;
};

/// The messages about interfaces in a datagram, in their order. Nothing if a part of the datagram
/// is cut off or malformed: then what it said is unknown.
[[nodiscard]] std::optional<std::vector<LinkMessage>> parse_links(Bytes datagram);

}  // namespace flowstamp::kernel
