// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/live_block.h"

#include <fmt/format.h>

#include <algorithm>

namespace flowstamp::output {

namespace {

// ECMA-48: EL, ED, CUU.
constexpr std::string_view kEraseLine = "\r\033[K";
constexpr std::string_view kEraseBehind = "\033[J";

/// CUU is left out for 0 lines: terminals take its parameter 0 as 1.
std::string cursor_up(std::size_t lines) {
    return lines == 0 ? "\r" : fmt::format("\r\033[{}A", lines);
}

}  // namespace

/// One column is left free: some terminals wrap a line that ends at the last one.
std::size_t LiveBlock::width() const {
    return terminal_.size().columns - 1;
}

/// The first line is empty: it separates the block from the text above, and shows typed input.
void LiveBlock::draw(const std::vector<std::string>& lines) {
    if (terminal_.is_background()) {
        return;
    }
    const std::size_t fitting = std::min(lines.size(), terminal_.size().rows - 1);
    std::string text(kEraseLine);
    for (std::size_t i = 0; i < fitting; i++) {
        text.append("\n").append(kEraseLine).append(lines[i]);
    }
    // Erases what is left of a taller drawing, or of lines that a narrower window has wrapped.
    text.append(kEraseBehind).append(cursor_up(fitting));
    terminal_.write(text);
    is_drawn_ = true;
}

void LiveBlock::erase() {
    if (is_drawn_) {
        terminal_.write(fmt::format("\r{}", kEraseBehind));
        is_drawn_ = false;
    }
}

}  // namespace flowstamp::output
