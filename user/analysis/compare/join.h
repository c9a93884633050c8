// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "user/analysis/compare/recording.h"

namespace flowstamp::analysis::compare {

/// How it is known that two views show one connection.
enum class JoinedBy : std::uint8_t {
    both_isns,  ///< both initial sequence numbers, whatever NAT is between
    ports,      ///< addresses, ports, and packets with the same numbers
    numbers,    ///< several packets with the same sequence and acknowledgement numbers
};

/// A connection that both captures show.
struct Joined {
    /// Of capture A and of B: its views. The one with the most packets comes first; others are of
    /// other interfaces, or from the other side of a NAT that is at the capture itself.
    std::array<std::vector<std::uint32_t>, 2> views{};
    /// What direction 0 of A's first view is called in the view: by capture and view.
    std::array<std::vector<std::uint8_t>, 2> direction{};
    JoinedBy by = JoinedBy::both_isns;

    [[nodiscard]] std::uint32_t main(unsigned capture) const { return views[capture].front(); }
    /// The direction of a view that is direction `way` of A's first view.
    [[nodiscard]] unsigned direction_of(unsigned capture, std::size_t view, unsigned way) const {
        return direction[capture][view] ^ way;
    }
};

struct Join {
    std::vector<Joined> connections{};
    std::vector<std::uint32_t> only_a{};  ///< views of connections that the other does not show
    std::vector<std::uint32_t> only_b{};
};

[[nodiscard]] Join join(const Recording& a, const Recording& b);

}  // namespace flowstamp::analysis::compare
