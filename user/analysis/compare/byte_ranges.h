// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <vector>

namespace flowstamp::analysis::compare {

/// Bytes of a stream, from `begin` up to but not including `end`.
struct ByteRange {
    std::int64_t begin = 0;
    std::int64_t end = 0;

    [[nodiscard]] std::int64_t length() const { return end - begin; }
    friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

/// A set of bytes, as few ranges as there are gaps: a stream that was recorded whole is one.
class ByteRanges {
  public:
    void add(ByteRange range) {
        if (range.end <= range.begin) {
            return;
        }
        auto next = ranges_.upper_bound(range.begin);
        if (next != ranges_.begin()) {
            const auto before = std::prev(next);
            if (before->second >= range.end) {
                return;
            }
            if (before->second >= range.begin) {
                range.begin = before->first;
                next = before;
            }
        }
        while (next != ranges_.end() && next->first <= range.end) {
            range.end = std::max(range.end, next->second);
            next = ranges_.erase(next);
        }
        ranges_.emplace_hint(next, range.begin, range.end);
    }

    [[nodiscard]] bool holds(ByteRange range) const { return missing_of(range).empty(); }

    /// The parts of `range` that are not in the set, in order.
    [[nodiscard]] std::vector<ByteRange> missing_of(ByteRange range) const {
        std::vector<ByteRange> missing;
        auto next = ranges_.upper_bound(range.begin);
        if (next != ranges_.begin()) {
            range.begin = std::max(range.begin, std::prev(next)->second);
        }
        for (; next != ranges_.end() && range.begin < range.end; ++next) {
            if (next->first >= range.end) {
                break;
            }
            if (next->first > range.begin) {
                missing.push_back({range.begin, next->first});
            }
            range.begin = std::max(range.begin, next->second);
        }
        if (range.begin < range.end) {
            missing.push_back(range);
        }
        return missing;
    }

    [[nodiscard]] bool empty() const { return ranges_.empty(); }
    /// One past the highest byte; the set is not empty.
    [[nodiscard]] std::int64_t highest() const { return ranges_.rbegin()->second; }

  private:
    std::map<std::int64_t, std::int64_t> ranges_;  ///< ends by their beginnings
};

}  // namespace flowstamp::analysis::compare
