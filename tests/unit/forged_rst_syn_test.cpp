// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Evidence: SYN_RST, a SYN answered by both a reset and a SYN-ACK.
#include "user/analysis/reset/forged_rst.h"

#include <gtest/gtest.h>

#include "tests/unit/forged_rst_fixture.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;

constexpr RstDetails kRefusal{.seq = 0,
                              .ack = 2001,
                              .tcp_flags = kRstAck,
                              .context = FST_CONTEXT_TO_SYN | FST_CONTEXT_IN_WINDOW,
                              .cause = FST_CAUSE_CLOSED_PORT};

class SynRstTest : public ForgedRstTest {
  protected:
    SynRstTest() {
        script.flow().state = FST_OF(FST_FLOW_SYN, kClient);
        script.flow().direction[kClient].flags = FST_DIRECTION_SEEN | FST_DIRECTION_BASE_SYN;
    }
};

TEST_F(SynRstTest, ConfirmsARefusalFollowedByASynAck) {
    observe(script.at(0ms).syn());
    observe(script.at(5ms).rst(kRefusal));
    EXPECT_EQ(cause(), FST_CAUSE_CLOSED_PORT);
    observe(script.at(20ms).syn_ack());
    EXPECT_EQ(verdict(), FST_VERDICT_CONFIRMED);
    EXPECT_EQ(sink.resets.back().evidence[0].signal, analysis::Signal::SYN_RST);
}

TEST_F(SynRstTest, ConfirmsARefusalAfterASynAck) {
    observe(script.at(0ms).syn());
    observe(script.at(5ms).syn_ack());
    observe(script.at(20ms).rst(kRefusal));
    ASSERT_EQ(sink.resets.size(), 1U);
    EXPECT_EQ(verdict(), FST_VERDICT_CONFIRMED);
}

/// Its receiver's stack may throw that SYN-ACK away: it does not show that the port is open.
TEST_F(SynRstTest, ADoubtfulSynAckIsNoEvidence) {
    observe(script.at(0ms).syn());
    auto syn_ack = script.at(5ms).syn_ack();
    syn_ack.event.packet.doubts = FST_DOUBT_SIGNATURE;
    observe(syn_ack);
    observe(script.at(20ms).rst(kRefusal));
    EXPECT_EQ(verdict(), FST_VERDICT_GENUINE);
}

TEST_F(SynRstTest, ARetryAfterARefusalIsNoEvidence) {  // Windows sends its SYN again after 500 ms
    observe(script.at(0ms).syn());
    observe(script.at(5ms).rst(kRefusal));
    observe(script.at(505ms).syn());
    observe(script.at(510ms).syn_ack());
    EXPECT_EQ(verdict(), FST_VERDICT_GENUINE);
}

TEST_F(SynRstTest, AResetAfterOurAckIsNoEvidence) {
    observe(script.at(0ms).syn());
    observe(script.at(5ms).syn_ack());
    script.flow().direction[kClient].flags |= FST_DIRECTION_ACKED;
    observe(script.at(20ms).rst(kRefusal));
    EXPECT_EQ(verdict(), FST_VERDICT_GENUINE);
}

TEST_F(SynRstTest, MultipathSubflowsAndOtherAnswersAreNoEvidence) {
    observe(script.at(0ms).syn(2000, FST_PACKET_MPTCP));
    observe(script.at(5ms).rst(kRefusal));
    observe(script.at(6ms).syn_ack());
    EXPECT_EQ(verdict(), FST_VERDICT_GENUINE);
    FlowScript accepted(script.flow(), 8,
                        "eth0");  // accepted, then reset in the connection's numbers
    observe(accepted.at(0ms).syn());
    observe(accepted.at(5ms).syn_ack());
    RstDetails reset = kRefusal;
    reset.seq = 4001;
    observe(accepted.at(6ms).rst(reset));
    EXPECT_EQ(verdict(), FST_VERDICT_GENUINE);
    FlowScript elsewhere(script.flow(), 9, "eth0");  // the SYN-ACK answers another SYN
    observe(elsewhere.at(0ms).syn());
    observe(elsewhere.at(5ms).rst(kRefusal));
    observe(elsewhere.at(6ms).syn_ack(4000, 3001));
    EXPECT_EQ(verdict(), FST_VERDICT_GENUINE);
}

}  // namespace
}  // namespace flowstamp::testing
