// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace flowstamp::cmd {

/// Of `words` the one that `word` was probably meant to be: with the fewest single-letter changes, no
/// more than a third of its letters. Nothing if none is so near.
[[nodiscard]] std::optional<std::string_view> nearest(std::string_view word,
                                                      std::span<const std::string_view> words);

}  // namespace flowstamp::cmd
