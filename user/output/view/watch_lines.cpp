// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/view/watch_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "user/base/time_text.h"
#include "user/output/text/fitted.h"

namespace flowstamp::output {

namespace {

using Lines = std::vector<std::string>;

/// Above and below what is shown: the title, and the keys.
constexpr std::size_t kFrame = 2;

Output::Size inner(Output::Size size) {
    return {.columns = size.columns, .rows = size.rows - std::min(size.rows, kFrame)};
}

std::string title_line(const WatchView& view, const WatchChoice& choice, std::size_t width,
                       const Style& style) {
    const std::string uptime =
        "up " + duration_text(std::chrono::floor<std::chrono::seconds>(view.stats.uptime));
    const TimeZone zone = view.times == TimeForm::utc ? TimeZone::utc : TimeZone::local;
    const std::string now =
        clock_text(view.stats.wall, zone).substr(0, std::string_view("12:00:00").size());
    const std::string when =
        view.times == TimeForm::relative ? uptime : fmt::format("{}, {}", now, uptime);
    const std::string line = apart("flowstamp watch  " + view.title,
                                   (choice.is_paused ? "PAUSED at " : "") + when, width);
    return choice.is_paused ? style.doubtful(line) : style.strong(line);
}

std::string keys_line(const WatchChoice& choice, std::size_t width, const Style& style) {
    if (choice.is_typing) {
        return apart(fmt::format("/{}_", choice.filter), "Enter: filter  Esc: show all", width);
    }
    const std::string pause = choice.is_paused ? "p go on" : "p pause";
    const Lines cells = choice.is_open
                            ? Lines{"Esc back", "up/down scroll", pause}
                            : Lines{"q quit", "Enter open", pause, "/ filter", "up/down choose"};
    return style.faint(beside(cells, width));
}

}  // namespace

Lines lines_of(const WatchView& view, const WatchChoice& choice, Output::Size size,
               const Style& style) {
    const std::size_t width = size.columns;
    const Output::Size body = inner(size);
    Lines shown;
    if (choice.is_open) {
        const Lines page = page_of(view, choice, width, style);
        const std::size_t first = std::min(choice.first_line, page.size());
        const std::size_t count = std::min(body.rows, page.size() - first);
        shown.assign(page.begin() + static_cast<std::ptrdiff_t>(first),
                     page.begin() + static_cast<std::ptrdiff_t>(first + count));
    } else {
        shown = overview_of(view, choice, body, style);
    }
    shown.resize(body.rows);
    Lines lines{title_line(view, choice, width, style)};
    lines.insert(lines.end(), std::make_move_iterator(shown.begin()),
                 std::make_move_iterator(shown.end()));
    lines.push_back(keys_line(choice, width, style));
    lines.resize(std::min(lines.size(), size.rows));
    return lines;
}

WatchChoice::Drawn drawn_of(const WatchView& view, const WatchChoice& choice, Output::Size size) {
    const Style plain(false);
    return {.page = std::max<std::size_t>(inner(size).rows, 1),
            .lines = choice.is_open ? page_of(view, choice, size.columns, plain).size() : 0};
}

}  // namespace flowstamp::output
