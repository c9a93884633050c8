// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "user/output/sink.h"

namespace flowstamp::output {

/// Lines at the end of what stands on a terminal, drawn anew in place; what is written above them
/// scrolls as ever. Between two drawings the cursor stands at the block's beginning: to erase from
/// there on is right whatever became of the lines behind it when the window changed its size. No
/// mode of the terminal is changed, so there is none to restore, however the program ends.
class LiveBlock {
  public:
    explicit LiveBlock(Output& terminal) : terminal_(terminal) {}

    /// How many columns a line may have.
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
