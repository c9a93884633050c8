// SPDX-License-Identifier: Apache-2.0
//
// Text into lines of a width. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace flowstamp::cmd::demo {

/// Columns that `text` takes on a terminal: colour sequences (SGR) take none, a UTF-8 character
/// one.
[[nodiscard]] std::size_t columns(std::string_view text);

/// Where the further lines of a broken line are best indented to, in columns: below its last column
/// if it is a row of a table (columns two or more spaces apart) and that leaves room; else as the
/// line itself, and by 2 if that is not indented.
[[nodiscard]] std::size_t hanging_indent(std::string_view line, std::size_t width);

/// `text`, one line, broken at spaces so that no line is wider than `width`, unless a word is. The
/// first line begins with `first`, the others with `rest`; each ends with a line feed.
[[nodiscard]] std::string wrap(std::string_view text, std::string_view first, std::string_view rest,
                               std::size_t width);

}  // namespace flowstamp::cmd::demo
