// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The live view as text. Widths are computed on plain text; colour is added last.
#include <fmt/format.h>

#include <algorithm>
#include <ranges>
#include <span>

#include "user/base/time_text.h"
#include "user/output/text/counted.h"
#include "user/output/text/fitted.h"
#include "user/output/text/path_view.h"

namespace flowstamp::output {

namespace {

constexpr std::string_view kIndent = "  ";
constexpr std::size_t kLossesMost = 5;

using Lines = std::vector<std::string>;

std::string headline(const PathView& view, std::size_t width, const Style& style) {
    const pathtrace::PathStats& stats = view.stats;
    std::string sums =
        fmt::format("{}, {} dropped", counted(stats.packets, "packet"), stats.dropped);
    if (stats.unknown != 0) {
        sums += fmt::format(", {} lost sight of", stats.unknown);
    }
    if (stats.events_lost != 0) {
        sums += fmt::format(", {} records lost", stats.events_lost);
    }
    sums += fmt::format(", {}", duration_text(stats.uptime));
    return style.strong(apart(view.filter.empty() ? "every packet" : view.filter, sums, width));
}

/// The cells of one column, and its width.
struct Column {
    std::string name;
    std::string rate;
    std::string packets;
    std::string lost;
    std::size_t width;
};

Column column_of(const PathView::Part& part) {
    Column column{.name = part.name,
                  .rate = rate_text(part.rate),
                  .packets = std::to_string(part.packets),
                  .lost = part.lost == 0
                              ? std::string()
                              : fmt::format("-{} {}", part.lost, rate_text(part.lost_rate)),
                  .width = 0};
    column.width = std::max(
        {column.name.size(), column.rate.size(), column.packets.size(), column.lost.size()});
    return column;
}

using Columns = std::span<const Column>;

/// How many columns fit into `width`; at least one.
std::size_t fitting(Columns columns, std::size_t width) {
    std::size_t used = kIndent.size();
    std::size_t count = 0;
    for (const Column& column : columns) {
        used += column.width + (count == 0 ? 0 : kColumnGap.size());
        if (count > 0 && used > width) {
            break;
        }
        count++;
    }
    return count;
}

/// One line of cells, right-aligned in their columns.
template <class Paint>
std::string row(Columns columns, std::string Column::* cell, Paint paint) {
    std::string line;
    for (const Column& column : columns) {
        const std::string& text = column.*cell;
        line += line.empty() ? kIndent : kColumnGap;
        line += std::string(column.width - text.size(), ' ') + paint(text);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    return line;
}

void add_columns(Lines& lines, Columns columns, const Style& style) {
    const auto strong = [&](const std::string& text) { return style.strong(text); };
    const auto faint = [&](const std::string& text) { return style.faint(text); };
    const auto faint_if_idle = [&](const std::string& text) {
        return text == rate_text(0) ? style.faint(text) : text;
    };
    const auto bad = [&](const std::string& text) { return text.empty() ? text : style.bad(text); };
    lines.push_back(row(columns, &Column::name, strong));
    lines.push_back(row(columns, &Column::rate, faint_if_idle));
    lines.push_back(row(columns, &Column::packets, faint));
    if (std::ranges::any_of(columns, [](const Column& its) { return !its.lost.empty(); })) {
        lines.push_back(row(columns, &Column::lost, bad));
    }
}

std::string loss_text(const PathView::Loss& loss) {
    const std::string place =
        loss.at.empty()
            ? "before the first station"
            : fmt::format("at {}{}", loss.at, loss.before.empty() ? "" : " (" + loss.before + ")");
    return fmt::format("lost {}, {}, {}: {}", loss.packets, rate_text(loss.rate), place,
                       loss.by.empty() ? "looking for what took them" : loss.by);
}

}  // namespace

Lines lines_of(const PathView& view, std::size_t width, const Style& style) {
    if (view.parts.empty() && view.losses.empty()) {
        const std::string waiting =
            view.filter.empty() ? "waiting for packets" : "waiting for packets that match ";
        return {apart(waiting + view.filter, duration_text(view.stats.uptime), width)};
    }
    Lines lines{headline(view, width, style)};
    std::vector<Column> columns;
    for (const PathView::Part& part : view.parts) {
        columns.push_back(column_of(part));
    }
    for (Columns rest = columns; !rest.empty();) {
        const std::size_t count = fitting(rest, width);
        add_columns(lines, rest.first(count), style);
        rest = rest.subspan(count);
    }
    for (const PathView::Loss& loss : view.losses | std::views::take(kLossesMost)) {
        lines.push_back(style.bad(cut(loss_text(loss), width)));
    }
    if (view.losses.size() > kLossesMost) {
        lines.push_back(fmt::format("and {} more", view.losses.size() - kLossesMost));
    }
    return lines;
}

}  // namespace flowstamp::output
