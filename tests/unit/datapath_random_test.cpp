// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The data path on a few thousand conversations of damaged packets, the same on every run.
// Sanitizers check for memory errors and undefined behaviour. tests/fuzz covers more.
#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <vector>

#include "tests/fuzz/datapath_input.h"

namespace flowstamp {
namespace {

constexpr int kConversations = 3000;

fst_fuzz_tally run_all() {
    std::mt19937 random(20261120);
    fst_fuzz_tally sum{};
    for (int i = 0; i < kConversations && sum.result == FST_FUZZ_RIGHT; ++i) {
        std::vector<std::uint8_t> bytes(random() % 400);
        for (std::uint8_t& byte : bytes) {
            byte = static_cast<std::uint8_t>(random());
        }
        const fst_fuzz_tally tally = fst_fuzz_datapath(bytes.data(), bytes.size(), false);
        sum.result = tally.result;
        sum.packets += tally.packets;
        sum.events += tally.events;
        sum.written += tally.written;
        sum.dropped += tally.dropped;
    }
    return sum;
}

TEST(DatapathOnRandomPackets, NeverActsWhileObserving) {
    const fst_fuzz_tally tally = run_all();
    EXPECT_EQ(tally.result, FST_FUZZ_RIGHT);
    EXPECT_EQ(tally.dropped + tally.written, 0U);
    EXPECT_GT(tally.packets, 10'000U);
    EXPECT_GT(tally.events, 1'000U);
}

}  // namespace
}  // namespace flowstamp
