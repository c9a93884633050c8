// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace flowstamp::analysis::compare {

/// What a capture has of what must have passed it, and what it lacks of that.
struct Tally {
    std::uint64_t has = 0;
    std::uint64_t lacks = 0;

    /// It lacks more than one of a hundred: what it does not show means nothing.
    [[nodiscard]] bool is_lossy() const;

    void add(const Tally& other) {
        has += other.has;
        lacks += other.lacks;
    }
};

/// Why nothing is claimed about what the captures do not agree on.
enum class Unjudged : std::uint8_t {
    no_clock,            ///< the two clocks cannot be compared
    direction_unseen,    ///< the other capture shows nothing of this direction
    not_running,         ///< the other capture had not begun, or had ended
    capture_incomplete,  ///< the other capture lacks packets that passed it
    too_few_packets,     ///< it lacks none, but has too few to say that it lacks nothing
    ambiguous,           ///< it has something else that may be the same
    ports_reused,        ///< another connection on the same ports may explain it
};
inline constexpr std::size_t kUnjudged = 7;
[[nodiscard]] std::string_view name_of(Unjudged reason);

/// What a capture has, over all connections.
struct Coverage {
    Tally as_sender{};                 ///< of what the other capture received from its side
    Tally as_receiver{};               ///< of what arrived at its side
    bool is_known_complete = false;    ///< it says itself that it lost nothing
    bool is_known_incomplete = false;  ///< ... that it lost packets, or cut headers

    [[nodiscard]] bool is_lossy() const;
    /// It lacks no packet; `direction` is one of the two tallies.
    [[nodiscard]] bool is_complete(const Tally& direction) const;

    /// So many packets without one that is missing: of a capture that loses one of thirty, 97 of a
    /// hundred would show it.
    static constexpr std::uint64_t kEnough = 100;
};

}  // namespace flowstamp::analysis::compare
