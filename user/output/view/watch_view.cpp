// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/view/watch_view.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "user/output/text/cleaned.h"

namespace flowstamp::output {

namespace {

/// Smaller is more important.
auto rank_of(const WatchView::Row& row) {
    const bool is_sure = row.finding && row.finding->verdict == FST_VERDICT_CONFIRMED;
    return std::tuple(row.incident.has_ended, !is_sure, -static_cast<double>(row.incident.count),
                      row.incident.id);
}

}  // namespace

WatchView::Rates WatchRates::consume(const analysis::Stats& stats) {
    points_.push_back({stats.uptime, stats.counters});
    while (points_.size() > 2 && points_[1].uptime <= stats.uptime - kWindow) {
        points_.pop_front();
    }
    const Point& before = points_.front();
    const std::chrono::duration<double> since = stats.uptime - before.uptime;
    const auto rate = [&](fst_counter counter) {
        const auto counted = stats.counters.at(counter) - before.counters.at(counter);
        return since.count() > 0 ? static_cast<double>(counted) / since.count() : 0;
    };
    return {.packets = rate(FST_COUNT_TCP),
            .bytes = rate(FST_COUNT_BYTES),
            .flows = rate(FST_COUNT_FLOW_NEW),
            .resets = rate(FST_COUNT_RST)};
}

WatchView view_of(analysis::Sample sample, const WatchTally& tally) {
    WatchView view{.stats = std::move(sample.stats), .resets = tally.resets()};
    for (const analysis::Incident& incident : sample.incidents) {
        const analysis::Finding* finding = tally.finding_of(incident.id);
        view.rows.push_back({std::get<analysis::Incident>(cleaned(incident)),
                             finding == nullptr ? std::nullopt : std::optional(*finding)});
    }
    std::ranges::sort(view.rows, {}, rank_of);
    for (const analysis::Middlebox& box : sample.middleboxes) {
        view.boxes.push_back(std::get<analysis::Middlebox>(cleaned(box)));
    }
    std::ranges::stable_sort(view.boxes, std::ranges::greater{}, &analysis::Middlebox::flows);
    view.messages.assign(tally.messages().begin(), tally.messages().end());
    return view;
}

}  // namespace flowstamp::output
