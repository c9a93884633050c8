// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/text/fitted.h"

#include <utility>

#include "user/base/wrap.h"

namespace flowstamp::output {

namespace {

/// The first characters of UTF-8. Colour sequences (SGR) are no characters, and all are kept: one that
/// begins a colour has one that ends it.
std::string beginning(std::string_view text, std::size_t most) {
    std::string kept;
    std::size_t characters = 0;
    bool in_sequence = false;
    for (const char c : text) {
        in_sequence = in_sequence || c == '\033';
        const bool begins_one = !in_sequence && (static_cast<unsigned char>(c) & 0xc0U) != 0x80;
        characters += begins_one ? 1 : 0;
        if (in_sequence || characters <= most) {
            kept.push_back(c);
        }
        in_sequence = in_sequence && c != 'm';
    }
    return kept;
}

}  // namespace

std::string cut(std::string text, std::size_t width) {
    constexpr std::string_view kMore = "...";
    if (columns(text) <= width) {
        return text;
    }
    if (width < kMore.size()) {
        return beginning(text, width);
    }
    return beginning(text, width - kMore.size()).append(kMore);
}

std::string apart(std::string left, const std::string& right, std::size_t width) {
    const std::size_t taken = columns(right) + kColumnGap.size();
    if (taken >= width) {
        return cut(std::move(left), width);
    }
    left = cut(std::move(left), width - taken);
    return left + std::string(width - columns(left) - columns(right), ' ') + right;
}

std::string beside(const std::vector<std::string>& cells, std::size_t width) {
    std::string line;
    for (const std::string& cell : cells) {
        if (line.empty()) {
            line = cut(cell, width);
        } else if (columns(line) + kColumnGap.size() + columns(cell) <= width) {
            line.append(kColumnGap).append(cell);
        } else {
            break;
        }
    }
    return line;
}

}  // namespace flowstamp::output
