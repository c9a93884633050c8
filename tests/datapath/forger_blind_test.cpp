// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A forger off the path, whose reset hits the window and not the number: the stack answers it by a
// challenge ACK (RFC 5961, section 3.2), and else nothing of it is left.
#include <gtest/gtest.h>

#include "tests/datapath/forger_fixture.h"

namespace flowstamp::testing {
namespace {

class DatapathForgerBlind : public DatapathForger {
  protected:
    /// In the window, not exact, and with marks that are not the peer's.
    static Segment in_window(Conversation& talk) {
        Segment reset = crude(talk);
        reset.seq += 500;
        return reset;
    }
};
INSTANTIATE_TEST_SUITE_P(Datapath, DatapathForgerBlind, ::testing::ValuesIn(ingress_hooks()),
                         case_name);

/// The peer's data came after the blind one, and before its own reset: it says nothing of that.
TEST_P(DatapathForgerBlind, AGenuineResetBehindOneIsHeardWithItsFirstAnswer) {
    protect();
    Conversation talk = established();
    inject(talk, in_window(talk));
    talk.pass_us(100);
    talk.send(End::us, Ack);  // the challenge ACK
    talk.pass_ms(100);
    talk.send(End::peer, Psh | Ack, 4);
    talk.pass_us(100);
    talk.send(End::us, Ack);
    talk.pass_ms(200);
    EXPECT_EQ(inject(talk, mimic(talk)).judgement().action, FST_ACTION_CHALLENGED);
    talk.pass_us(100);
    talk.send(End::us, Ack);
    talk.pass_ms(21);
    const fst_judgement answer = inject(talk, talk.stateless_reset()).judgement();
    EXPECT_EQ(answer.challenge, FST_CHALLENGE_UPHELD);
    EXPECT_EQ(answer.action, FST_ACTION_OBSERVED);
}

/// The peer's own, where a segment before it was lost, is not exact either: its answer is one.
TEST_P(DatapathForgerBlind, ThePeersOwnBehindALostSegmentIsHeardWithItsFirstAnswer) {
    protect();
    Conversation talk = established();
    Segment reset = mimic(talk);
    reset.seq += 300;
    EXPECT_EQ(inject(talk, reset).judgement().action, FST_ACTION_CHALLENGED);
    talk.pass_us(100);
    talk.send(End::us, Ack);
    talk.pass_ms(21);
    EXPECT_EQ(inject(talk, talk.stateless_reset()).judgement().challenge, FST_CHALLENGE_UPHELD);
}

/// A gateway that has lost its state resets from nearer. That somebody else's reset was no good says nothing of it.
TEST_P(DatapathForgerBlind, OneDoubtsNoGatewaysReset) {
    for (const bool protects : {false, true}) {
        SCOPED_TRACE(protects);
        if (protects)
            protect();
        Conversation talk = established();
        talk.pass_ms(15'000);
        inject(talk, in_window(talk));
        EXPECT_FALSE(talk.state_has(FST_FLOW_FORGED, End::peer));
        talk.pass_ms(15'000);
        talk.send(End::us, Psh | Ack, 100);
        talk.pass_ms(20);
        Segment gateways = talk.stateless_reset();
        gateways.ttl = static_cast<std::uint8_t>(gateways.ttl + 5);
        EXPECT_EQ(inject(talk, gateways).judgement().verdict, FST_VERDICT_GENUINE);
    }
}

/// It lets no burst of exact ones begin again: only the first exact one behind it does.
TEST_P(DatapathForgerBlind, ABurstBehindOneIsOneBurst) {
    protect();
    Conversation talk = established();
    inject(talk, in_window(talk));
    for (int i = 0; i < 30; i++) {
        expect_refused(talk, crude(talk));
        talk.pass_ms(16);
        talk.send(End::us, Ack);
        inject(talk, in_window(talk));
    }
}

}  // namespace
}  // namespace flowstamp::testing
