// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "user/analysis/compare/clock_fit.h"
#include "user/analysis/compare/crossings.h"
#include "user/net/endpoint.h"
#include "user/output/report/flow_trace.h"

namespace flowstamp::output {

/// A connection between two captures, as a report draws it: an arrow a packet. Directions are by who
/// sends them, 0 or 1.
struct Ladder {
    struct Arrow {
        bool goes_to_b = false;
        analysis::compare::Passage passage{};
        std::optional<TracedPacket> at_a{};  ///< both by A's clock
        std::optional<TracedPacket> at_b{};
        std::optional<std::size_t> entry{};  ///< the report's entry that is about it
        std::uint64_t left_out_before = 0;   ///< packets

        /// The earlier of both ends.
        [[nodiscard]] Nanoseconds time() const {
            const Nanoseconds late = Nanoseconds::max();
            return std::min(at_a ? at_a->wall : late, at_b ? at_b->wall : late);
        }
    };

    std::array<std::string, 2> captures{};
    std::array<std::array<net::Endpoint, 2>, 2> ends{};  ///< by capture, by direction
    std::array<std::uint32_t, 2> first_numbers{};        ///< by direction
    unsigned opener = 0;
    std::string clocks{};  ///< how the two were laid on one another, a sentence
    std::vector<Arrow> arrows{};
    std::uint64_t left_out_after = 0;

    /// What is not drawn, in a sentence; empty if all is.
    [[nodiscard]] std::string left_out() const;
};

/// `entries`: the report's entries of the comparison's findings. `names`: of the captures.
[[nodiscard]] Ladder ladder_of(const analysis::compare::Crossings& crossings,
                               const analysis::compare::ClockFit& clock,
                               std::span<const std::size_t> entries,
                               const std::array<std::string, 2>& names);

}  // namespace flowstamp::output
