// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

#include "user/output/sink.h"

namespace flowstamp::output {

/// Colours for a terminal (ECMA-48, SGR); plain text for anything else.
class Style {
  public:
    explicit Style(bool colour) : colour_(colour) {}

    [[nodiscard]] std::string bad(std::string_view text) const { return paint("1;31", text); }
    [[nodiscard]] std::string doubtful(std::string_view text) const { return paint("33", text); }
    [[nodiscard]] std::string good(std::string_view text) const { return paint("32", text); }
    [[nodiscard]] std::string strong(std::string_view text) const { return paint("1", text); }
    [[nodiscard]] std::string chosen(std::string_view text) const { return paint("7", text); }
    [[nodiscard]] std::string faint(std::string_view text) const { return paint("2", text); }

  private:
    [[nodiscard]] std::string paint(std::string_view code, std::string_view text) const {
        if (!colour_) {
            return std::string(text);
        }
        std::string painted = "\033[";
        painted.append(code).append("m").append(text).append("\033[0m");
        return painted;
    }

    bool colour_;
};

/// Whether to colour output: not if NO_COLOR is set and not empty (no-color.org); else on a
/// terminal, or if CLICOLOR_FORCE is set to anything but 0 (bixense.com/clicolors). Pass the
/// variables' values, or null.
[[nodiscard]] inline bool wants_colour(bool is_terminal, const char* no_color,
                                       const char* clicolor_force = nullptr) {
    const auto is_set = [](const char* value) { return value != nullptr && *value != '\0'; };
    const bool forced = is_set(clicolor_force) && std::string_view(clicolor_force) != "0";
    return !is_set(no_color) && (is_terminal || forced);
}

/// `--color`.
enum class ColourChoice {
    automatic,  ///< by wants_colour()
    always,
    never,
};

/// For this output, by the choice, or else the environment.
[[nodiscard]] inline Style style_for(const Output& output, ColourChoice choice) {
    if (choice != ColourChoice::automatic) {
        return Style(choice == ColourChoice::always);
    }
    return Style(
        wants_colour(output.is_terminal(), std::getenv("NO_COLOR"), std::getenv("CLICOLOR_FORCE")));
}

/// Whether a terminal supports the control sequences that redraw lines. Pass TERM's value, or null.
[[nodiscard]] inline bool can_redraw(const char* term) {
    const std::string_view name = term == nullptr ? "" : term;
    return !name.empty() && name != "dumb";
}

}  // namespace flowstamp::output
