// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace flowstamp::analysis::compare {

/// B's clock, as A's tells it: B's time is A's, plus the offset, plus the drift since `begin_ns`.
struct ClockFit {
    std::int64_t begin_ns = 0;  ///< of A's clock
    double offset_ns = 0;       ///< at that time
    double drift = 0;           ///< seconds a second
    double uncertainty_ns = 0;  ///< of the offset: half the least round trip, and the scatter

    /// What B's clock showed when A's showed `time_a`.
    [[nodiscard]] std::int64_t to_b(std::int64_t time_a) const {
        return time_a + static_cast<std::int64_t>(offset_ns +
                                                  drift * static_cast<double>(time_a - begin_ns));
    }
    [[nodiscard]] std::int64_t to_a(std::int64_t time_b) const {
        const double since = (static_cast<double>(time_b - begin_ns) - offset_ns) / (1 + drift);
        return begin_ns + static_cast<std::int64_t>(since);
    }
};

/// Fits two clocks by packets that both captures have. A packet takes time: one that goes to B shows
/// B's clock too late by its delay, one that comes back too early. The least delays of both
/// directions enclose the offset; that they are alike is an assumption, so half their sum is its
/// uncertainty (RFC 5905, 8). Constant memory.
class ClockFitter {
  public:
    /// Between these times of A's clock.
    ClockFitter(std::int64_t begin_ns, std::int64_t end_ns);

    /// A packet that was seen at A then, and at B `later_ns` later, by the two clocks.
    void add(std::int64_t time_a_ns, std::int64_t later_ns, bool goes_to_b);

    /// Nothing unless both directions have packets. A clock that was set meanwhile, or that is
    /// unsteady, makes it less certain.
    [[nodiscard]] std::optional<ClockFit> fit() const;

  private:
    static constexpr std::size_t kWindows = 64;
    /// A part of the time: the least that packets to B were later, the most that those to A were.
    struct Window {
        std::optional<std::int64_t> least_to_b{};
        std::optional<std::int64_t> most_to_a{};
        std::int64_t least_time = 0;
        std::int64_t most_time = 0;
    };
    /// The offset was above `low` and below `high`, each at its own time since the beginning, ns.
    struct Point {
        double low;
        double low_time;
        double high;
        double high_time;
    };
    [[nodiscard]] std::vector<Point> points() const;
    [[nodiscard]] ClockFit fit_with(const std::vector<Point>& all, double drift) const;

    std::int64_t begin_;
    std::int64_t length_;
    std::vector<Window> windows_;
};

}  // namespace flowstamp::analysis::compare
