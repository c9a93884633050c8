// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/text/path_live.h"

#include <algorithm>

#include "user/output/text/cleaned.h"

namespace flowstamp::output {

/// Path reports are held until the next drawing: written one by one, many of them would keep the
/// view erased.
void PathLive::consume(const Event& event) {
    if (std::holds_alternative<pathtrace::PathReport>(event)) {
        terminal_.hold();
        block_.erase();
        text_.consume(event);
        due_ = std::min(due_, drawn_ + kAtLeast);
    } else {
        make_way();
        text_.consume(event);
    }
}

bool PathLive::is_due(Nanoseconds now) const {
    return now >= due_;
}

void PathLive::draw(pathtrace::PathSample sample, Nanoseconds now) {
    block_.draw(lines_of(rates_.consume(cleaned(std::move(sample))), block_.width(), style_));
    terminal_.release();
    drawn_ = now;
    due_ = now + kBetween;
}

void PathLive::make_way() {
    block_.erase();
    terminal_.release();
    due_ = Nanoseconds(0);
}

void PathLive::suspend() {
    make_way();
    suspend_.suspend();
}

}  // namespace flowstamp::output
