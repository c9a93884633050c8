// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/demo/narrator.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "user/base/wrap.h"

namespace flowstamp::cmd::demo {
namespace {

constexpr std::string_view kClearLine = "\r\033[K";  // ECMA-48, EL
constexpr std::string_view kGutter = "  | ";

std::size_t terminal_width() {
    constexpr std::size_t kNarrowest = 60;
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
        return Narrator::kWidest;
    }
    return std::clamp<std::size_t>(size.ws_col, kNarrowest, Narrator::kWidest);
}

}  // namespace

Narrator::Narrator(output::Output& output)
    : Narrator(output,
               output::Style(output::wants_colour(output.is_terminal(), std::getenv("NO_COLOR"),
                                                  std::getenv("CLICOLOR_FORCE"))),
               output.is_terminal(), output.is_terminal() ? terminal_width() : kWidest) {}

void Narrator::heading(std::string_view text) {
    gap();
    const std::string rule(width_ - std::min(width_, columns(text) + 4), '-');
    write(fmt::format("{}\n\n", style_.strong(fmt::format("-- {} {}", text, rule))));
}

void Narrator::paragraph(std::string_view text) {
    line(text);
    gap();
}

void Narrator::outcome(std::string_view text, bool is_good) {
    paragraph(is_good ? style_.good(text) : style_.bad(text));
}

void Narrator::line(std::string_view text) {
    write(wrap(text, "", "", width_));
}

void Narrator::figure(std::string_view lines, std::size_t indent) {
    while (!lines.empty()) {
        const std::size_t end = std::min(lines.find('\n'), lines.size());
        write(fmt::format("{:{}}{}\n", "", indent, lines.substr(0, end)));
        lines.remove_prefix(std::min(end + 1, lines.size()));
    }
    gap();
}

void Narrator::command(std::string_view text, std::string_view host) {
    const std::string prompt = fmt::format("  {}{}# ", host, host.empty() ? "" : " ");
    write(wrap(style_.strong(text), prompt, std::string(prompt.size() + 2, ' '), width_));
}

void Narrator::quote(std::string_view lines) {
    const std::string gutter = style_.faint(kGutter);
    while (!lines.empty()) {
        const std::size_t end = std::min(lines.find('\n'), lines.size());
        const std::string_view text = lines.substr(0, end);
        const std::string rest =
            gutter + std::string(hanging_indent(text, width_ - kGutter.size()), ' ');
        write(wrap(text, gutter, rest, width_));
        lines.remove_prefix(std::min(end + 1, lines.size()));
    }
}

void Narrator::gap() {
    if (!is_at_gap_) {
        write("\n");
    }
}

void Narrator::progress(std::string_view text) {
    if (redraws_) {
        output_.write(fmt::format("{}{}", kClearLine, text.substr(0, width_ - 1)));
        progress_shown_ = true;
    }
}

void Narrator::write(std::string_view text) {
    if (std::exchange(progress_shown_, false)) {
        output_.write(kClearLine);
    }
    output_.write(text);
    is_at_gap_ = text.ends_with("\n\n") || text == "\n";
}

}  // namespace flowstamp::cmd::demo
