// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A forger on the way through a router, where no ACK of a stack of this host tells what is taken in.
#include <gtest/gtest.h>

#include "tests/datapath/forger_fixture.h"

namespace flowstamp::testing {
namespace {

class DatapathForgerRouter : public DatapathForger {
  protected:
    static constexpr std::uint32_t kFar = 1U << 30U;

    /// In both names, each acknowledging the other: both ends refuse them.
    void send_pair(Conversation& talk, std::uint32_t bytes) {
        Segment ours = talk.next(End::us, Ack);
        ours.seq += kFar;
        ours.ack += kFar + bytes;
        acting().run(FST_HOOK_TC_EGRESS, {.bytes = talk.encode(ours), .has_no_socket = true});
        talk.pass_ms(1);
        Segment peers = talk.next(End::peer, Ack, bytes);
        peers.seq += kFar;
        peers.ack += kFar;
        inject(talk, peers);
        talk.pass_ms(1);
    }
};
INSTANTIATE_TEST_SUITE_P(Datapath, DatapathForgerRouter, ::testing::ValuesIn(ingress_hooks()),
                         case_name);

/// Each end answers what it refuses by an ACK (RFC 9293, section 3.10.7.4), if only twice a second.
TEST_P(DatapathForgerRouter, TwoMadeUpPlacesMoveNoStream) {
    if (in_kernel()) {
        return;  // its test run gives each packet a socket
    }
    protect();
    Conversation talk = established({.forwarded = true});
    for (int second = 0; second < 6; second++) {
        for (int pair = 0; pair < 4; pair++) {
            send_pair(talk, 0);
        }
        talk.pass_ms(10);
        talk.send(End::peer, Ack);  // their answer
        talk.pass_ms(5);
        for (int pair = 0; pair < 4; pair++) {  // neither is answered
            send_pair(talk, 0);
        }
        expect_refused(talk, talk.stateless_reset());
        talk.pass_ms(600);
    }
}

/// A reset in the client's name that leaves with another TTL than the client's dies on its way, for all that is known
/// here: its connection is open.
TEST_P(DatapathForgerRouter, AResetThatMayDieBehindTheRouterClosesNothing) {
    if (in_kernel()) {
        return;  // its test run gives each packet a socket
    }
    protect();
    Conversation talk = established({.forwarded = true});
    Segment inner = talk.next(End::us, Rst | Ack);
    inner.ttl = 1;
    acting().run(FST_HOOK_TC_EGRESS, {.bytes = talk.encode(inner), .has_no_socket = true});
    EXPECT_FALSE(talk.state_has(FST_FLOW_RST, End::us));
    talk.pass_ms(5);
    expect_refused(talk, mimic(talk));
}

/// Nor what no end sees, or cannot take in, so that it answers nothing.
TEST_P(DatapathForgerRouter, WhatIsNotAnsweredMovesNoStream) {
    if (in_kernel()) {
        return;  // its test run gives each packet a socket
    }
    protect();
    for (const bool is_signed : {false, true}) {
        Conversation talk = established({.forwarded = true});
        for (int i = 0; i < 8; i++) {
            Segment ours = talk.next(End::us, Ack);
            Segment peers = talk.next(End::peer, Ack);
            for (Segment* segment : {&ours, &peers}) {
                segment->seq += kFar;
                segment->ack += kFar;
                if (is_signed) {
                    segment->options = {option_of(19)};
                    segment->timestamps.reset();
                } else {
                    segment->ttl = 3;
                }
            }
            acting().run(FST_HOOK_TC_EGRESS, {.bytes = talk.encode(ours), .has_no_socket = true});
            talk.pass_ms(1);
            inject(talk, peers);
            talk.pass_ms(1100);
        }
        expect_refused(talk, talk.stateless_reset());
    }
}

/// A stream whose packets passed elsewhere for a while is followed again.
TEST_P(DatapathForgerRouter, AStreamThatWentOnElsewhereIsFollowedInAWhile) {
    if (in_kernel()) {
        return;  // its test run gives each packet a socket
    }
    protect();
    Conversation talk = established({.forwarded = true});
    for (std::uint32_t i = 0; i < 40; i++) {
        send_pair(talk, 100);
        talk.pass_ms(100);
    }
    EXPECT_EQ(talk.direction(End::peer).seq_edge, talk.edge(End::peer) + kFar + 100);
    EXPECT_EQ(talk.direction(End::us).seq_edge, talk.edge(End::us) + kFar);
}

/// A router throws away what comes in with a TTL of 1, and no receiver sees it: it teaches no clock, and its reset is none.
TEST_P(DatapathForgerRouter, WhatTheRouterThrowsAwayTeachesNothing) {
    if (in_kernel()) {
        return;  // its test run gives each packet a socket
    }
    protect();
    Conversation talk = established({.forwarded = true});
    const std::uint32_t clock = talk.direction(End::peer).ts_val;
    Segment dies = talk.next(End::peer, Ack);
    dies.timestamps->val += 1500;
    dies.ttl = 1;
    inject(talk, dies);
    EXPECT_LT(talk.direction(End::peer).ts_val - clock, 1000U);
    Segment reset = talk.stateless_reset();
    reset.ttl = 1;
    inject(talk, reset);
    EXPECT_FALSE(talk.state_has(FST_FLOW_AFTER_RST, End::peer));
}

/// On a router with one interface a packet may find room where it leaves only, after a flood: its sender is behind that
/// interface all the same, and what comes in from there is no packet from outside in its name.
TEST_P(DatapathForgerRouter, WhoIsFirstSeenWhereItIsSentOnIsNoEndOfThisSide) {
    if (in_kernel()) {
        return;  // its test run gives each packet a socket
    }
    protect();
    Conversation talk(acting(), hook(), {.forwarded = true});
    Segment leaves = talk.next(End::peer, Ack);
    leaves.ttl--;
    acting().run(FST_HOOK_TC_EGRESS, {.bytes = talk.encode(leaves),
                                      .came_in_by = talk.setting().ifindex,
                                      .has_no_socket = true});
    EXPECT_FALSE(talk.state_has(FST_FLOW_LOCAL, End::peer));
    const std::uint64_t refused = acting().counter(FST_COUNT_REFUSED);
    inject(talk, talk.next(End::peer, Psh | Ack, 100));
    EXPECT_EQ(acting().counter(FST_COUNT_REFUSED), refused);
}

}  // namespace
}  // namespace flowstamp::testing
