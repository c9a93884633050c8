// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/base/nearest.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace flowstamp {

namespace {

/// Levenshtein distance, one row at a time.
std::size_t edit_distance(std::string_view from, std::string_view to) {
    std::vector<std::size_t> row(to.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < from.size(); i++) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < to.size(); j++) {
            const std::size_t replaced = diagonal + (from[i] == to[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
        }
    }
    return row.back();
}

}  // namespace

std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> words) {
    std::optional<std::string_view> found;
    std::size_t fewest = 0;
    for (const std::string_view candidate : words) {
        const std::size_t changes = edit_distance(word, candidate);
        if (changes <= (candidate.size() + 2) / 3 && (!found || changes < fewest)) {
            found = candidate;
            fewest = changes;
        }
    }
    return found;
}

}  // namespace flowstamp
