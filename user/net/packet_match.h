// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "user/base/result.h"

namespace flowstamp::net {

/// What a packet must bear: a few comparisons that a kernel program does before anything else.
struct PacketMatch {
    using Address = std::array<std::uint8_t, 16>;  ///< network order; IPv4 as ::ffff:a.b.c.d

    /// An address under a mask; all zero: any.
    struct Net {
        Address address{};
        Address mask{};
        friend bool operator==(const Net&, const Net&) = default;
    };
    /// Both ends included.
    struct Ports {
        std::uint16_t low = 0;
        std::uint16_t high = 65535;
        friend bool operator==(const Ports&, const Ports&) = default;
    };

    std::uint8_t family = 0;    ///< 4 or 6; 0: either
    std::uint8_t protocol = 0;  ///< of IP; 0: any
    Net source{};
    Net destination{};
    Ports source_ports{};
    Ports destination_ports{};

    friend bool operator==(const PacketMatch&, const PacketMatch&) = default;
};

/// A filter as comparisons: a packet that the filter takes fits one of `any_of`. Empty: all do.
struct PacketMatches {
    std::vector<PacketMatch> any_of{};
    bool is_exact = true;  ///< else what fits need not pass the filter
};

/// The most comparisons that a kernel program does.
inline constexpr std::size_t kPacketMatchesMost = 16;

/// Takes a filter of tcpdump's language apart: libpcap compiles it, and what each way through its
/// program to acceptance asks of addresses, protocol and ports is what must fit. What else it asks
/// (flags, lengths, "not") is left out, so more fits than the filter takes, never less.
/// Fails with libpcap's own words for what is wrong in `expression`.
[[nodiscard]] Result<PacketMatches> packet_matches(const std::string& expression);

}  // namespace flowstamp::net
