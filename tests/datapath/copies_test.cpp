// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// One packet seen more than once (on a bridge and its ports, by a mirror, in a routing loop) counts
// once. What its sender sends again counts.
#include <cstddef>
#include <cstring>
#include <vector>

#include "tests/datapath/fixture.h"

namespace flowstamp::testing {
namespace {

class DatapathCopies : public DatapathTest {
  protected:
    Conversation established(const Setting& setting = {}) {
        Conversation talk(watching(), hook(), setting);
        talk.open().exchange(5);
        talk.pass_ms(60);
        return talk;
    }
    /// A sender whose IP-IDs name no packet, without timestamps.
    Conversation established_nameless(bool v6, Ids ids) {
        Setting setting{.v6 = v6};
        setting.peer.ids = ids;
        setting.peer.timestamps = false;
        return established(setting);
    }
};
INSTANTIATE_TEST_SUITE_P(Datapath, DatapathCopies, ::testing::ValuesIn(every_hook()), case_name);

/// The frame is seen at one more place, `routers` behind the first: its ends know nothing of it.
Outcome seen_again(const Conversation& talk, Segment segment, int routers = 0) {
    segment.ttl = static_cast<std::uint8_t>(segment.ttl - routers);
    return talk.rig().run(talk.hook(segment.from), {.bytes = talk.encode(segment)});
}

/// From `before` to `after` no packet was counted and nothing was learned; `stamps` were added.
void expect_uncounted(const fst_direction& before, fst_direction after, unsigned stamps) {
    EXPECT_EQ(after.packets, before.packets);
    EXPECT_EQ(after.bytes, before.bytes);
    EXPECT_EQ(after.retransmitted, before.retransmitted);
    EXPECT_EQ(after.ring_next, (before.ring_next + stamps) % FST_RING_STAMPS);
    EXPECT_EQ(after.version, before.version + 2 * stamps);
    after.ring_next = before.ring_next;
    after.version = before.version;
    EXPECT_EQ(std::memcmp(&before, &after, offsetof(fst_direction, ring)), 0);
}

/// A mirror shows the frame as it was; a place behind a router, with a lower TTL.
TEST_P(DatapathCopies, ACopyIsNotCounted) {
    for (const bool v6 : {false, true}) {
        for (const int routers : {0, 1}) {
            SCOPED_TRACE(::testing::Message() << v6 << ", " << routers);
            Conversation talk = established({.v6 = v6});
            const Segment data = talk.next(End::peer, Psh | Ack, 100);
            talk.send(data);
            const fst_direction before = talk.direction(End::peer);
            talk.pass_us(200);
            EXPECT_TRUE(seen_again(talk, data, routers).events.empty()) << "not even a new TTL";
            const fst_direction after = talk.direction(End::peer);
            expect_uncounted(before, after, routers != 0 ? 1 : 0);
            const fst_stamp& latest =
                after.ring[(after.ring_next + FST_RING_STAMPS - 1) % FST_RING_STAMPS];
            EXPECT_EQ(latest.ttl, data.ttl - routers) << "where it is known from";
            EXPECT_TRUE(seen_again(talk, data, routers).events.empty());
            expect_uncounted(before, talk.direction(End::peer), routers != 0 ? 1 : 0);
        }
    }
}

TEST_P(DatapathCopies, AnotherIdIsNoCopy) {
    Conversation talk = established();
    const Segment data = talk.next(End::peer, Psh | Ack, 100);
    talk.send(data);
    const fst_direction before = talk.direction(End::peer);
    talk.pass_us(200);
    Segment again = data;
    again.id++;
    again.ttl--;
    talk.send(again);
    const fst_direction after = talk.direction(End::peer);
    EXPECT_EQ(after.packets, before.packets + 1);
    EXPECT_EQ(after.bytes, before.bytes + 20 + 32 + 100);
    EXPECT_EQ(after.retransmitted, before.retransmitted + 1);
    EXPECT_FALSE(talk.state_has(FST_FLOW_DUPLICATE_FRAMES));
}

/// The same flags, ID and length, but new bytes: IDs of 16 bits come again.
TEST_P(DatapathCopies, NewDataIsNoCopy) {
    Conversation talk = established();
    const Segment data = talk.next(End::peer, Psh | Ack, 100);
    talk.send(data);
    const fst_direction before = talk.direction(End::peer);
    talk.pass_us(200);
    Segment further = talk.next(End::peer, Psh | Ack, 100);
    further.id = data.id;
    talk.send(further);
    const fst_direction after = talk.direction(End::peer);
    EXPECT_EQ(after.packets, before.packets + 1);
    EXPECT_EQ(after.retransmitted, before.retransmitted);
    EXPECT_FALSE(talk.state_has(FST_FLOW_DUPLICATE_FRAMES));
}

TEST_P(DatapathCopies, FiftyMillisecondsLaterIsNoCopy) {
    for (const bool v6 : {false, true}) {
        for (const std::uint64_t after_us : {49'999, 50'000}) {
            SCOPED_TRACE(::testing::Message() << v6 << ", " << after_us);
            const unsigned counted = after_us < 50'000 ? 0 : 1;
            Conversation talk = established({.v6 = v6});
            const Segment data = talk.next(End::peer, Psh | Ack, 100);
            talk.send(data);
            const fst_direction before = talk.direction(End::peer);
            talk.pass_us(after_us);
            EXPECT_TRUE(seen_again(talk, data).events.empty());
            const fst_direction after = talk.direction(End::peer);
            EXPECT_EQ(after.packets, before.packets + counted);
            EXPECT_EQ(after.retransmitted, before.retransmitted + counted);
            EXPECT_EQ(talk.state_has(FST_FLOW_DUPLICATE_FRAMES), counted == 0);
        }
    }
}

/// IPv6 has no IP-ID: what a sender sends again bears the time at which it does so.
TEST_P(DatapathCopies, WithoutAnIdTheTimestampNamesThePacket) {
    for (const std::uint32_t ticks : {0U, 1U}) {
        SCOPED_TRACE(ticks);
        Conversation talk = established({.v6 = true});
        const Segment data = talk.next(End::peer, Psh | Ack, 100);
        talk.send(data);
        const fst_direction before = talk.direction(End::peer);
        talk.pass_ms(5);
        Segment again = data;
        again.timestamps->val += ticks;
        seen_again(talk, again);
        const fst_direction after = talk.direction(End::peer);
        EXPECT_EQ(after.packets, before.packets + ticks);
        EXPECT_EQ(after.retransmitted, before.retransmitted + ticks);
    }
}

/// Neither ID nor timestamp: no sender repeats itself within a millisecond.
TEST_P(DatapathCopies, WithoutAnyNameACopyComesAtOnce) {
    struct Case {
        const char* name;
        bool v6;
        Ids ids;
    };
    for (const Case& c : {Case{"a constant ID", false, Ids::constant},
                          Case{"ID 0", false, Ids::zero}, Case{"IPv6", true, Ids::per_flow}}) {
        SCOPED_TRACE(c.name);
        Conversation talk = established_nameless(c.v6, c.ids);
        const Segment data = talk.next(End::peer, Psh | Ack, 100);
        talk.send(data);
        const fst_direction before = talk.direction(End::peer);
        talk.pass_us(999);
        seen_again(talk, data);
        expect_uncounted(before, talk.direction(End::peer), 0);
        talk.pass_us(4001);
        seen_again(talk, data);
        const fst_direction after = talk.direction(End::peer);
        EXPECT_EQ(after.packets, before.packets + 1) << "a retransmission, 5 ms later";
        EXPECT_EQ(after.retransmitted, before.retransmitted + 1);
    }
}

/// It differs from the ACK before it only in its window. Two equal ACKs within a tick of the clock
/// may both be the sender's: they count as one, but do not show that frames are seen twice.
TEST_P(DatapathCopies, AWindowUpdateIsNoCopy) {
    for (const bool timestamps : {true, false}) {
        SCOPED_TRACE(timestamps);
        Setting setting;
        setting.peer.ids = Ids::zero;
        setting.peer.timestamps = timestamps;
        Conversation talk = established(setting);
        Segment ack = talk.next(End::peer);
        talk.send(ack);
        const fst_direction before = talk.direction(End::peer);
        talk.pass_us(300);
        seen_again(talk, ack);
        expect_uncounted(before, talk.direction(End::peer), 0);
        ack.window += 100;
        seen_again(talk, ack);
        const fst_direction opened = talk.direction(End::peer);
        EXPECT_EQ(opened.packets, before.packets + 1);
        EXPECT_EQ(opened.window, ack.window);
        talk.pass_us(300);
        seen_again(talk, ack);
        expect_uncounted(opened, talk.direction(End::peer), 0);
        EXPECT_FALSE(talk.state_has(FST_FLOW_DUPLICATE_FRAMES));
    }
}

/// With an ID of its own, or data, the frame itself was seen twice.
TEST_P(DatapathCopies, TheFlowIsMarkedByACopyOfANamedPacketOrOfData) {
    struct Case {
        const char* name;
        bool v6;
        std::size_t payload;
        bool marked;
    };
    for (const Case& c :
         {Case{"data", false, 100, true}, Case{"data over IPv6", true, 100, true},
          Case{"an ACK", false, 0, true}, Case{"an ACK over IPv6", true, 0, false}}) {
        SCOPED_TRACE(c.name);
        Conversation talk = established({.v6 = c.v6});
        const Segment segment = talk.next(End::peer, Ack, c.payload);
        talk.send(segment);
        EXPECT_FALSE(talk.state_has(FST_FLOW_DUPLICATE_FRAMES));
        const fst_direction before = talk.direction(End::peer);
        talk.pass_us(200);
        seen_again(talk, segment);
        expect_uncounted(before, talk.direction(End::peer), 0);
        EXPECT_EQ(talk.state_has(FST_FLOW_DUPLICATE_FRAMES), c.marked);
    }
}

TEST_P(DatapathCopies, ASynIsReportedOnce) {
    for (const bool v6 : {false, true}) {
        for (const int routers : {0, 1}) {
            SCOPED_TRACE(::testing::Message() << v6 << ", " << routers);
            Conversation talk(watching(), hook(), {.v6 = v6});
            const Segment syn = talk.next(End::us, Syn);
            EXPECT_NE(talk.send(syn).find(FST_EVENT_SYN), nullptr);
            const fst_direction before = talk.direction(End::us);
            talk.pass_us(150);
            EXPECT_TRUE(seen_again(talk, syn, routers).events.empty());
            expect_uncounted(before, talk.direction(End::us), routers != 0 ? 1 : 0);
            talk.pass_ms(60);
            const Outcome again = seen_again(talk, syn);
            ASSERT_NE(again.find(FST_EVENT_SYN), nullptr) << "retransmitted";
            EXPECT_EQ(again.find(FST_EVENT_SYN)->event.packet.flags & FST_PACKET_DUPLICATE_FRAME,
                      0);
            EXPECT_EQ(talk.direction(End::us).retransmitted, 1);
        }
    }
}

/// Linux sends a SYN-ACK with ID 0. Another SYN-ACK may be forged: it is reported at once.
TEST_P(DatapathCopies, ASynAckIsReportedOnce) {
    for (const bool v6 : {false, true}) {
        for (const int routers : {0, 1}) {
            SCOPED_TRACE(::testing::Message() << v6 << ", " << routers);
            Conversation talk(watching(), hook(), {.v6 = v6});
            talk.send(End::us, Syn);
            talk.pass_ms(20);
            const Segment syn_ack = talk.next(End::peer, Syn | Ack);
            ASSERT_EQ(syn_ack.id, 0);
            EXPECT_NE(talk.send(syn_ack).find(FST_EVENT_SYN_ACK), nullptr);
            const fst_direction before = talk.direction(End::peer);
            talk.pass_us(150);
            EXPECT_TRUE(seen_again(talk, syn_ack, routers).events.empty());
            expect_uncounted(before, talk.direction(End::peer), routers != 0 ? 1 : 0);
            Segment forged = syn_ack;
            forged.seq -= 7;
            EXPECT_NE(seen_again(talk, forged).find(FST_EVENT_SYN_ACK), nullptr);
            talk.pass_ms(60);
            EXPECT_NE(seen_again(talk, syn_ack).find(FST_EVENT_SYN_ACK), nullptr)
                << "retransmitted";
        }
    }
}

/// Copies come behind other frames of their sender: A B C, A B C, A B C.
TEST_P(DatapathCopies, CopiesAreFoundBehindOtherFrames) {
    for (const int routers : {0, 1}) {
        SCOPED_TRACE(routers);
        Conversation talk = established();
        std::vector<Segment> frames;
        for (int i = 0; i < 3; i++) {
            frames.push_back(talk.next(End::peer, Psh | Ack, 100));
            EXPECT_TRUE(talk.send(frames.back()).events.empty());
            talk.pass_us(100);
        }
        const fst_direction before = talk.direction(End::peer);
        for (int i = 0; i < 2; i++) {
            for (const Segment& frame : frames) {
                EXPECT_TRUE(seen_again(talk, frame, routers).events.empty());
                talk.pass_us(100);
            }
        }
        expect_uncounted(before, talk.direction(End::peer), routers != 0 ? 3 : 0);
        EXPECT_TRUE(talk.send(End::peer, Psh | Ack, 100).events.empty());
        EXPECT_EQ(talk.direction(End::peer).packets, before.packets + 1);
        EXPECT_EQ(talk.direction(End::peer).retransmitted, before.retransmitted);
    }
}

/// One packet comes by its sender's link again and again, each time from one router farther.
TEST_P(DatapathCopies, ARoutingLoopIsReportedOnce) {
    for (const bool v6 : {false, true}) {
        SCOPED_TRACE(v6);
        Conversation talk = established({.v6 = v6});
        const Segment first = talk.next(End::peer, Psh | Ack, 100);
        talk.send(first);
        const fst_direction before = talk.direction(End::peer);
        talk.pass_ms(2);
        EXPECT_TRUE(seen_again(talk, first, 1).events.empty()) << "twice only";
        EXPECT_FALSE(talk.state_has(FST_FLOW_LOOP));
        talk.pass_ms(2);
        const Outcome third = seen_again(talk, first, 2);
        const SeenEvent* reported = third.find(FST_EVENT_LOOP);
        ASSERT_NE(reported, nullptr);
        EXPECT_EQ(third.events.size(), 1U);
        EXPECT_EQ(reported->event.slot, talk.slot());
        EXPECT_EQ(reported->event.packet.ttl, first.ttl - 2);
        EXPECT_EQ(reported->event.packet.direction, talk.index(End::peer));
        EXPECT_NE(reported->event.packet.flags & FST_PACKET_DUPLICATE_FRAME, 0);
        ASSERT_TRUE(reported->flow);
        EXPECT_NE(reported->flow->state & FST_FLOW_LOOP, 0U);
        talk.pass_ms(2);
        EXPECT_TRUE(seen_again(talk, first, 3).events.empty());
        expect_uncounted(before, talk.direction(End::peer), 3);

        const Segment second = talk.next(End::peer, Psh | Ack, 100);
        for (const int routers : {0, 1, 2, 3}) {
            talk.pass_ms(2);
            EXPECT_TRUE(seen_again(talk, second, routers).events.empty()) << "once per flow";
        }
    }
}

/// A capture merged from several links shows the packet on its way; so does one without MACs.
TEST_P(DatapathCopies, OnOtherLinksItIsNoLoop) {
    for (const bool v6 : {false, true}) {
        for (const auto& [second, third] : {std::pair{"00:00:5e:00:53:71", "00:00:5e:00:53:72"},
                                            std::pair{"00:00:00:00:00:00", "00:00:00:00:00:00"}}) {
            SCOPED_TRACE(::testing::Message() << v6 << ", " << third);
            Conversation talk = established({.v6 = v6});
            Segment data = talk.next(End::peer, Psh | Ack, 100);
            talk.send(data);
            const fst_direction before = talk.direction(End::peer);
            talk.pass_us(100);
            data.mac = second;
            EXPECT_TRUE(seen_again(talk, data, 1).events.empty());
            talk.pass_us(100);
            data.mac = third;
            EXPECT_TRUE(seen_again(talk, data, 2).events.empty());
            EXPECT_FALSE(talk.state_has(FST_FLOW_LOOP));
            expect_uncounted(before, talk.direction(End::peer), 2);
        }
    }
}

/// A mirror of both directions of a port, twice: the TTL does not fall.
TEST_P(DatapathCopies, CopiesWithOneTtlAreNoLoop) {
    for (const int routers : {0, 1}) {
        Conversation talk = established();
        const Segment data = talk.next(End::peer, Psh | Ack, 100);
        talk.send(data);
        for (int i = 0; i < 4; i++) {
            talk.pass_us(100);
            EXPECT_TRUE(seen_again(talk, data, routers).events.empty());
        }
        EXPECT_FALSE(talk.state_has(FST_FLOW_LOOP));
    }
}

/// Sent again, each time through one router more: another ID is another packet.
TEST_P(DatapathCopies, RetransmissionsWithFallingTtlsAreNoLoop) {
    Conversation talk = established();
    Segment data = talk.next(End::peer, Psh | Ack, 100);
    talk.send(data);
    for (int i = 0; i < 3; i++) {
        talk.pass_us(100);
        data.id++;
        data.ttl--;
        EXPECT_EQ(talk.send(data).find(FST_EVENT_LOOP), nullptr);
    }
    EXPECT_FALSE(talk.state_has(FST_FLOW_LOOP));
    EXPECT_EQ(talk.direction(End::peer).retransmitted, 3);
}

}  // namespace
}  // namespace flowstamp::testing
