// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/view/watch_live.h"

#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <initializer_list>
#include <iterator>
#include <utility>

#include "user/base/printable.h"
#include "user/output/text/counted.h"

namespace flowstamp::output {

namespace {

Fd epoll_of(std::initializer_list<int> descriptors) {
    Fd ready(::epoll_create1(EPOLL_CLOEXEC));
    for (const int descriptor : descriptors) {
        epoll_event readable{.events = EPOLLIN, .data = {}};
        readable.data.fd = descriptor;
        ::epoll_ctl(ready.get(), EPOLL_CTL_ADD, descriptor, &readable);
    }
    return ready;
}

}  // namespace

WatchLive::WatchLive(std::unique_ptr<Screen> screen, Consumer& lines, const Clock& clock,
                     Style style, TimeForm times)
    : screen_(std::move(screen)),
      lines_(lines),
      clock_(clock),
      style_(style),
      times_(times),
      event_times_(times),
      ready_(epoll_of({STDIN_FILENO, suspend_.descriptor()})) {}

void WatchLive::consume(const Event& event) {
    tally_.consume(event);
    if (!is_open_) {
        lines_.consume(event);
    } else if (lines_.wants(event)) {
        held_.hold(event);
    }
    if (const auto* finding = std::get_if<analysis::Finding>(&event)) {
        (void)event_times_.text(finding->sighting.wall);  // relative times count from the first one
    }
}

void WatchLive::open() {
    screen_->enter();
    is_open_ = true;
}

void WatchLive::close() {
    if (!std::exchange(is_open_, false)) {
        return;
    }
    screen_->leave();
    held_.release(lines_, clock_.realtime());
}

bool WatchLive::takes_notice(std::string_view line) {
    if (!is_open_) {
        return false;
    }
    tally_.note({.wall = clock_.realtime(), .text = printable(line)});
    if (::isatty(STDERR_FILENO) == 0) {
        return false;
    }
    notices_.emplace_back(line);
    if (notices_.size() > kNotices) {
        notices_.pop_front();
        ++notices_left_out_;
    }
    return true;
}

std::vector<std::string> WatchLive::take_notices() {
    std::deque<std::string> notices = std::exchange(notices_, {});
    if (const std::uint64_t missing = std::exchange(notices_left_out_, 0); missing != 0) {
        notices.push_front("left out: " + counted_grouped(missing, "earlier message"));
    }
    return {std::make_move_iterator(notices.begin()), std::make_move_iterator(notices.end())};
}

/// In the background, keys are for whoever has the terminal.
int WatchLive::descriptor() const {
    if (!is_open_) {
        return -1;
    }
    return screen_->is_background() ? suspend_.descriptor() : ready_.get();
}

void WatchLive::handle_keys() {
    if (!is_open_) {
        return;
    }
    pollfd stopping{.fd = suspend_.descriptor(), .events = POLLIN, .revents = 0};
    if (::poll(&stopping, 1, 0) > 0) {
        suspend();
    }
    if (screen_->is_gone()) {
        close();
        return;
    }
    if (screen_->is_background()) {
        return;
    }
    screen_->enter();  // after Ctrl-Z, when it is in the foreground again
    while (const auto key = screen_->read_key()) {
        choice_.press(*key, view_, drawn_of(view_, choice_, screen_->size()));
        has_changed_ = true;
    }
    const Output::Size now = screen_->size();
    if (has_changed_ || now.columns != drawn_size_.columns || now.rows != drawn_size_.rows) {
        redraw();
    }
}

void WatchLive::suspend() {
    screen_->leave();
    suspend_.suspend();
    has_changed_ = true;
}

bool WatchLive::is_due(Nanoseconds now) const {
    return is_open_ && now >= due_;
}

void WatchLive::draw(analysis::Sample sample, std::string title, Nanoseconds now) {
    due_ = now + kBetween;
    const WatchView::Rates rates = rates_.consume(sample.stats);
    if (choice_.is_paused) {
        return;
    }
    view_ = view_of(std::move(sample), tally_);
    view_.title = std::move(title);
    view_.times = times_;
    view_.event_times = event_times_;
    view_.rates = rates;
    redraw();
}

/// A terminal that has not taken the last drawing yet gets the next one later.
void WatchLive::redraw() {
    if (screen_->is_background() || !screen_->is_ready()) {
        return;
    }
    drawn_size_ = screen_->size();
    screen_->draw(lines_of(view_, choice_, drawn_size_, style_));
    has_changed_ = false;
}

}  // namespace flowstamp::output
