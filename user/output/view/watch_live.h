// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "user/base/fd.h"
#include "user/base/signals.h"
#include "user/output/event.h"
#include "user/output/style.h"
#include "user/output/view/held_events.h"
#include "user/output/view/screen.h"
#include "user/output/view/watch_lines.h"
#include "user/output/view/watch_tally.h"

namespace flowstamp::output {

/// The live view of a watch, on the whole terminal in place of lines. What the lines would have said
/// is held back, and comes when the view is closed: nothing is lost with the screen.
class WatchLive final : public Consumer {
  public:
    static constexpr Nanoseconds kBetween = std::chrono::milliseconds(500);
    /// Lines about the run that are held back; beyond that the oldest are left out, and counted.
    static constexpr std::size_t kNotices = 1000;

    /// `lines`: what standard output would get without the view; it and `clock` outlive this one.
    WatchLive(std::unique_ptr<Screen> screen, Consumer& lines, const Clock& clock, Style style,
              TimeForm times);

    void consume(const Event& event) override;
    [[nodiscard]] bool wants(const Event& event) const override { return lines_.wants(event); }

    void open();
    /// The terminal is as it was; `lines` gets what was held back, and all that follows.
    void close();

    /// A line about the run itself: shown. Returns false if it must be written as well: the view is not
    /// open, or standard error is no terminal.
    [[nodiscard]] bool takes_notice(std::string_view line);
    /// What takes_notice() has taken, to be written after close().
    [[nodiscard]] std::vector<std::string> take_notices();

    /// Readable when handle_keys() has something to do; -1 if the view is not open. It may be another
    /// one after each call of that.
    [[nodiscard]] int descriptor() const;
    /// Keys, Ctrl-Z, another size, a terminal that is gone. To be called ten times a second.
    void handle_keys();
    [[nodiscard]] bool wants_quit() const { return choice_.wants_quit; }

    /// Whether draw() is due: every kBetween. What keys have changed is drawn without it.
    [[nodiscard]] bool is_due(Nanoseconds now) const;
    /// `title`: what is watched, and how.
    void draw(analysis::Sample sample, std::string title, Nanoseconds now);

    [[nodiscard]] const JudgedResets& resets() const { return tally_.resets(); }

  private:
    void redraw();
    void suspend();

    std::unique_ptr<Screen> screen_;
    Consumer& lines_;
    const Clock& clock_;
    Style style_;
    TimeForm times_;
    EventTimes event_times_;
    SuspendSignal suspend_;
    Fd ready_;  ///< an epoll: of keys and of Ctrl-Z
    bool is_open_ = false;
    HeldEvents held_;
    std::deque<std::string> notices_;
    std::uint64_t notices_left_out_ = 0;
    WatchTally tally_;
    WatchRates rates_;
    WatchView view_;
    WatchChoice choice_;
    Output::Size drawn_size_{};
    bool has_changed_ = false;  ///< since the last drawing, by keys
    Nanoseconds due_{0};
};

}  // namespace flowstamp::output
