// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/text/path_view.h"

#include <algorithm>

namespace flowstamp::output {

namespace {

/// The count of the same part or loss in an older sample; 0 if it was not in there yet.
std::uint64_t packets_before(const pathtrace::PathSample& before,
                             const pathtrace::PathSample::Part& part) {
    const auto found =
        std::ranges::find(before.parts, part.name, &pathtrace::PathSample::Part::name);
    return found == before.parts.end() ? 0 : found->packets;
}

std::uint64_t packets_before(const pathtrace::PathSample& before,
                             const pathtrace::PathSample::Loss& loss) {
    const auto found =
        std::ranges::find(before.losses, loss.end, &pathtrace::PathSample::Loss::end);
    return found == before.losses.end() ? 0 : found->packets;
}

template <class Counted>
double rate(const pathtrace::PathSample& before, const pathtrace::PathSample& now,
            const Counted& item) {
    const std::chrono::duration<double> time = now.stats.uptime - before.stats.uptime;
    const auto more = static_cast<double>(item.packets - packets_before(before, item));
    return time.count() > 0 ? more / time.count() : 0;
}

/// Adds a loss to the line with the same text: several places in the kernel's code may share it.
void add(std::vector<PathView::Loss>& losses, const pathtrace::PathSample::Loss& loss,
         double rate) {
    const auto same = [&](const PathView::Loss& other) {
        return other.at == loss.at && other.before == loss.before && other.by == loss.by;
    };
    const auto found = std::ranges::find_if(losses, same);
    if (found == losses.end()) {
        losses.push_back({.at = loss.at,
                          .before = loss.before,
                          .by = loss.by,
                          .packets = loss.packets,
                          .rate = rate});
        return;
    }
    found->packets += loss.packets;
    found->rate += rate;
}

PathView view_of(const pathtrace::PathSample& before, const pathtrace::PathSample& now) {
    PathView view{.filter = {}, .parts = {}, .losses = {}, .stats = now.stats};
    for (const pathtrace::PathSample::Part& part : now.parts) {
        if (part.packets != 0) {
            view.parts.push_back({.name = part.name,
                                  .packets = part.packets,
                                  .rate = rate(before, now, part),
                                  .lost = 0,
                                  .lost_rate = 0});
        }
    }
    for (const pathtrace::PathSample::Loss& loss : now.losses) {
        const double lost_rate = rate(before, now, loss);
        add(view.losses, loss, lost_rate);
        if (const auto part = std::ranges::find(view.parts, loss.at, &PathView::Part::name);
            part != view.parts.end()) {
            part->lost += loss.packets;
            part->lost_rate += lost_rate;
        }
    }
    std::ranges::stable_sort(view.losses, std::greater(), &PathView::Loss::packets);
    return view;
}

}  // namespace

PathView PathRates::consume(pathtrace::PathSample sample) {
    samples_.push_back(std::move(sample));
    const Nanoseconds now = samples_.back().stats.uptime;
    while (samples_.size() > 2 && samples_[1].stats.uptime + kWindow <= now) {
        samples_.pop_front();
    }
    PathView view = view_of(samples_.front(), samples_.back());
    view.filter = filter_;
    return view;
}

}  // namespace flowstamp::output
