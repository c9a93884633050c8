// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace flowstamp {

/// Of `words` (one at least) the one with the fewest single-letter changes from `word`.
[[nodiscard]] std::string_view nearest(std::string_view word,
                                       std::span<const std::string_view> words);

}  // namespace flowstamp
