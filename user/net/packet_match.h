// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "user/base/result.h"

namespace flowstamp::net {

/// A few comparisons that a kernel program does on a packet before anything else.
struct PacketMatch {
    using Address = std::array<std::uint8_t, 16>;  ///< network order; IPv4 as ::ffff:a.b.c.d

    /// An address and mask; all zero: any.
    struct Net {
        Address address{};
        Address mask{};
        friend bool operator==(const Net&, const Net&) = default;
    };
    /// An inclusive range.
    struct Ports {
        std::uint16_t low = 0;
        std::uint16_t high = 65535;
        friend bool operator==(const Ports&, const Ports&) = default;
    };

    std::uint8_t family = 0;    ///< 4 or 6; 0: either
    std::uint8_t protocol = 0;  ///< IP protocol; 0: any
    Net source{};
    Net destination{};
    Ports source_ports{};
    Ports destination_ports{};

    friend bool operator==(const PacketMatch&, const PacketMatch&) = default;
};

/// A filter as comparisons: every packet that passes it matches one of `any_of`. Empty: all match.
struct PacketMatches {
    std::vector<PacketMatch> any_of{};
    bool is_exact = true;  ///< if false, a matching packet may fail the filter
};

/// Limit on any_of in a kernel program.
inline constexpr std::size_t kPacketMatchesMax = 16;

/// Reduces a filter of tcpdump's language to comparisons: libpcap compiles it, and each path
/// through the program to acceptance gives one match of addresses, protocol and ports. Other
/// conditions (flags, lengths, "not") are left out, so the result matches more than the filter,
/// never less. Fails with libpcap's message about `expression`.
[[nodiscard]] Result<PacketMatches> packet_matches(const std::string& expression);

}  // namespace flowstamp::net
