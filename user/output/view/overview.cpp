// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The live view of a watch: what breaks connections first, then by whom, then how much there is.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>
#include <sstream>
#include <utility>

#include "user/base/wrap.h"
#include "user/output/text/counted.h"
#include "user/output/text/event_times.h"
#include "user/output/text/finding_text.h"
#include "user/output/text/fitted.h"
#include "user/output/text/middlebox_text.h"
#include "user/output/text/statement_text.h"
#include "user/output/text/stats_text.h"
#include "user/output/view/row_text.h"
#include "user/output/view/watch_lines.h"

namespace flowstamp::output {

namespace {

using Lines = std::vector<std::string>;

constexpr std::size_t kShort = 16;   ///< rows: with fewer there is no room for gaps
constexpr std::size_t kNarrow = 72;  ///< columns: with fewer there are none for ages
constexpr std::size_t kLabel = 10;   ///< columns of the words at the left
constexpr std::size_t kMessagesShown = 3;
constexpr std::size_t kLossesShown = 3;

/// Whether a screen has room for gaps, and for what explains.
bool is_roomy(Output::Size size) {
    return size.rows >= kShort;
}

std::string labelled(std::string_view label, std::string_view text, const Style& style) {
    return style.strong(fmt::format("{:<{}}", label, kLabel)) + std::string(text);
}

std::size_t right_of_label(Output::Size size) {
    return size.columns - std::min(size.columns, kLabel);
}

// ---- what breaks connections ----

/// "24     now": how many findings, and how long ago the latest was.
std::string count_text(const WatchView::Row& row, const WatchView& view, std::size_t width) {
    const std::string count = grouped(row.incident.count);
    return width < kNarrow
               ? count
               : fmt::format("{} {:>7}", count, age_text(view.stats.wall - row.incident.last));
}

/// With `names_kind` as the only line of its incident.
std::string cause_line(const WatchView::Row& row, const WatchView& view, bool is_selected,
                       bool names_kind, std::size_t width, const Style& style) {
    std::string text = fmt::format("{} #{} ", is_selected ? ">" : " ", row.incident.id);
    if (names_kind) {
        text.append(analysis::name_of(row.incident.kind)).append(kColumnGap);
    }
    text = apart(text + cause_text(row, view), count_text(row, view, width), width);
    if (is_selected) {
        return style.chosen(text);
    }
    return row.incident.has_ended ? style.faint(text) : text;
}

/// "     confirmed stalled: What 198.51.100.2 sends has not been ...".
std::string why_line(const WatchView::Row& row, std::size_t width, const Style& style) {
    constexpr std::string_view kIndent = "     ";
    const std::string kind = kind_text(row);
    const std::string words = why_text(row);
    const std::string why =
        cut(fmt::format("{}{}{}{}", kIndent, kind, words.empty() ? "" : ": ", words), width);
    const std::size_t end = kIndent.size() + kind.size();
    if (!row.finding || row.incident.has_ended || why.size() < end) {
        return style.faint(why);
    }
    return std::string(kIndent) + painted(row.finding->verdict, kind, style) +
           style.faint(why.substr(end));
}

/// The rows from the first to show on, so that the selected one is among `most` of them.
std::span<const WatchView::Row* const> window_of(const std::vector<const WatchView::Row*>& rows,
                                                 std::size_t selected, std::size_t most) {
    const std::size_t count = std::min(rows.size(), most);
    const std::size_t first = selected < count ? 0 : selected - count + 1;
    return std::span(rows).subspan(std::min(first, rows.size() - count), count);
}

std::string causes_title(const WatchView& view, const WatchChoice& choice, std::size_t shown,
                         Output::Size size, const Style& style) {
    std::string title = "What breaks connections";
    if (!choice.filter.empty()) {
        title += fmt::format(" with '{}'", choice.filter);
    }
    if (shown < view.rows.size()) {
        title += fmt::format(", {} of {}", shown, view.rows.size());
    }
    return style.strong(apart(
        std::move(title), size.columns >= kNarrow ? "findings  latest" : "findings", size.columns));
}

/// What to do next, if the finding says.
std::string next_line(const WatchView::Row& row, std::size_t width, const Style& style) {
    const std::string next = row.finding ? advice_text(*row.finding) : "";
    return next.empty() ? "" : style.faint(cut("     next: " + next, width));
}

/// Lines for each incident: who and whose, what is wrong, what to do. The last ones are left out where
/// not all incidents would be seen otherwise.
std::size_t lines_per_row(std::size_t rows, Output::Size size) {
    constexpr std::size_t kAll = 3;
    const std::size_t least = is_roomy(size) ? 2 : 1;
    return is_roomy(size) && rows * kAll <= size.rows / 2 ? kAll : least;
}

Lines cause_lines(const WatchView& view, const WatchChoice& choice, Output::Size size,
                  std::size_t per_row, const Style& style) {
    const auto rows = shown_rows(view, choice);
    const std::size_t selected = selected_row(rows, choice);
    const auto window =
        window_of(rows, selected, (std::max<std::size_t>(size.rows, 1) - 1) / per_row);
    Lines lines{causes_title(view, choice, window.size(), size, style)};
    for (const WatchView::Row* row : window) {
        lines.push_back(
            cause_line(*row, view, row == rows[selected], per_row == 1, size.columns, style));
        if (per_row > 1) {
            lines.push_back(why_line(*row, size.columns, style));
        }
        if (per_row > 2) {
            lines.push_back(next_line(*row, size.columns, style));
        }
    }
    if (rows.empty()) {
        const std::string_view nothing =
            view.rows.empty()
                ? "Nothing so far: none was reset by another, refused, or left unanswered."
                : "None of them.";
        lines.push_back(style.good(cut(fmt::format("  {}", nothing), size.columns)));
    }
    return lines;
}

// ---- by which boxes ----

Lines box_lines(const WatchView& view, std::size_t width, const Style& style) {
    if (view.boxes.empty()) {
        return {};
    }
    std::string text;
    for (const analysis::Middlebox& box : view.boxes) {
        text += wrap(summary_text(box), fmt::format("  #{} ", box.id), "     ", width);
    }
    Lines lines{style.strong("Suspected middleboxes")};
    std::istringstream rows(text);
    for (std::string line; std::getline(rows, line);) {
        lines.push_back(line);
    }
    return lines;
}

/// The first of `lines`; the last one says how many are missing.
Lines shortened(Lines lines, std::size_t most) {
    if (lines.size() > most) {
        const std::size_t missing = lines.size() - most + 1;
        lines.resize(most);
        if (most > 0) {
            lines.back() = fmt::format("     and {}", counted(missing, "more line"));
        }
    }
    return lines;
}

// ---- how much there is ----

std::string traffic_text(const WatchView& view, std::size_t width) {
    const auto& count = view.stats.counters;
    const auto cell = [](std::string_view name, double rate, std::string_view sum) {
        return fmt::format("{} {} ({})", name, rate_text(rate), sum);
    };
    return beside(
        {cell("packets", view.rates.packets, grouped(count[FST_COUNT_TCP])),
         cell("flows", view.rates.flows, grouped(count[FST_COUNT_FLOW_NEW])),
         cell("resets", view.rates.resets, grouped(count[FST_COUNT_RST])),
         fmt::format("bytes {}/s ({})", bytes_text(static_cast<std::uint64_t>(view.rates.bytes)),
                     bytes_text(count[FST_COUNT_BYTES]))},
        width);
}

std::string resets_text(const WatchView& view, std::size_t width, const Style& style) {
    const auto cell = [&](fst_verdict verdict, std::string_view word) {
        const std::uint64_t resets = view.resets.verdicts.at(verdict);
        const std::string text = fmt::format("{} {}", grouped(resets), word);
        return resets == 0 ? text : painted(verdict, text, style);
    };
    Lines cells{fmt::format("forged: {}, {}", cell(FST_VERDICT_CONFIRMED, "confirmed"),
                            cell(FST_VERDICT_SUSPECTED, "suspected")),
                cell(FST_VERDICT_GENUINE, "genuine")};
    for (const auto& [counter, word] :
         {std::pair(FST_COUNT_DROPPED, "dropped"), std::pair(FST_COUNT_CHALLENGED, "challenged")}) {
        if (const std::uint64_t count = view.stats.counters.at(counter); count != 0) {
            cells.push_back(fmt::format("{} {}", grouped(count), word));
        }
    }
    return beside(cells, width);
}

Lines lost_lines(const WatchView& view, Output::Size size, const Style& style) {
    Lines lines;
    std::istringstream losses(losses_text(view.stats));
    for (std::string line; std::getline(losses, line);) {
        lines.push_back(labelled(lines.empty() ? "Lost" : "",
                                 style.bad(cut(line, right_of_label(size))), style));
    }
    if (lines.empty()) {
        return is_roomy(size) ? Lines{labelled("Lost", "nothing", style)} : Lines{};
    }
    return shortened(std::move(lines), kLossesShown);
}

Lines message_lines(const WatchView& view, Output::Size size, const Style& style) {
    Lines lines;
    EventTimes times = view.event_times;
    const std::size_t count = std::min(view.messages.size(), kMessagesShown);
    for (const WatchTally::Message& message : std::span(view.messages).last(count)) {
        const std::string text =
            cut(fmt::format("{} {}", times.text(message.wall), message.text), right_of_label(size));
        lines.push_back(labelled(lines.empty() ? "Messages" : "",
                                 message.is_bad ? style.bad(text) : text, style));
    }
    return lines;
}

Lines traffic_lines(const WatchView& view, Output::Size size, const Style& style) {
    const std::size_t width = right_of_label(size);
    Lines lines{labelled("Traffic", traffic_text(view, width), style),
                labelled("Resets", resets_text(view, width, style), style)};
    const std::string causes = genuine_text(view.resets);
    if (is_roomy(size) && !causes.empty()) {
        lines.push_back(labelled("", style.faint(cut("genuine: " + causes, width)), style));
    }
    std::ranges::move(lost_lines(view, size, style), std::back_inserter(lines));
    if (is_roomy(size)) {
        std::ranges::move(message_lines(view, size, style), std::back_inserter(lines));
    }
    return lines;
}

}  // namespace

/// Traffic has its lines; boxes have what the incidents leave, or a third of the rest.
Lines overview_of(const WatchView& view, const WatchChoice& choice, Output::Size size,
                  const Style& style) {
    const std::size_t gap = is_roomy(size) ? 1 : 0;
    Lines traffic = traffic_lines(view, size, style);
    traffic.resize(std::min(traffic.size(), size.rows));
    const std::size_t room = size.rows - std::min(size.rows, traffic.size() + 2 * gap);

    const std::size_t rows = std::max<std::size_t>(shown_rows(view, choice).size(), 1);
    const std::size_t per_row = lines_per_row(rows, size);
    const std::size_t left = room - std::min(room, 1 + rows * per_row + gap);
    Lines boxes = is_roomy(size)
                      ? shortened(box_lines(view, size.columns, style), std::max(left, room / 3))
                      : Lines{};

    const std::size_t taken = boxes.empty() ? 0 : boxes.size() + gap;
    Lines lines(gap);
    Lines causes =
        cause_lines(view, choice, {.columns = size.columns, .rows = room - std::min(room, taken)},
                    per_row, style);
    for (Lines* part : {&causes, &boxes, &traffic}) {
        if (part != &causes && !part->empty()) {
            lines.resize(lines.size() + gap);
        }
        std::ranges::move(*part, std::back_inserter(lines));
    }
    lines.resize(std::min(lines.size(), size.rows));
    return lines;
}

}  // namespace flowstamp::output
