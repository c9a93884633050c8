// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// One packet seen at several interfaces.
#include "user/analysis/reset/forged_rst.h"

#include <gtest/gtest.h>

#include "tests/unit/forged_rst_fixture.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;

class RouterTest : public ForgedRstTest {
  protected:
    static FlowScript inside() {
        fst_flow flow = example_flow();
        flow.key = key_of("10.0.0.5", 51234, "198.51.100.7", 443, 4);
        return FlowScript(flow, 11, "eth1");
    }
    FlowScript inner = inside();
};

TEST_F(RouterTest, AResetSeenAtTwoInterfacesIsReportedOnce) {
    observe(script.at(0ms).rst({.ttl = 60, .signals = kTwoFamilies}));
    observe(inner.at(1ms).rst({.ttl = 59, .signals = kTwoFamilies}));
    EXPECT_EQ(sink.resets.size(), 1U);
    EXPECT_EQ(sink.findings.size(), 1U);
    observe(script.at(20ms).later({.signals = bit(FST_SIGNAL_LIVENESS_ACK)}));
    observe(inner.at(21ms).later({.ttl = 51, .signals = bit(FST_SIGNAL_LIVENESS_ACK)}));
    EXPECT_EQ(sink.resets.size(), 1U);
    EXPECT_EQ(sink.findings.size(), 1U);
}

TEST_F(RouterTest, AMoreCompleteViewRaisesTheVerdict) {
    observe(script.at(0ms).rst(
        {.ttl = 60, .signals = kTwoFamilies, .context = kAccepted | FST_CONTEXT_HALF_VIEW}));
    EXPECT_EQ(verdict(), FST_VERDICT_SUSPECTED);
    observe(inner.at(1ms).rst({.ttl = 60, .signals = kTwoFamilies}));
    ASSERT_EQ(sink.resets.size(), 2U);
    EXPECT_EQ(sink.resets[1].id, sink.resets[0].id);
    EXPECT_EQ(verdict(), FST_VERDICT_CONFIRMED);
    EXPECT_EQ(sink.findings.size(), 2U);
    EXPECT_EQ(sink.findings[1].id, sink.findings[0].id);
}

TEST_F(RouterTest, LivenessSeenAtEitherInterfaceCounts) {
    observe(script.at(0ms).rst({}));
    observe(inner.at(1ms).rst({.ttl = 51}));
    observe(inner.at(20ms).later({.signals = bit(FST_SIGNAL_LIVENESS_ACK)}));
    EXPECT_EQ(verdict(), FST_VERDICT_CONFIRMED);
    EXPECT_EQ(sink.resets.size(), 2U);
}

}  // namespace
}  // namespace flowstamp::testing
