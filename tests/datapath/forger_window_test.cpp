// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Resets in a part of the window that flowstamp does not know of, though the stack does.
#include <gtest/gtest.h>

#include "flowstamp/acceptance_rules.h"
#include "tests/datapath/forger_fixture.h"

namespace flowstamp::testing {
namespace {

class DatapathForgerWindow : public DatapathForger {
  protected:
    static std::uint32_t window_of(const Conversation& talk) {
        const fst_flow flow = talk.flow();
        return fst_accepts_ahead(&flow, talk.index(End::us));
    }
    /// Followed from its sixth packet on: neither end's window scale is known.
    Conversation joined_midway(const Setting& setting) {
        Conversation talk(acting(), hook(), setting);
        for (int i = 0; i < 6; i++) {
            talk.send(End::us, Psh | Ack, 100);
            talk.pass_ms(20);
            talk.send(End::peer, Psh | Ack, 100);
            talk.send(End::us, Ack);
            talk.pass_ms(20);
        }
        return talk;
    }
};
INSTANTIATE_TEST_SUITE_P(Datapath, DatapathForgerWindow, ::testing::ValuesIn(ingress_hooks()),
                         case_name);

/// Linux takes a reset at the end of what it has acknowledged selectively (tcp_reset_check()), and our window
/// may be larger than it seems: its scale was not seen.
TEST_P(DatapathForgerWindow, AResetPastAnAssumedWindowIsChallenged) {
    protect();
    Setting setting;
    setting.us.wscale = 10;
    setting.us.window = 64;
    Conversation talk = joined_midway(setting);
    Segment reset = mimic(talk);
    reset.seq += 30'500;
    ASSERT_GT(30'500U, window_of(talk));
    EXPECT_EQ(inject(talk, reset).judgement().action, FST_ACTION_CHALLENGED);
}

/// The same where a forged SYN-ACK has hidden the scale, or a segment ends past the window.
TEST_P(DatapathForgerWindow, SoIsOnePastAKnownWindow) {
    protect();
    Conversation talk = established();
    for (const std::uint32_t past : {1U, 1448U, 1'000'000U}) {
        Segment reset = mimic(talk);
        reset.seq += window_of(talk) + past;
        EXPECT_EQ(inject(talk, reset).judgement().action, FST_ACTION_CHALLENGED) << past;
        talk.pass_ms(100);
    }
}

/// For all that is known the stack throws it away: it takes nothing from the flow, and a genuine one after it
/// is heard as soon as without.
TEST_P(DatapathForgerWindow, SuchAResetChangesNothing) {
    protect();
    Conversation talk = established();
    const fst_flow before = talk.flow();
    for (int i = 0; i < 20; i++) {
        Segment reset = crude(talk);
        reset.seq += window_of(talk) + 1000;
        inject(talk, reset);
        talk.pass_us(300);
    }
    const int peer = talk.index(End::peer);
    EXPECT_EQ(talk.flow().state & ~(FST_OF(FST_FLOW_FORGED, 0) | FST_OF(FST_FLOW_FORGED, 1)),
              before.state);
    EXPECT_EQ(talk.flow().challenges[peer], before.challenges[peer]);
    EXPECT_EQ(talk.flow().reset_flags[peer], before.reset_flags[peer]);
    talk.send(mimic(talk));
    talk.send(End::us, Ack);
    talk.pass_ms(20);
    const Outcome answer = talk.send(talk.stateless_reset());
    EXPECT_EQ(answer.judgement().challenge, FST_CHALLENGE_UPHELD);
}

/// It lies so far away that no window can reach it.
TEST_P(DatapathForgerWindow, OneFarAwayPasses) {
    protect();
    Conversation talk = established();
    for (const std::uint32_t past : {FST_SEQUENCE_REACH + 1, 0x70000000U}) {
        Segment reset = mimic(talk);
        reset.seq += past;
        EXPECT_EQ(inject(talk, reset).judgement().pass_reason, FST_PASS_SEQUENCE) << past;
    }
}

/// On a router an ACK in our name, of what has not reached us yet, moves our edge: what lies below may be exact. The
/// challenge lies below that, too.
TEST_P(DatapathForgerWindow, OnARouterOneBelowTheAckIsChallenged) {
    if (in_kernel()) {
        return;  // its test run gives each packet a socket
    }
    protect();
    Conversation talk = established({.forwarded = true});
    Segment reset = mimic(talk);
    talk.send(End::peer, Psh | Ack, 1000);
    talk.send(End::us, Ack);
    talk.pass_ms(1);
    const Outcome outcome = inject(talk, reset);
    EXPECT_EQ(outcome.judgement().action, FST_ACTION_CHALLENGED);
    EXPECT_EQ(view_tcp(outcome.bytes)->seq, reset.seq - 2);
}

/// What our own stack has acknowledged it has.
TEST_P(DatapathForgerWindow, WithASocketOfThisHostOneBelowTheAckPasses) {
    protect();
    Conversation talk = established();
    Segment reset = mimic(talk);
    talk.send(End::peer, Psh | Ack, 1000);
    talk.send(End::us, Ack);
    EXPECT_EQ(inject(talk, reset).judgement().pass_reason, FST_PASS_SEQUENCE);
}

}  // namespace
}  // namespace flowstamp::testing
