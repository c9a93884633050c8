// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/finding_limit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace flowstamp {
namespace {

using analysis::Finding;
using ::testing::ElementsAre;

struct Ids final : output::Consumer {
    void consume(const output::Event& event) override {
        const auto* finding = std::get_if<Finding>(&event);
        seen.push_back(finding == nullptr ? 0 : finding->id);
    }
    std::vector<std::uint64_t> seen;
};

TEST(FindingLimit, PassesTheFirstOnesOnAndWhatBecomesOfThem) {
    Ids ids;
    output::FindingLimit limit(ids, 2);
    limit.consume(Finding{.id = 1});
    limit.consume(Finding{.id = 1, .again = true});
    EXPECT_FALSE(limit.is_reached());
    limit.consume(Finding{.id = 2});
    EXPECT_TRUE(limit.is_reached());
    limit.consume(Finding{.id = 3});
    limit.consume(Finding{.id = 3, .again = true});
    limit.consume(Finding{.id = 1, .again = true});
    limit.consume(analysis::Summary{});
    EXPECT_THAT(ids.seen, ElementsAre(1, 1, 2, 1, 0));
}

TEST(FindingLimit, WithoutANumberThereIsNone) {
    Ids ids;
    output::FindingLimit limit(ids, std::nullopt);
    limit.consume(Finding{.id = 1});
    EXPECT_FALSE(limit.is_reached());
    EXPECT_THAT(ids.seen, ElementsAre(1));
}

}  // namespace
}  // namespace flowstamp
