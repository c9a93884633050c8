// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/demo/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "user/cmd/demo/words.h"

namespace flowstamp::cmd::demo {
namespace {

std::string painted(const output::Style& style, const std::string& cell, std::size_t width) {
    const std::string padded = fmt::format("{:<{}}", cell, width);
    return cell.starts_with("complete") ? style.good(padded) : padded;
}

/// Rows below a heading, in columns as wide as needed.
template <class Row, std::size_t N>
std::string table(const output::Style& style, const std::array<std::string Row::*, N>& columns,
                  const Row& head, const std::vector<Row>& rows) {
    std::array<std::size_t, N> widths{};
    for (std::size_t i = 0; i < N; ++i) {
        widths[i] = (head.*columns[i]).size();
        for (const Row& row : rows) {
            widths[i] = std::max(widths[i], (row.*columns[i]).size());
        }
    }
    const auto line = [&](const Row& row, const output::Style& cells) {
        std::string text;
        for (std::size_t i = 0; i < N; ++i) {
            text += painted(cells, row.*columns[i], widths[i]) + "  ";
        }
        return text.substr(0, text.find_last_not_of(' ') + 1) + "\n";
    };
    std::string text = style.faint(line(head, output::Style(false)));
    for (const Row& row : rows) {
        text += line(row, style);
    }
    return text;
}

}  // namespace

void Summary::add(const RunRecord& record) {
    rows_.push_back({.step = record.name,
                     .sent = sent_text(record),
                     .download = download_text(record),
                     .verdict = verdict_text(record),
                     .action = action_text(record),
                     .answer = answer_text(record)});
}

void Summary::expect(std::string_view step, bool is_met, const std::string& what) {
    if (!is_met) {
        differences_.push_back(fmt::format("{}: {}{}", step, what, what.ends_with('.') ? "" : "."));
    }
}

void Summary::report(Narrator& narrator) const {
    if (!rows_.empty()) {
        constexpr std::array kColumns = {&Row::step,    &Row::sent,   &Row::download,
                                         &Row::verdict, &Row::action, &Row::answer};
        const Row head{"step", "forged", "download", "verdict", "action", "answer"};
        narrator.figure(table(narrator.style(), kColumns, head, rows_), 0);
    }
    if (!conversations_.empty()) {
        constexpr std::array kColumns = {&ConversationRow::attempt, &ConversationRow::socket,
                                         &ConversationRow::reported};
        const ConversationRow head{"connection", "the client's socket", "flowstamp reported"};
        narrator.figure(table(narrator.style(), kColumns, head, conversations_), 0);
    }
    for (const std::string& difference : differences_) {
        narrator.line(narrator.style().bad("Not as expected: ") + difference);
    }
}

}  // namespace flowstamp::cmd::demo
