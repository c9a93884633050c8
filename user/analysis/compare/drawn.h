// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "user/analysis/compare/comparison.h"
#include "user/analysis/compare/crossings.h"

namespace flowstamp::analysis::compare {

/// A connection that findings are about.
struct DrawnConnection {
    std::vector<std::size_t> findings{};   ///< indices of Compared::findings
    std::optional<Crossings> crossings{};  ///< nothing if the clocks are not comparable
};

struct ComparedAndDrawn {
    Compared compared{};
    std::vector<DrawnConnection> drawn{};  ///< in the order of their first findings
    std::uint64_t not_drawn = 0;           ///< connections with findings beyond these
};

/// compare(), and of so many connections with findings what became of their packets.
[[nodiscard]] ComparedAndDrawn compare_and_draw(const Recording& a, const Recording& b,
                                                std::uint64_t first_id, std::size_t most);

}  // namespace flowstamp::analysis::compare
