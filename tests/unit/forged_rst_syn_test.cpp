// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Evidence: SYN_RST. One SYN was answered by a reset and by a SYN-ACK.
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
        story.flow().state = FST_OF(FST_FLOW_SYN, kClient);
        story.flow().direction[kClient].flags = FST_DIRECTION_SEEN | FST_DIRECTION_BASE_SYN;
    }
};

TEST_F(SynRstTest, ConvictsARefusalThatASynAckFollows) {
    see(story.at(0ms).syn());
    see(story.at(5ms).rst(kRefusal));
    EXPECT_EQ(cause(), FST_CAUSE_CLOSED_PORT);
    see(story.at(20ms).syn_ack());
    EXPECT_EQ(verdict(), FST_VERDICT_CONFIRMED);
    EXPECT_EQ(sink.resets.back().evidence[0].signal, analysis::Signal::SYN_RST);
}

TEST_F(SynRstTest, ConvictsARefusalThatFollowsASynAck) {
    see(story.at(0ms).syn());
    see(story.at(5ms).syn_ack());
    see(story.at(20ms).rst(kRefusal));
    ASSERT_EQ(sink.resets.size(), 1U);
    EXPECT_EQ(verdict(), FST_VERDICT_CONFIRMED);
}

TEST_F(SynRstTest, SparesARetryAfterARefusal) {  // Windows sends its SYN again after 500 ms
    see(story.at(0ms).syn());
    see(story.at(5ms).rst(kRefusal));
    see(story.at(505ms).syn());
    see(story.at(510ms).syn_ack());
    EXPECT_EQ(verdict(), FST_VERDICT_GENUINE);
}

TEST_F(SynRstTest, SparesAResetAfterWeAcknowledgedSomething) {
    see(story.at(0ms).syn());
    see(story.at(5ms).syn_ack());
    story.flow().direction[kClient].flags |= FST_DIRECTION_ACKED;
    see(story.at(20ms).rst(kRefusal));
    EXPECT_EQ(verdict(), FST_VERDICT_GENUINE);
}

TEST_F(SynRstTest, SparesMultipathSubflowsAndOtherAnswers) {
    see(story.at(0ms).syn(2000, FST_PACKET_MPTCP));
    see(story.at(5ms).rst(kRefusal));
    see(story.at(6ms).syn_ack());
    EXPECT_EQ(verdict(), FST_VERDICT_GENUINE);
    Story accepted(story.flow(), 8, "eth0");  // accepted, then reset in the connection's numbers
    see(accepted.at(0ms).syn());
    see(accepted.at(5ms).syn_ack());
    RstDetails reset = kRefusal;
    reset.seq = 4001;
    see(accepted.at(6ms).rst(reset));
    EXPECT_EQ(verdict(), FST_VERDICT_GENUINE);
    Story elsewhere(story.flow(), 9, "eth0");  // the SYN-ACK answers another SYN
    see(elsewhere.at(0ms).syn());
    see(elsewhere.at(5ms).rst(kRefusal));
    see(elsewhere.at(6ms).syn_ack(4000, 3001));
    EXPECT_EQ(verdict(), FST_VERDICT_GENUINE);
}

}  // namespace
}  // namespace flowstamp::testing
