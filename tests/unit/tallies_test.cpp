// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/tallies.h"

#include <gtest/gtest.h>

#include "user/analysis/findings.h"

namespace flowstamp {
namespace {

using analysis::FindingKind;

TEST(Findings, AreCountedOnceByKindAndWhenTheyAreConfirmed) {
    analysis::Findings findings;
    findings.count(FindingKind::stalled, std::nullopt, FST_VERDICT_SUSPECTED);
    findings.count(FindingKind::stalled, FST_VERDICT_SUSPECTED, FST_VERDICT_CONFIRMED);
    findings.count(FindingKind::stalled, FST_VERDICT_CONFIRMED, FST_VERDICT_CONFIRMED);  // resolved
    findings.count(FindingKind::local_drop, std::nullopt, FST_VERDICT_CONFIRMED);
    findings.count(FindingKind::one_way, std::nullopt, FST_VERDICT_SUSPECTED);
    const auto of = [&](FindingKind kind) {
        return findings.by_kind()[static_cast<std::size_t>(kind)];
    };
    EXPECT_EQ(of(FindingKind::stalled).reported, 1U);
    EXPECT_EQ(of(FindingKind::stalled).confirmed, 1U);
    EXPECT_EQ(of(FindingKind::local_drop).confirmed, 1U);
    EXPECT_EQ(of(FindingKind::one_way).confirmed, 0U);
    EXPECT_EQ(findings.suspected(), 1U);
    EXPECT_EQ(findings.confirmed(), 2U);
}

TEST(FlowStates, HaveANameEach) {
    EXPECT_EQ(net::state_name(net::FlowState::midway), "midway");
    EXPECT_EQ(net::state_name(net::FlowState::reset), "reset");
    EXPECT_EQ(static_cast<std::size_t>(net::FlowState::reset) + 1, net::kFlowStates);
}

}  // namespace
}  // namespace flowstamp
