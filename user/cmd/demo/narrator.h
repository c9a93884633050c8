// SPDX-License-Identifier: Apache-2.0
//
// What the demo says, and how it looks: plain lines of at most a width, with colour and one line
// that is drawn anew where standard output is a terminal that wants it.
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

    /// To a terminal as it is: its width, its colours unless NO_COLOR is set. To anything else
    /// plain lines.
    explicit Narrator(output::Output& output);
    Narrator(output::Output& output, output::Style style, bool redraws, std::size_t width)
        : output_(output), style_(style), redraws_(redraws), width_(width) {}

    void heading(std::string_view text);
    void paragraph(std::string_view text);                        ///< wrapped, and an empty line
    void line(std::string_view text);                             ///< wrapped
    void outcome(std::string_view text, bool is_good);            ///< a paragraph that matters
    void figure(std::string_view lines, std::size_t indent = 4);  ///< as it is, and an empty line
    /// What a user would type, on that host if it is not where the reader sits.
    void command(std::string_view text, std::string_view host = {});
    void quote(std::string_view lines);  ///< what a program said; whole lines
    void gap();                          ///< an empty line, unless the last one is

    /// A line that the next thing said, or the next progress, replaces; plain ASCII. Nothing where
    /// a line cannot be drawn anew.
    void progress(std::string_view text);

    [[nodiscard]] const output::Style& style() const { return style_; }
    /// Whether nobody reads any more.
    [[nodiscard]] bool is_unheard() const { return !output_.health(); }

  private:
    void write(std::string_view text);

    output::Output& output_;
    output::Style style_;
    bool redraws_;
    std::size_t width_;
    bool progress_shown_ = false;
    bool is_at_gap_ = true;  ///< nothing yet, or an empty line, was written last
};

}  // namespace flowstamp::cmd::demo
