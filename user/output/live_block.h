// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "user/output/sink.h"

namespace flowstamp::output {

/// Lines at the end of a terminal's output, redrawn in place; what is written above them scrolls as
/// usual. Between drawings the cursor is at the block's beginning, so that erasing from there is
/// right even if resizing the window has wrapped the lines. No terminal mode is changed, so none
/// needs to be restored, however the program ends.
class LiveBlock {
  public:
    explicit LiveBlock(Output& terminal) : terminal_(terminal) {}

    /// The most columns that a line may have.
    [[nodiscard]] std::size_t width() const;

    /// Lines of at most width() columns; those beyond the window's height are left out.
    void draw(const std::vector<std::string>& lines);
    /// To be called before anything else is written.
    void erase();

  private:
    Output& terminal_;
    bool is_drawn_ = false;
};

}  // namespace flowstamp::output
