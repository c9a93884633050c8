// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "user/pathtrace/path_report.h"
#include "user/pathtrace/station_counts.h"
#include "user/pathtrace/station_plan.h"

namespace flowstamp::pathtrace {

/// Counts at one moment, by part of the path through this host.
struct PathSample {
    struct Part {
        std::string name{};         ///< "eth2 in", "prerouting"
        std::uint64_t packets = 0;  ///< packets that reached it
    };
    struct Loss {
        PathEnd end{};
        std::string at{};      ///< a part's name; empty: before the first station
        std::string before{};  ///< what they did not pass: "mangle"; empty: the whole part
        std::string by{};      ///< cause, in a few words; empty: not known yet
        std::uint64_t packets = 0;
    };
    std::vector<Part> parts{};  ///< in the order in which packets pass them
    std::vector<Loss> losses{};
    PathStats stats{};
};

[[nodiscard]] PathSample sample_of(const StationCounts& counts, const StationMap& map,
                                   const PathStats& stats);

/// Where packets with this end were lost; without a cause, and their number.
[[nodiscard]] PathSample::Loss place_of(const PathEnd& end, const StationMap& map);

/// The cause of a drop in a few words: "iptables-nft mangle FORWARD rule 1", or the kernel's
/// reason.
[[nodiscard]] std::string short_words(const PathReport::Drop& drop);

}  // namespace flowstamp::pathtrace
