// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "user/base/clock.h"
#include "user/output/style.h"
#include "user/pathtrace/path_sample.h"

namespace flowstamp::output {

/// What the live view shows.
struct PathView {
    /// A part of the path that packets have passed.
    struct Part {
        std::string name{};
        std::uint64_t packets = 0;
        double rate = 0;         ///< packets per second, over PathRates::kWindow
        std::uint64_t lost = 0;  ///< packets, in this part
        double lost_rate = 0;
    };
    struct Loss {
        std::string at{};
        std::string before{};
        std::string by{};
        std::uint64_t packets = 0;
        double rate = 0;
    };
    std::string filter{};
    std::vector<Part> parts{};
    std::vector<Loss> losses{};  ///< most packets first
    pathtrace::PathStats stats{};
};

/// Makes views from samples; rates are over the last two seconds.
class PathRates {
  public:
    static constexpr Nanoseconds kWindow = std::chrono::seconds(2);

    explicit PathRates(std::string filter) : filter_(std::move(filter)) {}

    /// Samples must come in order of time (stats.uptime).
    [[nodiscard]] PathView consume(pathtrace::PathSample sample);

  private:
    std::string filter_;
    std::deque<pathtrace::PathSample> samples_;  ///< oldest first
};

/// The view as lines of at most `width` columns, without line ends.
[[nodiscard]] std::vector<std::string> lines_of(const PathView& view, std::size_t width,
                                                const Style& style);

}  // namespace flowstamp::output
