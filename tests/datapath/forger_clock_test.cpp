// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Segments that a forger adds to move a side's timestamp clock, so that the living peer seems old.
#include <gtest/gtest.h>

#include "tests/datapath/forger_fixture.h"

namespace flowstamp::testing {

class DatapathForgerClock : public DatapathForger {
  protected:
    static constexpr std::uint32_t kLeap = 1U << 30U;

    static Segment ahead(Segment segment, std::uint32_t ticks = kLeap) {
        segment.timestamps->val += ticks;
        return segment;
    }
    /// It is watched.
    void mimic_reset(Conversation& talk) { inject(talk, mimic(talk)); }
    /// Whether what the peer really sends still moves its edge.
    void expect_heard(Conversation& talk) {
        const std::uint32_t before = talk.direction(End::peer).seq_edge;
        talk.pass_ms(20);
        talk.send(End::peer, Psh | Ack, 100);
        EXPECT_EQ(talk.direction(End::peer).seq_edge, before + 100);
        EXPECT_TRUE(talk.state_has(FST_FLOW_ESTABLISHED));
    }
};

INSTANTIATE_TEST_SUITE_P(Datapath, DatapathForgerClock, ::testing::ValuesIn(ingress_hooks()),
                         case_name);

/// The stack answers a SYN that comes again, and takes nothing from it.
TEST_P(DatapathForgerClock, ACopyOfASynTeachesNothing) {
    protect();
    Conversation talk(acting(), hook(), {});
    const Segment syn = talk.next(End::peer, Syn);
    talk.send(syn);
    talk.pass_us(30);
    inject(talk, ahead(syn));
    talk.send(End::us, Syn | Ack);
    talk.pass_ms(20);
    talk.send(End::peer, Ack);
    expect_heard(talk);
}

TEST_P(DatapathForgerClock, ACopyOfASynAckTeachesNothing) {
    protect();
    Conversation talk(acting(), hook(), {});
    talk.send(End::us, Syn);
    talk.pass_ms(20);
    const Segment syn_ack = talk.next(End::peer, Syn | Ack);
    talk.send(syn_ack);
    talk.pass_us(30);
    inject(talk, ahead(syn_ack));
    talk.send(End::us, Ack);
    expect_heard(talk);
}

/// A clock that seems fast is moved by nothing that was not summed up.
TEST_P(DatapathForgerClock, ADamagedSegmentMovesNoFastClock) {
    protect();
    Conversation talk = established();
    inject(talk, ahead(talk.next(End::peer, Ack), 1000));
    ASSERT_TRUE(talk.direction(End::peer).flags & FST_DIRECTION_TS_FAST);
    for (int i = 0; i < 12; i++) {
        Segment damaged = talk.next(End::peer, Psh | Ack, 1);
        damaged.seq = talk.direction(End::peer).seq_edge;
        damaged.timestamps->val += 1000 + 4'000'000U * static_cast<unsigned>(i + 1);
        Bytes frame = talk.encode(damaged);
        frame.back() ^= 0x55U;
        acting().run(hook(), {.bytes = frame});
        talk.pass_us(100);
    }
    EXPECT_LT(talk.direction(End::peer).ts_val - talk.next(End::peer, Ack).timestamps->val,
              1'000'000U);
}

/// Linux: TCP_PAWS_WRAP. A clock of a tick per microsecond may be anywhere then.
TEST_P(DatapathForgerClock, AfterALongRestAnyTimestampIsTaken) {
    protect();
    Conversation talk = established();
    talk.pass_ms(2'160'000);  // 36 minutes
    Segment late = talk.next(End::peer, Psh | Ack, 100);
    late.timestamps->val = talk.direction(End::peer).ts_val - 0x70000000U;
    const std::uint32_t before = talk.direction(End::peer).seq_edge;
    inject(talk, late);
    EXPECT_EQ(talk.direction(End::peer).seq_edge, before + 100);
    Segment next = late;
    next.seq += 100;
    next.id = static_cast<std::uint16_t>(next.id + 1);
    talk.pass_ms(5);
    next.timestamps->val += 5;
    inject(talk, next);
    EXPECT_EQ(talk.direction(End::peer).seq_edge, before + 200);
}

/// Linux takes the timestamp even of bytes behind a FIN, whose text it ignores. Of two that together leap by more than
/// half of all numbers, the peer's own clock is ahead again, and what leaps from there is old.
TEST_P(DatapathForgerClock, BehindAFinItIsFollowedAsByTheStack) {
    protect();
    Conversation talk = established();
    talk.send(End::peer, Fin | Ack);
    talk.send(End::us, Ack);
    Segment behind = talk.next(End::peer, Ack, 536);
    for (int i = 0; i < 2; i++) {
        behind = ahead(behind, 0x50000000);
        inject(talk, behind);
        talk.pass_ms(60);
    }
    inject(talk, ahead(talk.next(End::peer, Ack), 0x71000000));
    talk.send(End::us, Psh | Ack, 1000);
    talk.pass_ms(20);
    talk.send(End::peer, Ack);
    EXPECT_EQ(talk.direction(End::peer).ack_edge, talk.edge(End::us)) << "the peer is not heard";
}

/// What decides nothing is not summed up, and moves a fast clock a little; many such move it far. Where the peer's clock
/// is, our own stack's echo tells.
TEST_P(DatapathForgerClock, OurStacksEchoSetsAClockRight) {
    protect();
    Conversation talk = established();
    talk.send(End::us, Ack);
    inject(talk, ahead(talk.next(End::peer, Ack), 1000));
    ASSERT_TRUE(talk.direction(End::peer).flags & FST_DIRECTION_TS_FAST);
    Segment damaged = ahead(talk.next(End::peer, Ack), 1000);
    damaged.checksum = Checksum::Wrong;
    for (int i = 0; i < 1500; i++) {
        damaged = ahead(damaged, 4000);
        damaged.id++;
        inject(talk, damaged);
    }
    inject(talk, talk.next(End::peer, Psh | Ack, 100));  // seems old
    talk.send(End::us, Psh | Ack, 100);
    expect_heard(talk);
    talk.send(End::us, Ack);
    EXPECT_LT(talk.direction(End::peer).ts_val - talk.next(End::peer, Ack).timestamps->val + 1000,
              2000U);
}

/// Linux takes no timestamp of an ACK behind the latest one (tcp_ack(): old_ack).
TEST_P(DatapathForgerClock, AnOldAckSetsNone) {
    protect();
    Conversation talk = established();
    talk.send(End::us, Psh | Ack, 1000);
    talk.pass_ms(20);
    talk.send(End::peer, Ack);
    const std::uint32_t clock = talk.direction(End::peer).ts_val;
    Segment old = ahead(talk.next(End::peer, Ack), 1500);
    old.ack -= 600;
    old.window++;
    inject(talk, old);
    EXPECT_EQ(talk.direction(End::peer).ts_val, clock);
}

/// What a stack throws away as too old acknowledges nothing (PAWS).
TEST_P(DatapathForgerClock, AnAckWithAnOldClockAcknowledgesNothing) {
    for (const bool forwarded : {false, true}) {
        protect();
        Conversation talk = established({.forwarded = forwarded});
        talk.send(End::us, Psh | Ack, 1000);
        talk.pass_ms(20);
        const std::uint32_t edge = talk.direction(End::peer).ack_edge;
        Segment stale = talk.next(End::peer, Ack);
        stale.timestamps->val -= 500;
        inject(talk, stale);
        EXPECT_EQ(talk.direction(End::peer).ack_edge, edge);
        talk.send(End::peer, Ack);
        EXPECT_EQ(talk.direction(End::peer).ack_edge, edge + 1000);
    }
}

/// Nor of one behind bytes that its receiver has not acknowledged: some may be missing (tcp_replace_ts_recent()).
TEST_P(DatapathForgerClock, AnAckBehindDataOnItsWaySetsNone) {
    for (const bool forwarded : {false, true}) {
        protect();
        Conversation talk = established({.forwarded = forwarded});
        talk.send(End::peer, Psh | Ack, 1000);
        const std::uint32_t clock = talk.direction(End::peer).ts_val;
        Segment bare = ahead(talk.next(End::peer, Ack), 1500);
        bare.window++;
        inject(talk, bare);
        EXPECT_EQ(talk.direction(End::peer).ts_val, clock);
        talk.send(End::us, Ack);
        inject(talk, ahead(talk.next(End::peer, Ack), 1500));
        EXPECT_GT(talk.direction(End::peer).ts_val, clock + 1000) << "acknowledged: it is taken";
    }
}

/// The damaged ACK took the peer's next IP-ID.
TEST_P(DatapathForgerClock, WhatLooksLikeACopyOfADamagedAckIsHeard) {
    protect();
    Conversation talk = established();
    talk.send(End::us, Psh | Ack, 1000);
    talk.pass_ms(20);
    const Segment answer = talk.next(End::peer, Ack);
    Segment damaged = answer;
    damaged.checksum = Checksum::Wrong;
    inject(talk, damaged);
    mimic_reset(talk);
    talk.pass_ms(5);
    inject(talk, answer);
    EXPECT_TRUE(talk.flow().reset_flags[talk.index(End::peer)] & FST_RESET_SENDER_SEEN);
}

/// On a router what comes from elsewhere may reach its receiver or not.
TEST_P(DatapathForgerClock, OnARouterNoneFromElsewhereSetsOneAhead) {
    if (in_kernel()) {
        return;  // its test run gives each packet a socket
    }
    protect();
    Conversation talk = established({.forwarded = true});
    const std::uint32_t clock = talk.direction(End::peer).ts_val;
    Segment dies = ahead(talk.next(End::peer, Ack), 1500);
    dies.ttl = 2;
    dies.window++;
    inject(talk, dies);
    EXPECT_EQ(talk.direction(End::peer).ts_val, clock);
    talk.traits(End::peer).ttl = 50;  // another route
    talk.send(End::peer, Psh | Ack, 100);
    EXPECT_GT(talk.direction(End::peer).ts_val, clock) << "in time, it is heard";
}

/// However little it was ahead.
TEST_P(DatapathForgerClock, OurStacksEchoSetsItToWhatWasTakenIn) {
    protect();
    Conversation talk = established();
    const std::uint32_t clock = talk.direction(End::peer).ts_val;
    inject(talk, ahead(talk.next(End::peer, Ack), 1500));
    ASSERT_GT(talk.direction(End::peer).ts_val, clock + 1000);
    mimic_reset(talk);
    Segment ours = talk.next(End::us, Psh | Ack, 100);
    ours.timestamps->ecr = clock;
    talk.send(ours);
    EXPECT_EQ(talk.direction(End::peer).ts_val, clock);
}

/// However long a segment is: links with large frames.
TEST_P(DatapathForgerClock, ADamagedSegmentOfAnyLengthMovesNoClock) {
    if (in_kernel()) {
        return;  // BPF_PROG_TEST_RUN takes no frames so long
    }
    protect();
    for (const std::size_t payload : {10'000U, 10'300U, 11'000U, 20'001U, 60'000U}) {
        Conversation talk = established();
        const fst_direction before = talk.direction(End::peer);
        Segment damaged = ahead(talk.next(End::peer, Psh | Ack, payload), 4000);
        damaged.checksum = Checksum::Wrong;
        inject(talk, damaged);
        EXPECT_EQ(talk.direction(End::peer).ts_val, before.ts_val) << payload;
        EXPECT_EQ(talk.direction(End::peer).seq_edge, before.seq_edge) << payload;
        talk.send(ahead(talk.next(End::peer, Psh | Ack, payload), 1));
        EXPECT_EQ(talk.direction(End::peer).seq_edge, before.seq_edge + payload);
    }
}

/// A frame to all of the link, or to a group, is no segment of TCP to any host (Linux: tcp_v4_rcv()).
TEST_P(DatapathForgerClock, AFrameToManyTeachesNothing) {
    protect();
    for (const bool v6 : {false, true}) {
        for (const std::uint8_t first : {0xff, 0x01, 0x33}) {
            Conversation talk = established({.v6 = v6});
            const auto to_many = [&](const Segment& segment) {
                Bytes frame = talk.encode(segment);
                frame[0] = first;
                return acting().run(hook(), {.bytes = frame});
            };
            const fst_flow before = talk.flow();
            const std::uint64_t refused = acting().counter(FST_COUNT_REFUSED);
            for (const std::uint32_t ticks : {4000U, 4'000'000U, 4'000'000U}) {
                to_many(ahead(talk.next(End::peer, Ack), ticks));
            }
            Segment gap = talk.next(End::peer, Psh | Ack, 100);
            gap.seq += 500;
            gap.options = {option_of(19)};
            gap.timestamps.reset();
            to_many(gap);
            to_many(mimic(talk));
            EXPECT_EQ(acting().counter(FST_COUNT_REFUSED), refused + 5);
            EXPECT_EQ(talk.direction(End::peer).ts_val,
                      before.direction[talk.index(End::peer)].ts_val);
            EXPECT_EQ(talk.flow().state, before.state);
            expect_heard(talk);
        }
    }
}

}  // namespace flowstamp::testing
