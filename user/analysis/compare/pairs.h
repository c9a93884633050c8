// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "user/analysis/compare/join.h"
#include "user/analysis/compare/recording.h"

namespace flowstamp::analysis::compare {

/// One packet in both captures: its index in each one's list of a direction.
struct Pair {
    std::uint32_t a = 0;
    std::uint32_t b = 0;
};

/// The packets of one direction of a connection that both captures show, by A's time. Only those
/// whose numbers occur once in each: what was sent again cannot be told apart, and says nothing of
/// delays. A packet that one end shows as one (GSO, GRO) and the other as several is paired with the
/// first of these.
[[nodiscard]] std::vector<Pair> pairs_of(std::span<const SeenPacket> a,
                                         std::span<const SeenPacket> b);

/// Whether direction 0 of a connection goes from A to B: by the TTL, which routers lower; where
/// there is none between, by the time: what goes from A to B is later at B than what comes back
/// (whatever the clocks say, as both are on the same two). Unknown if neither tells, or if they
/// contradict each other.
[[nodiscard]] std::optional<bool> goes_to_b(const std::array<std::span<const SeenPacket>, 2>& a,
                                            const std::array<std::span<const SeenPacket>, 2>& b,
                                            const std::array<std::vector<Pair>, 2>& pairs);

}  // namespace flowstamp::analysis::compare
