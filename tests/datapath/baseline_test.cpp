// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// What is learned from a direction's packets, and from which packets nothing is.
#include <algorithm>
#include <cstring>

#include "tests/datapath/fixture.h"

namespace flowstamp::testing {
namespace {

class DatapathBaseline : public DatapathTest {
  protected:
    Conversation opened(const Setting& setting = {}) {
        Conversation talk(watching(), hook(), setting);
        talk.open();
        return talk;
    }
    /// Of the peer's direction.
    static int rtt_samples(const Conversation& talk) {
        const fst_direction peer = talk.direction(End::peer);
        return fst_rtt_samples(&peer);
    }
    static int mac_votes(const Conversation& talk) {
        const fst_direction peer = talk.direction(End::peer);
        return fst_mac_votes(&peer);
    }
};
INSTANTIATE_TEST_SUITE_P(Datapath, DatapathBaseline, ::testing::ValuesIn(every_hook()), case_name);

TEST_P(DatapathBaseline, EdgesAndCounts) {
    Conversation talk = opened();
    talk.exchange(3);
    const fst_direction peer = talk.direction(End::peer), us = talk.direction(End::us);
    const Setting& setting = talk.setting();
    EXPECT_EQ(peer.seq_edge, setting.peer.isn + 1 + 3000);
    EXPECT_EQ(peer.ack_edge, setting.us.isn + 1 + 6000);
    EXPECT_EQ(us.seq_edge, setting.us.isn + 1 + 6000);
    EXPECT_EQ(us.ack_edge, setting.peer.isn + 1 + 3000);
    EXPECT_EQ(peer.packets, 4U);
    // SYN-ACK: 20 + 20 + 24; data: 20 + 32 + 1000.
    EXPECT_EQ(peer.bytes, talk.encode(talk.next(End::peer, Syn | Ack)).size() - 14 + 3UZ * 1052);
    EXPECT_EQ(peer.window, setting.peer.window);
    EXPECT_EQ(us.window, setting.us.window);
    EXPECT_EQ(talk.flow().isn[talk.index(End::peer)], setting.peer.isn);
    EXPECT_EQ(talk.flow().isn[talk.index(End::us)], setting.us.isn);
    EXPECT_EQ(talk.flow().wscale[talk.index(End::peer)], setting.peer.wscale + 1);
    constexpr auto kSeen = FST_DIRECTION_SEEN | FST_DIRECTION_TS | FST_DIRECTION_TS_CLOCK |
                           FST_DIRECTION_BASE | FST_DIRECTION_DF | FST_DIRECTION_DATA |
                           FST_DIRECTION_WINDOWS_2 | FST_DIRECTION_WINDOWS_1 | FST_DIRECTION_ACKED;
    EXPECT_EQ(peer.flags, kSeen | FST_DIRECTION_BASE_SYN_ACK);
    EXPECT_EQ(us.flags, kSeen | FST_DIRECTION_BASE_SYN);
    EXPECT_TRUE(talk.state_has(FST_FLOW_TS));
}

TEST_P(DatapathBaseline, TheRingHoldsTheLatestEight) {
    Conversation talk = opened();
    std::vector<std::uint32_t> times;
    for (int i = 0; i < 13; i++) {
        talk.pass_us(777);
        talk.send(End::peer, Ack, 10);
        times.push_back(static_cast<std::uint32_t>(talk.rig().now_ns() / 1000));
    }
    const fst_direction peer = talk.direction(End::peer);
    for (std::size_t i = 0; i < FST_RING_STAMPS; i++) {
        const fst_stamp& stamp = peer.ring[(peer.ring_next + i) % FST_RING_STAMPS];
        EXPECT_EQ(stamp.time_us, times.at(5 + i));
        EXPECT_EQ(stamp.ip_id, talk.ids(End::peer).at(1 + 5 + i));
    }
}

TEST_P(DatapathBaseline, TheSetOfTtls) {
    Conversation talk = opened();
    const auto send = [&](std::uint8_t ttl) {
        Segment segment = talk.next(End::peer, Ack, 10);
        segment.ttl = ttl;
        return talk.send(segment);
    };
    EXPECT_EQ(send(57).find(FST_EVENT_TTL), nullptr);
    for (const std::uint8_t ttl : {58, 56, 120}) {
        const Outcome outcome = send(ttl);
        ASSERT_NE(outcome.find(FST_EVENT_TTL), nullptr);
        EXPECT_EQ(outcome.find(FST_EVENT_TTL)->event.packet.ttl, ttl);
        EXPECT_EQ(send(ttl).find(FST_EVENT_TTL), nullptr) << "already known";
    }
    const std::array<std::uint8_t, FST_TTL_SET> expected{57, 58, 56, 120};
    EXPECT_TRUE(std::ranges::equal(talk.direction(End::peer).ttl, expected));
    EXPECT_EQ(talk.direction(End::peer).flags & FST_DIRECTION_TTL_MANY, 0);
    EXPECT_EQ(send(200).find(FST_EVENT_TTL), nullptr);
    EXPECT_NE(talk.direction(End::peer).flags & FST_DIRECTION_TTL_MANY, 0);
    EXPECT_TRUE(std::ranges::equal(talk.direction(End::peer).ttl, expected));
}

TEST_P(DatapathBaseline, ClassesOfIds) {
    struct Case {
        Ids ids;
        fst_id_class expected;
    };
    for (const Case& c : {Case{Ids::zero, FST_ID_ZERO}, Case{Ids::constant, FST_ID_CONSTANT},
                          Case{Ids::per_flow, FST_ID_FLOW}, Case{Ids::global, FST_ID_GLOBAL},
                          Case{Ids::random, FST_ID_RANDOM}}) {
        SCOPED_TRACE(int(c.ids));
        Setting setting;
        setting.peer.ids = c.ids;
        Conversation talk = opened(setting);
        EXPECT_EQ(talk.direction(End::peer).id_class, 0) << "a SYN-ACK's ID is 0 on Linux";
        talk.pass_ms(100);
        for (int i = 0; i < 3; i++) {
            talk.pass_ms(100);
            talk.send(End::peer, Ack, 10);
            const fst_direction peer = talk.direction(End::peer);
            EXPECT_EQ(fst_id_class_of(&peer), FST_ID_UNKNOWN) << "of two steps at most";
        }
        for (int i = 0; i < 12; i++) {
            talk.pass_ms(100);
            talk.send(End::peer, Ack, 10);
        }
        const fst_direction peer = talk.direction(End::peer);
        EXPECT_EQ(fst_id_class_of(&peer), c.expected);
        EXPECT_EQ(peer.ip_id, talk.ids(End::peer).back());
    }
}

TEST_P(DatapathBaseline, SlightReorderingKeepsThePerFlowClass) {
    Conversation talk = opened();
    for (int i = 0; i < 12; i++) {
        Segment first = talk.next(End::peer, Ack, 10);
        Segment second = first;
        second.seq += 10;
        second.id = static_cast<std::uint16_t>(first.id + 1);
        talk.pass_ms(10);
        if (i % 4 == 3) {
            std::swap(first, second);
        }
        Segment last = talk.next(End::peer, Ack);
        last.seq += 20;
        last.id = static_cast<std::uint16_t>(std::max(first.id, second.id) + 1);
        talk.send(first);
        talk.send(second);
        talk.send(last);
    }
    const fst_direction peer = talk.direction(End::peer);
    EXPECT_EQ(fst_id_class_of(&peer), FST_ID_FLOW);
}

/// GRO and TSO pass several packets to tc as one: each had its own ID.
TEST_P(DatapathBaseline, SegmentsAdvanceTheId) {
    if (!in_kernel() || hook() == FST_HOOK_XDP) {
        return;  // these see packets as they are on the wire
    }
    Conversation talk = opened();
    const std::uint32_t before = talk.direction(End::peer).packets;
    for (int i = 0; i < 8; i++) {
        Segment gro_segment = talk.next(End::peer, Ack, 1400);
        gro_segment.gso_segments = 10;
        talk.pass_ms(10);
        talk.send(gro_segment);
    }
    const fst_direction peer = talk.direction(End::peer);
    EXPECT_EQ(fst_id_class_of(&peer), FST_ID_FLOW);
    EXPECT_EQ(peer.packets, before + 80);
    EXPECT_EQ(peer.ip_id, talk.ids(End::peer).back() + 9);
}

TEST_P(DatapathBaseline, MinimumRoundTrip) {
    Conversation talk = opened({.rtt_us = 30'000});
    EXPECT_EQ(talk.direction(End::peer).min_rtt_us, 30'000U);  // SYN to SYN-ACK
    EXPECT_EQ(rtt_samples(talk), 1);
    EXPECT_EQ(talk.direction(End::us).min_rtt_us, 100U);
    for (const std::uint64_t rtt_us : {40'000, 25'000, 60'000}) {
        talk.pass_ms(1);
        talk.send(End::us, Psh | Ack, 2000);
        talk.pass_us(rtt_us);
        talk.send(End::peer, Psh | Ack, 100);
        talk.send(End::us);
    }
    EXPECT_EQ(talk.direction(End::peer).min_rtt_us, 25'000U);
    EXPECT_EQ(rtt_samples(talk), 4);
    // The ACK of one segment may be delayed: it may lower the minimum, but is no sample.
    talk.send(End::us, Psh | Ack, 100);
    talk.pass_us(24'000);
    talk.send(End::peer);
    EXPECT_EQ(talk.direction(End::peer).min_rtt_us, 24'000U);
    EXPECT_EQ(rtt_samples(talk), 4);
    // A repeated old ACK, and a partial one, are no samples.
    talk.send(End::us, Psh | Ack, 100);
    talk.pass_us(10);
    Segment stale = talk.next(End::peer);
    stale.ack -= 100;
    talk.send(stale);
    stale.ack += 50;
    talk.send(stale);
    EXPECT_EQ(rtt_samples(talk), 4);
    EXPECT_EQ(talk.direction(End::peer).min_rtt_us, 24'000U);
}

TEST_P(DatapathBaseline, TheSendersClock) {
    Conversation talk = opened();
    const auto offset =
        static_cast<std::uint32_t>(talk.clock(End::peer) - talk.rig().now_ns() / 1'000'000);
    for (const std::uint64_t late_ms : {9, 0, 30}) {
        talk.pass_ms(100);
        Segment segment = talk.next(End::peer, Ack, 10);
        talk.pass_ms(late_ms);
        talk.send(segment);
    }
    const fst_direction peer = talk.direction(End::peer);
    EXPECT_LE(peer.ts_offset - offset + 1, 2U) << "to a tick";
    EXPECT_EQ(peer.flags & FST_DIRECTION_TS_FAST, 0);
}

TEST_P(DatapathBaseline, AFastClockProvesNothing) {
    Conversation talk = opened();
    for (int i = 1; i <= 10; i++) {
        talk.pass_ms(100);
        Segment segment = talk.next(End::peer, Ack, 10);
        segment.timestamps->val += static_cast<std::uint32_t>(i) * 900;  // 10 ticks per ms
        talk.send(segment);
    }
    EXPECT_NE(talk.direction(End::peer).flags & FST_DIRECTION_TS_FAST, 0);
}

TEST_P(DatapathBaseline, MacOfTheMajority) {
    Conversation talk = opened();
    const auto mac_of = [&](End end) {
        const fst_flow flow = talk.flow();
        return std::vector<int>(std::begin(flow.mac[talk.index(end)]),
                                std::end(flow.mac[talk.index(end)]));
    };
    talk.exchange(3);
    EXPECT_EQ(mac_of(End::peer), (std::vector<int>{0, 0, 0x5e, 0, 0x53, 2}));
    EXPECT_EQ(mac_of(End::us), (std::vector<int>{0, 0, 0x5e, 0, 0x53, 1}));
    EXPECT_EQ(mac_votes(talk), 3);

    Conversation mixed = opened();
    Segment other = mixed.next(End::peer, Ack, 10);
    other.mac = "00:00:5e:00:53:77";
    mixed.send(other);
    EXPECT_EQ(mac_votes(mixed), FST_MAC_MIXED);
}

TEST_P(DatapathBaseline, Retransmissions) {
    Conversation talk = opened();
    const Segment data = talk.next(End::peer, Psh | Ack, 1000);
    talk.send(data);
    talk.pass_ms(300);
    Segment again = data;
    again.id = static_cast<std::uint16_t>(data.id + 1);
    talk.send(again);
    EXPECT_EQ(talk.direction(End::peer).retransmitted, 1);
    Segment keepalive = talk.next(End::peer, Ack, 1);
    keepalive.seq -= 1;
    talk.pass_ms(300);
    talk.send(keepalive);
    EXPECT_EQ(talk.direction(End::peer).retransmitted, 1);
}

/// What does not fit its sender is stamped, and nothing is learned from it.
TEST_P(DatapathBaseline, NothingIsLearnedFromUnfitPackets) {
    struct Case {
        const char* name;
        void (*corrupt)(Segment&);
        bool is_reported = false;  ///< the receiver could accept it: then it may be injected
    };
    for (const Case& c : {Case{"far ahead", [](Segment& s) { s.seq += (4U << 20) + 2; }},
                          Case{"far behind", [](Segment& s) { s.seq -= (4U << 20) + 2; }},
                          Case{"without the timestamps that were negotiated",
                               [](Segment& s) { s.timestamps.reset(); }, true}}) {
        SCOPED_TRACE(c.name);
        Conversation talk = opened();
        talk.exchange(4);
        fst_direction before = talk.direction(End::peer);
        Segment spoofed = talk.next(End::peer, Psh | Ack, 50);
        spoofed.ttl = 99;
        spoofed.id = 0x7777;
        spoofed.window = 9;
        spoofed.mac = "00:00:5e:00:53:77";
        spoofed.df = false;
        c.corrupt(spoofed);
        talk.pass_ms(50);
        const Outcome outcome = talk.send(spoofed);
        EXPECT_EQ(outcome.events.size(), c.is_reported ? 1U : 0U);
        EXPECT_EQ(outcome.find(FST_EVENT_DATA_REPEATED) != nullptr, c.is_reported);
        fst_direction after = talk.direction(End::peer);
        EXPECT_EQ(after.packets, before.packets + (c.is_reported ? 1U : 0U));
        EXPECT_EQ(after.seq_edge, before.seq_edge);
        EXPECT_EQ(after.ack_edge, before.ack_edge);
        EXPECT_EQ(after.ip_id, before.ip_id);
        EXPECT_EQ(after.id_class, before.id_class);
        EXPECT_EQ(after.window, before.window);
        EXPECT_EQ(after.windows, before.windows);
        EXPECT_EQ(after.flags, before.flags);
        EXPECT_EQ(after.min_rtt_us, before.min_rtt_us);
        EXPECT_TRUE(std::ranges::equal(after.ttl, before.ttl));
        EXPECT_EQ(mac_votes(talk), 3);
    }
}

/// An ACK far off must not change what is expected of the other side.
TEST_P(DatapathBaseline, SpoofedAckChangesNothing) {
    Conversation talk = opened();
    talk.exchange(4);
    const std::uint32_t before = talk.direction(End::peer).ack_edge;
    Segment spoofed = talk.next(End::peer);
    spoofed.ack += 0x20000000;
    talk.send(spoofed);
    EXPECT_EQ(talk.direction(End::peer).ack_edge, before);
}

/// A mirror or a bridge shows a frame twice: it counts as one, and the flow is flagged.
TEST_P(DatapathBaseline, DuplicateFrame) {
    Conversation talk = opened();
    talk.exchange(3);
    const Segment data = talk.next(End::peer, Psh | Ack, 100);
    talk.send(data);
    EXPECT_FALSE(talk.state_has(FST_FLOW_DUPLICATE_FRAMES));
    const fst_direction before = talk.direction(End::peer);
    talk.pass_us(200);
    Segment again = data;
    again.ttl -= 1;
    talk.send(again);
    EXPECT_TRUE(talk.state_has(FST_FLOW_DUPLICATE_FRAMES));
    const fst_direction after = talk.direction(End::peer);
    EXPECT_EQ(after.retransmitted, before.retransmitted);
    EXPECT_EQ(after.id_class, before.id_class);
    EXPECT_TRUE(std::ranges::equal(after.ttl, before.ttl));
}

}  // namespace
}  // namespace flowstamp::testing
