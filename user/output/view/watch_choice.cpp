// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/view/watch_choice.h"

#include <algorithm>
#include <cctype>

#include "user/output/view/row_text.h"

namespace flowstamp::output {

namespace {

using Rows = std::vector<const WatchView::Row*>;

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(),
                           [](unsigned char letter) { return std::tolower(letter); });
    return text;
}

/// The letters j, k, g and G move as in less(1).
Key::Kind movement_of(const Key& key) {
    if (key.kind != Key::Kind::letter) {
        return key.kind;
    }
    switch (key.letter) {
        case 'k':
            return Key::Kind::up;
        case 'j':
            return Key::Kind::down;
        case 'g':
            return Key::Kind::home;
        case 'G':
            return Key::Kind::end;
        case ' ':
            return Key::Kind::page_down;
        default:
            return Key::Kind::other;
    }
}

/// The place after a movement among `count` of them.
std::size_t moved(std::size_t place, Key::Kind movement, std::size_t page, std::size_t count) {
    const std::size_t last = count == 0 ? 0 : count - 1;
    switch (movement) {
        case Key::Kind::up:
            return place == 0 ? 0 : place - 1;
        case Key::Kind::down:
            return std::min(place + 1, last);
        case Key::Kind::page_up:
            return place - std::min(place, page);
        case Key::Kind::page_down:
            return std::min(place + page, last);
        case Key::Kind::home:
            return 0;
        case Key::Kind::end:
            return last;
        default:
            return place;
    }
}

void type(WatchChoice& choice, const Key& key) {
    switch (key.kind) {
        case Key::Kind::letter:
            choice.filter += key.letter;
            break;
        case Key::Kind::erase:
            if (!choice.filter.empty()) {
                choice.filter.pop_back();
            }
            break;
        case Key::Kind::enter:
            choice.is_typing = false;
            break;
        case Key::Kind::escape:
            choice.is_typing = false;
            choice.filter.clear();
            break;
        default:
            break;
    }
}

void press_in_page(WatchChoice& choice, const Key& key, const WatchChoice::Drawn& drawn) {
    const bool is_letter_q = key.kind == Key::Kind::letter && key.letter == 'q';
    if (is_letter_q || key.kind == Key::Kind::escape || key.kind == Key::Kind::enter) {
        choice.is_open = false;
        return;
    }
    const std::size_t places = drawn.lines > drawn.page ? drawn.lines - drawn.page + 1 : 1;
    choice.first_line = moved(choice.first_line, movement_of(key), drawn.page, places);
}

void press_in_list(WatchChoice& choice, const Key& key, const Rows& rows, std::size_t page) {
    if (key.kind == Key::Kind::letter && key.letter == 'q') {
        choice.wants_quit = true;
    } else if (key.kind == Key::Kind::letter && key.letter == '/') {
        choice.is_typing = true;
    } else if (key.kind == Key::Kind::escape) {
        choice.filter.clear();
    } else if (!rows.empty()) {
        const std::size_t place =
            moved(selected_row(rows, choice), movement_of(key), page, rows.size());
        choice.selected = rows[place]->incident.id;
        if (key.kind == Key::Kind::enter) {
            choice.is_open = true;
            choice.first_line = 0;
        }
    }
}

}  // namespace

void WatchChoice::press(const Key& key, const WatchView& view, const Drawn& drawn) {
    if (is_typing) {
        type(*this, key);
    } else if (key.kind == Key::Kind::letter && key.letter == 'p') {
        is_paused = !is_paused;
    } else if (is_open) {
        press_in_page(*this, key, drawn);
    } else {
        press_in_list(*this, key, shown_rows(view, *this), drawn.page);
    }
}

Rows shown_rows(const WatchView& view, const WatchChoice& choice) {
    const std::string wanted = lower(choice.filter);
    Rows rows;
    for (const WatchView::Row& row : view.rows) {
        const std::string words = kind_text(row) + " " + cause_text(row, view) + " " +
                                  row.incident.interface + " " + why_text(row);
        if (wanted.empty() || lower(words).contains(wanted)) {
            rows.push_back(&row);
        }
    }
    return rows;
}

std::size_t selected_row(const Rows& rows, const WatchChoice& choice) {
    const auto row = std::ranges::find(rows, choice.selected,
                                       [](const WatchView::Row* its) { return its->incident.id; });
    return row == rows.end() ? 0 : static_cast<std::size_t>(row - rows.begin());
}

}  // namespace flowstamp::output
