// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/lab/pattern.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace flowstamp::lab {
namespace {

std::vector<std::uint8_t> part(std::uint64_t seed, std::uint64_t offset, std::size_t length) {
    std::vector<std::uint8_t> bytes(length);
    lab::Pattern(seed).fill(offset, bytes);
    return bytes;
}

TEST(LabPattern, AnyPartIsTheSameStream) {
    const auto whole = part(1, 0, 1000);
    for (const std::size_t offset : {1u, 7u, 8u, 500u}) {
        const auto later = part(1, offset, 1000 - offset);
        EXPECT_TRUE(std::ranges::equal(later, std::span(whole).subspan(offset))) << offset;
    }
}

TEST(LabPattern, SeedsDiffer) {
    EXPECT_NE(part(1, 0, 16), part(2, 0, 16));
}

TEST(LabPattern, FindsTheFirstWrongByte) {
    auto bytes = part(1, 40, 100);
    EXPECT_EQ(lab::Pattern(1).mismatch(40, bytes), std::nullopt);
    bytes[77] ^= 1;
    EXPECT_EQ(lab::Pattern(1).mismatch(40, bytes), 77u);
    EXPECT_NE(lab::Pattern(1).mismatch(41, bytes), std::nullopt) << "shifted by one";
}

}  // namespace
}  // namespace flowstamp::lab
