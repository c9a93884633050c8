// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/compare/byte_ranges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

namespace flowstamp {
namespace {

using analysis::compare::ByteRange;
using analysis::compare::ByteRanges;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ByteRanges, TellWhatIsMissing) {
    ByteRanges ranges;
    EXPECT_TRUE(ranges.empty());
    EXPECT_THAT(ranges.missing_of({5, 9}), ElementsAre(ByteRange{5, 9}));
    ranges.add({10, 20});
    ranges.add({30, 40});
    EXPECT_EQ(ranges.highest(), 40);
    EXPECT_THAT(ranges.missing_of({0, 50}),
                ElementsAre(ByteRange{0, 10}, ByteRange{20, 30}, ByteRange{40, 50}));
    EXPECT_THAT(ranges.missing_of({12, 18}), IsEmpty());
    ranges.add({20, 30});
    EXPECT_TRUE(ranges.holds({10, 40}));
    EXPECT_FALSE(ranges.holds({9, 11}));
    ranges.add({50, 50});
    EXPECT_EQ(ranges.highest(), 40);
}

TEST(ByteRanges, AreWhatASetOfBytesIs) {
    std::mt19937 random(1);
    std::uniform_int_distribution<std::int64_t> begin(0, 60);
    std::uniform_int_distribution<std::int64_t> length(0, 9);
    for (int round = 0; round < 200; round++) {
        ByteRanges ranges;
        std::set<std::int64_t> bytes;
        for (int i = 0; i < 12; i++) {
            const std::int64_t from = begin(random);
            const ByteRange range{from, from + length(random)};
            std::set<std::int64_t> missing;
            for (const ByteRange& hole : ranges.missing_of(range)) {
                EXPECT_LT(hole.begin, hole.end);
                for (std::int64_t byte = hole.begin; byte < hole.end; byte++) {
                    missing.insert(byte);
                }
            }
            for (std::int64_t byte = range.begin; byte < range.end; byte++) {
                EXPECT_EQ(missing.contains(byte), bytes.insert(byte).second);
            }
            ranges.add(range);
            EXPECT_TRUE(ranges.holds(range));
        }
    }
}

}  // namespace
}  // namespace flowstamp
