// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/compare/clock_fit.h"

#include <algorithm>
#include <cmath>

namespace flowstamp::analysis::compare {

namespace {

/// Clocks of computers run within this of each other; what is beyond was set, not drifted.
constexpr double kMostDrift = 1e-3;

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::ranges::nth_element(values, middle);
    return *middle;
}

}  // namespace

ClockFitter::ClockFitter(std::int64_t begin_ns, std::int64_t end_ns)
    : begin_(begin_ns),
      length_(std::max<std::int64_t>(end_ns - begin_ns, 0) + 1),
      windows_(kWindows) {}

void ClockFitter::add(std::int64_t time_a_ns, std::int64_t later_ns, bool goes_to_b) {
    const double part = static_cast<double>(time_a_ns - begin_) / static_cast<double>(length_);
    const auto at = static_cast<std::size_t>(
        std::clamp(part * kWindows, 0.0, static_cast<double>(kWindows - 1)));
    Window& window = windows_[at];
    if (goes_to_b && (!window.least_to_b || later_ns < *window.least_to_b)) {
        window.least_to_b = later_ns;
        window.least_time = time_a_ns - begin_;
    }
    if (!goes_to_b && (!window.most_to_a || later_ns > *window.most_to_a)) {
        window.most_to_a = later_ns;
        window.most_time = time_a_ns - begin_;
    }
}

/// Windows with packets of one direction only are joined with the next ones.
std::vector<ClockFitter::Point> ClockFitter::points() const {
    std::vector<Point> points;
    Window joined;
    for (const Window& window : windows_) {
        if (window.least_to_b && (!joined.least_to_b || *window.least_to_b < *joined.least_to_b)) {
            joined.least_to_b = window.least_to_b;
            joined.least_time = window.least_time;
        }
        if (window.most_to_a && (!joined.most_to_a || *window.most_to_a > *joined.most_to_a)) {
            joined.most_to_a = window.most_to_a;
            joined.most_time = window.most_time;
        }
        if (joined.least_to_b && joined.most_to_a) {
            points.push_back({.low = static_cast<double>(*joined.most_to_a),
                              .low_time = static_cast<double>(joined.most_time),
                              .high = static_cast<double>(*joined.least_to_b),
                              .high_time = static_cast<double>(joined.least_time)});
            joined = {};
        }
    }
    return points;
}

/// The drift is the median of the slopes between all windows' middles (Theil and Sen): windows in
/// which every packet was late do not bend it.
std::optional<ClockFit> ClockFitter::fit() const {
    const std::vector<Point> all = points();
    if (all.empty()) {
        return std::nullopt;
    }
    std::vector<double> slopes;
    const double apart = static_cast<double>(length_) / 8;
    const auto time = [](const Point& point) { return (point.low_time + point.high_time) / 2; };
    for (std::size_t i = 0; i < all.size(); i++) {
        for (std::size_t j = i + 1; j < all.size(); j++) {
            const double between = time(all[j]) - time(all[i]);
            if (between > apart) {
                slopes.push_back(((all[j].low + all[j].high) - (all[i].low + all[i].high)) / 2 /
                                 between);
            }
        }
    }
    const double drift = slopes.empty() ? 0 : median(std::move(slopes));
    const ClockFit without = fit_with(all, 0);
    if (std::abs(drift) > kMostDrift) {
        return without;
    }
    // A drift counts if it explains what is uncertain without it.
    const ClockFit with = fit_with(all, drift);
    return with.uncertainty_ns < without.uncertainty_ns ? with : without;
}

/// The offset if that is the drift.
ClockFit ClockFitter::fit_with(const std::vector<Point>& all, double drift) const {
    std::vector<double> lows;
    std::vector<double> highs;
    for (const Point& point : all) {
        lows.push_back(point.low - drift * point.low_time);
        highs.push_back(point.high - drift * point.high_time);
    }
    const double low = median(lows);
    const double high = median(highs);
    const double offset = (low + high) / 2;
    // If every window's bounds hold it, the truth is between the nearest of them. Else a clock was set,
    // times are unsteady, or the drift is another: then it may be anywhere within the bounds.
    double outside = 0;
    double widest = 0;
    for (std::size_t i = 0; i < all.size(); i++) {
        outside = std::max({outside, lows[i] - offset, offset - highs[i]});
        widest = std::max({widest, offset - lows[i], highs[i] - offset});
    }
    const double uncertainty = std::max(0.0, (high - low) / 2);
    return ClockFit{
        .begin_ns = begin_,
        .offset_ns = offset,
        .drift = drift,
        .uncertainty_ns = outside > 0 ? std::max(uncertainty, widest) + outside : uncertainty};
}

}  // namespace flowstamp::analysis::compare
