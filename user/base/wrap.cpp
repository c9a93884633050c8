// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/base/wrap.h"

#include <algorithm>

namespace flowstamp {
namespace {

/// `text` without its colour sequences (SGR).
std::string plain(std::string_view text) {
    std::string result;
    bool in_sequence = false;
    for (const char c : text) {
        if (in_sequence) {
            in_sequence = c != 'm';
        } else if (c == '\033') {
            in_sequence = true;
        } else {
            result.push_back(c);
        }
    }
    return result;
}

/// The spaces that `text` begins with.
std::string_view leading_spaces(std::string_view text) {
    return text.substr(0, std::min(text.find_first_not_of(' '), text.size()));
}

/// Takes the next word off `text`, with the spaces before it.
std::string_view take_word(std::string_view& text) {
    const std::size_t start = std::min(text.find_first_not_of(' '), text.size());
    const std::size_t end = std::min(text.find(' ', start), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(end);
    return word;
}

}  // namespace

std::size_t columns(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(plain(text), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;  // no continuation byte
    }));
}

std::size_t hanging_indent(std::string_view line, std::size_t width) {
    const std::string text = plain(line);
    const std::size_t own = leading_spaces(text).size();
    if (own == 0) {
        return 2;
    }
    for (std::size_t gap = text.rfind("  "); gap != std::string::npos && gap > own;
         gap = text.rfind("  ", gap - 1)) {
        if (gap + 2 < text.size() && gap + 2 <= width * 2 / 3) {
            return gap + 2;
        }
    }
    return own;
}

std::string wrap(std::string_view text, std::string_view first, std::string_view rest,
                 std::size_t width) {
    std::string lines;
    std::string line(first);
    std::size_t used = columns(first);
    bool empty = true;
    while (!text.empty()) {
        std::string_view word = take_word(text);
        if (!empty && used + columns(word) > width) {
            word.remove_prefix(leading_spaces(word).size());
            lines += line + "\n";
            line = rest;
            used = columns(rest);
        }
        line += word;
        used += columns(word);
        empty = false;
    }
    line.resize(line.find_last_not_of(' ') + 1);
    return lines + line + "\n";
}

std::string wrap_lines(std::string_view text, std::size_t width) {
    std::string result;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        const bool fits = columns(line) <= width;
        result += fits ? std::string(line) + "\n"
                       : wrap(line, "", std::string(hanging_indent(line, width), ' '), width);
        text.remove_prefix(std::min(text.size(), line.size() + 1));
    }
    return result;
}

}  // namespace flowstamp
