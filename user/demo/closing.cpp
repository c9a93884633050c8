// SPDX-License-Identifier: Apache-2.0
#include "user/demo/closing.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "user/demo/words.h"

namespace flowstamp::demo {
namespace {

std::string painted(const Style& style, const std::string& cell, std::size_t width) {
    const std::string padded = fmt::format("{:<{}}", cell, width);
    return cell.starts_with("complete") ? style.good(padded) : padded;
}

}  // namespace

void Closing::add(const ActRecord& record) {
    rows_.push_back({.act = record.name,
                     .sent = sent_text(record),
                     .download = download_text(record),
                     .verdict = verdict_text(record),
                     .action = action_text(record),
                     .answer = answer_text(record)});
}

void Closing::expect(const ActRecord& record, bool as_told, const std::string& what) {
    if (!as_told) {
        differences_.push_back(fmt::format("{}: {}", record.name, what));
    }
}

void Closing::tell(Narrator& narrator) const {
    constexpr std::array kColumns = {&Row::act,     &Row::sent,   &Row::download,
                                     &Row::verdict, &Row::action, &Row::answer};
    const Row head{"act", "forged", "download", "verdict", "done about it", "answer"};
    std::array<std::size_t, kColumns.size()> widths{};
    for (std::size_t i = 0; i < kColumns.size(); ++i) {
        widths[i] = (head.*kColumns[i]).size();
        for (const Row& row : rows_) {
            widths[i] = std::max(widths[i], (row.*kColumns[i]).size());
        }
    }
    const auto line = [&](const Row& row, const Style& style) {
        std::string text;
        for (std::size_t i = 0; i < kColumns.size(); ++i) {
            text += painted(style, row.*kColumns[i], widths[i]) + "  ";
        }
        return text.substr(0, text.find_last_not_of(' ') + 1) + "\n";
    };
    std::string table = narrator.style().faint(line(head, Style(false)));
    for (const Row& row : rows_) {
        table += line(row, narrator.style());
    }
    narrator.figure(table, 0);
    for (const std::string& difference : differences_) {
        narrator.line(narrator.style().bad("Not as the story says: ") + difference + ".");
    }
}

}  // namespace flowstamp::demo
