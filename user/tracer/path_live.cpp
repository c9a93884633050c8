// SPDX-License-Identifier: Apache-2.0
#include "user/tracer/path_live.h"

namespace flowstamp {

void PathLive::story(const PathStory& story) {
    make_way();
    text_.story(story);
}

void PathLive::summary(const PathStats& stats) {
    make_way();
    text_.summary(stats);
}

bool PathLive::is_due(Nanoseconds now) const {
    return now >= due_;
}

void PathLive::draw(PathSample sample, Nanoseconds now) {
    block_.draw(lines_of(rates_.take(std::move(sample)), block_.width(), style_));
    drawn_ = now;
    due_ = now + kBetween;
}

void PathLive::make_way() {
    block_.erase();
    due_ = drawn_ + kAtLeast;
}

void PathLive::suspend() {
    make_way();
    suspend_.suspend();
}

}  // namespace flowstamp
