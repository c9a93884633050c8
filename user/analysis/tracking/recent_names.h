// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace flowstamp::analysis {

/// About the latest `Most` names, each with a value. A name is a hash of what it names; two things may
/// have one name, once in millions. It has one of eight places, of which the oldest is overwritten:
/// nothing is allocated for one name, and the first takes the memory for all.
template <class Value, std::size_t Most>
class RecentNames {
  public:
    struct Entry {
        std::uint32_t name;
        [[no_unique_address]] Value value;
    };

    void insert(std::uint32_t name, const Value& value = {}) { of(name) = value; }
    /// The name's value, which is the latest now; a new one if it was not known.
    Value& of(std::uint32_t name) {
        if (sets_.empty()) {
            sets_.resize(Most / kWays);
        }
        name = std::max(name, kFirst);
        Set& set = sets_[name % sets_.size()];
        auto place = std::ranges::find(set, name, &Entry::name);
        if (place == set.end()) {
            place = set.end() - 1;
            *place = {name, {}};
        }
        std::rotate(set.begin(), place, place + 1);  // the latest is the first
        return set.front().value;
    }
    /// The latest value; null: not known, or overwritten.
    [[nodiscard]] const Value* find(std::uint32_t name) const {
        if (sets_.empty()) {
            return nullptr;
        }
        name = std::max(name, kFirst);
        const Set& set = sets_[name % sets_.size()];
        const auto place = std::ranges::find(set, name, &Entry::name);
        return place == set.end() ? nullptr : &place->value;
    }

  private:
    static constexpr std::uint32_t kFirst = 1;  ///< 0: a free place
    static constexpr std::size_t kWays = 8;
    using Set = std::array<Entry, kWays>;
    std::vector<Set> sets_;
};

}  // namespace flowstamp::analysis
