// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Wraps text to a width. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace flowstamp {

/// Columns of `text` on a terminal: colour sequences (SGR) count as none, a UTF-8 character as one.
[[nodiscard]] std::size_t columns(std::string_view text);

/// Indentation for the continuation lines of a wrapped line: its last column if it is a row of a
/// table (columns two or more spaces apart) and that leaves room; else that of the line itself, or
/// 2 if it is not indented.
[[nodiscard]] std::size_t hanging_indent(std::string_view line, std::size_t width);

/// Wraps `text`, one line, at spaces so that no line is wider than `width`, unless a word is. The
/// first line begins with `first`, the others with `rest`; each ends with a line feed.
[[nodiscard]] std::string wrap(std::string_view text, std::string_view first, std::string_view rest,
                               std::size_t width);

/// Each line of `text` wrapped at `width` columns, where it is wider; rows of a table below their last
/// column.
[[nodiscard]] std::string wrap_lines(std::string_view text, std::size_t width);

}  // namespace flowstamp
