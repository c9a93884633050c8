// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// What became of each packet of a connection between the two captures: what a drawing shows.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "user/analysis/compare/recording.h"
#include "user/analysis/compare/way.h"
#include "user/base/clock.h"
#include "user/net/endpoint.h"

namespace flowstamp::analysis::compare {

enum class Passage : std::uint8_t {
    arrived,     ///< both captures show it
    never_sent,  ///< received, and a finding proves that its alleged sender did not send it
    eaten,       ///< sent, and a finding proves that it never arrived
    one_sided,   ///< one capture shows it; nothing is claimed
};

/// A packet between the two captures. One that is cut or merged on the way is several.
struct Crossing {
    std::uint8_t direction = 0;  ///< of A's first view
    bool goes_to_b = false;
    Passage passage = Passage::one_sided;
    std::optional<SeenPacket> at_a{};
    std::optional<SeenPacket> at_b{};  ///< its time is by A's clock
    std::optional<std::uint64_t> finding{};
    std::uint64_t left_out_before = 0;  ///< packets between it and the one before

    /// When it was first seen, by A's clock; of one that was never sent, when it was received.
    [[nodiscard]] std::int64_t time_ns() const {
        const auto& first = goes_to_b ? at_a : at_b;
        const auto& then = goes_to_b ? at_b : at_a;
        return (first ? first : then)->time_ns;
    }
};

/// A connection's crossings by time, thinned out around what its findings are about.
struct Crossings {
    std::array<std::array<net::Endpoint, 2>, 2> ends{};    ///< by capture: who sends direction 0, 1
    std::array<std::optional<std::uint32_t>, 2> begins{};  ///< the first number of each direction
    unsigned opener = 0;                                   ///< the direction of who opened it
    std::vector<Crossing> list{};
    std::uint64_t left_out_after = 0;  ///< packets after the last
};

/// A packet that a finding is about.
struct Mark {
    bool is_received = false;  ///< an index of received[0]; else of sent[0]
    std::uint32_t index = 0;
    std::uint64_t finding = 0;
};

/// A direction's crossings, in no order.
[[nodiscard]] std::vector<Crossing> crossings_of(const Way& way, const WayClock& clock,
                                                 std::span<const Mark> marks);

/// Sorts them, and keeps of a long connection its beginning, its end, and what is next to the packets
/// that findings are about; of a long row of these its beginning and its end.
void thin_out(Crossings& crossings);

}  // namespace flowstamp::analysis::compare
