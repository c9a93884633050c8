// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// The demo's output: plain lines of limited width, with colour and a progress line that is redrawn
// if standard output is a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "user/output/sink.h"
#include "user/output/style.h"

namespace flowstamp::cmd::demo {

class Narrator {
  public:
    static constexpr std::size_t kWidest = 100;  ///< columns

    /// To a terminal: its width, with colour unless NO_COLOR is set. To anything else: plain
    /// lines.
    explicit Narrator(output::Output& output);
    Narrator(output::Output& output, output::Style style, bool redraws, std::size_t width)
        : output_(output), style_(style), redraws_(redraws), width_(width) {}

    void heading(std::string_view text);
    void paragraph(std::string_view text);                        ///< wrapped, plus an empty line
    void line(std::string_view text);                             ///< wrapped
    void outcome(std::string_view text, bool is_good);            ///< an emphasized paragraph
    void figure(std::string_view lines, std::size_t indent = 4);  ///< unwrapped, plus an empty line
    /// A command that a user would type, with the host unless it is the client.
    void command(std::string_view text, std::string_view host = {});
    void quote(std::string_view lines);  ///< a program's output; complete lines
    void gap();                          ///< an empty line, unless the last one is

    /// A line that the next output replaces; plain ASCII. Nothing if lines cannot be redrawn.
    void progress(std::string_view text);

    [[nodiscard]] const output::Style& style() const { return style_; }
    /// Whether the reader has closed the output.
    [[nodiscard]] bool is_reader_gone() const { return !output_.health(); }

  private:
    void write(std::string_view text);

    output::Output& output_;
    output::Style style_;
    bool redraws_;
    std::size_t width_;
    bool progress_shown_ = false;
    bool is_at_gap_ = true;  ///< nothing or an empty line was written last
};

}  // namespace flowstamp::cmd::demo
