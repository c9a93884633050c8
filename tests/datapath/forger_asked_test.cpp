// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A genuine reset is asked for again, whatever was forged before it.
#include <gtest/gtest.h>

#include "tests/datapath/forger_fixture.h"

namespace flowstamp::testing {
namespace {

class DatapathForgerAsked : public DatapathForger {
  protected:
    static constexpr std::uint64_t kRttMs = 20;

    /// A forged reset that the peer has refuted.
    Conversation refuted() {
        Conversation talk =
            established({.peer = {.ttl = 57, .timestamps = false, .mac = Setting{}.peer.mac}});
        inject(talk, mimic(talk));
        talk.pass_us(50);
        talk.send(End::us, Ack);
        talk.exchange(3);
        talk.pass_ms(100);
        EXPECT_NE(talk.flow().reset_flags[talk.index(End::peer)] & FST_RESET_REFUTED, 0);
        return talk;
    }
    /// Another one, bare, from 3 hops farther.
    void forge_from_farther(Conversation& talk) {
        Segment forged = talk.stateless_reset();
        forged.ttl -= 3;
        inject(talk, forged);
        talk.pass_us(50);
        talk.send(End::us, Ack);
        talk.pass_ms(30);
    }
    /// The reset is challenged, our stack sends the ACK, and the peer, which is gone, answers that.
    void expect_heard(Conversation& talk, const Segment& reset) {
        const Outcome asked = inject(talk, reset);
        EXPECT_FALSE(asked.dropped);
        EXPECT_EQ(asked.judgement().action, FST_ACTION_CHALLENGED);
        talk.pass_us(50);
        talk.send(End::us, Ack);
        talk.pass_ms(kRttMs);
        EXPECT_EQ(inject(talk, talk.stateless_reset()).judgement().pass_reason, FST_PASS_ANSWER);
    }
};
INSTANTIATE_TEST_SUITE_P(Datapath, DatapathForgerAsked, ::testing::ValuesIn(ingress_hooks()),
                         case_name);

/// A peer that has read a part of what it was sent, and closes: its window was never seen.
TEST_P(DatapathForgerAsked, ASuspectedOneIsChallengedAlthoughOneWasRefuted) {
    use(FST_DROP_SUSPECTED, FST_CHALLENGE_ALL);
    Conversation talk = refuted();
    forge_from_farther(talk);
    Segment genuine = talk.next(End::peer, Rst | Ack);
    genuine.window = 77;
    genuine.id += 500;
    expect_heard(talk, genuine);
}

/// A forger can make our counter of IP-IDs meet the peer's.
TEST_P(DatapathForgerAsked, SoIsOneThatLooksForged) {
    protect();
    Conversation talk = refuted();
    forge_from_farther(talk);
    Segment genuine = talk.next(End::peer, Rst | Ack);
    genuine.id = talk.ids(End::us).back();
    const Outcome asked = inject(talk, genuine);
    EXPECT_EQ(asked.judgement().verdict, FST_VERDICT_CONFIRMED);
    EXPECT_FALSE(asked.dropped);
    talk.pass_us(50);
    talk.send(End::us, Ack);
    talk.pass_ms(kRttMs);
    EXPECT_EQ(inject(talk, talk.stateless_reset()).judgement().pass_reason, FST_PASS_ANSWER);
}

}  // namespace
}  // namespace flowstamp::testing
