// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace flowstamp {

/// The entry of `words` that `word` was probably meant to be: the one with the least Levenshtein
/// distance, at most a third of its letters, rounded up. Nothing if none is that close.
[[nodiscard]] std::optional<std::string_view> nearest(std::string_view word,
                                                      std::span<const std::string_view> words);

}  // namespace flowstamp
