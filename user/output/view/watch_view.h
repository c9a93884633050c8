// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "user/analysis/session.h"
#include "user/output/text/event_times.h"
#include "user/output/view/watch_tally.h"

namespace flowstamp::output {

/// What the live view of a watch shows, at one moment.
struct WatchView {
    /// Findings of one cause, and the one that stands for them, if it is known.
    struct Row {
        analysis::Incident incident{};
        std::optional<analysis::Finding> finding{};
    };
    /// A second, over WatchRates::kWindow.
    struct Rates {
        double packets = 0;
        double bytes = 0;
        double flows = 0;  ///< new ones
        double resets = 0;
    };
    std::string title{};  ///< what is watched, and how
    TimeForm times = TimeForm::local;
    EventTimes event_times{TimeForm::local};
    Rates rates{};
    analysis::Stats stats{};
    JudgedResets resets{};
    std::vector<Row> rows{};                      ///< the most important first
    std::vector<analysis::Middlebox> boxes{};     ///< that with the most connections first
    std::vector<WatchTally::Message> messages{};  ///< the latest last
};

/// Makes views from samples; rates are over the last two seconds.
class WatchRates {
  public:
    static constexpr Nanoseconds kWindow = std::chrono::seconds(2);

    /// Samples must come in order of time (Stats::uptime).
    [[nodiscard]] WatchView::Rates consume(const analysis::Stats& stats);

  private:
    struct Point {
        Nanoseconds uptime;
        analysis::Counters counters;
    };
    std::deque<Point> points_;  ///< oldest first
};

/// The view without its title, times and rates. Open incidents come first, then those with a
/// confirmed finding, then those with the most.
[[nodiscard]] WatchView view_of(analysis::Sample sample, const WatchTally& tally);

}  // namespace flowstamp::output
