// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Lines of a view, fitted to its width. Colour sequences (SGR) take no room.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace flowstamp::output {

/// Between the columns of a line.
inline constexpr std::string_view kColumnGap = "  ";

/// The beginning of `text`, with "..." at its end if that is not all.
[[nodiscard]] std::string cut(std::string text, std::size_t width);

/// `left` and `right` at the two ends of a line; `left` is cut if both do not fit.
[[nodiscard]] std::string apart(std::string left, const std::string& right, std::size_t width);

/// The first of `cells` that fit beside one another; at least the first, cut if need be.
[[nodiscard]] std::string beside(const std::vector<std::string>& cells, std::size_t width);

}  // namespace flowstamp::output
