// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// What the data path does in a short way for most packets, held against the long one.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <random>

#include "flowstamp/reset_rules.h"
#include "tests/unit/datapath_functions.h"

namespace flowstamp {
namespace {

TEST(HotPath, TimeIsDividedExactly) {
    std::mt19937_64 random(1);
    constexpr std::uint64_t years_65 = 65ULL * 365 * 86'400 * 1'000'000'000;
    const auto expect_exact = [](std::uint64_t ns) {
        const auto us = static_cast<std::uint32_t>(ns / 1'000);
        if (ns <= years_65) {
            ASSERT_EQ(test_time_us(ns), us) << ns;
        } else {
            ASSERT_LE(test_time_us(ns) - us, 1U) << ns;
        }
        ASSERT_EQ(test_time_ms(ns), static_cast<std::uint32_t>(ns / 1'000'000)) << ns;
    };
    expect_exact(0);
    expect_exact(std::numeric_limits<std::uint64_t>::max());
    for (int i = 0; i < 1'000'000; ++i) {
        const std::uint64_t ns = random() >> (random() % 64);
        expect_exact(ns);
        const std::uint64_t whole = ns / 1'000'000 * 1'000'000;
        expect_exact(whole);
        expect_exact(whole - 1);
    }
}

/// A flow and a packet of it that are ordinary about as often as not.
class Ordinary {
  public:
    explicit Ordinary(std::uint64_t seed) : random_(seed) {
        const auto d = static_cast<std::uint8_t>(one_of({0, 1}));
        const std::uint64_t now = random_() >> 12;
        packet.direction = d;
        packet.time_ns = now;
        packet.hook = one_of({FST_HOOK_XDP, FST_HOOK_TC_INGRESS, FST_HOOK_TC_EGRESS});
        packet.tcp_flags = one_of({FST_TCP_ACK, FST_TCP_ACK | FST_TCP_PSH});
        packet.flags = one_of({FST_PACKET_TS, FST_PACKET_TS | FST_PACKET_DF, FST_PACKET_IPV6,
                               FST_PACKET_TS | FST_PACKET_MAC, FST_PACKET_DF});
        packet.ttl = 57;
        packet.segments = one_of({1, 1, 4});
        packet.payload = one_of({0, 0, 1, 1448, 64'000});
        packet.ip_id = number<std::uint16_t>();
        packet.window = one_of({0, 229, 501, 1024, 65'535});
        std::memcpy(packet.src_mac, "\2\0\0\0\0\1", 6);

        flow.state =
            FST_FLOW_ESTABLISHED | one_of({0, FST_FLOW_TS, FST_FLOW_TS}) |
            one_of({0, 0, 0, 0, 0, 0, FST_OF(FST_FLOW_FIN_AHEAD, d), FST_OF(FST_FLOW_FIN, d)});
        flow.seen_coarse = static_cast<std::uint32_t>(now >> 30U) - one_of({0, 0, 0, 1, 5, 60});
        for (fst_direction& side : flow.direction) {
            fill(side, now);
        }
        fst_direction& own = flow.direction[d];
        learn_window(own);
        packet.seq = own.seq_edge + one_of({0, 0, 0, 0, 0, 1});
        packet.ack = own.ack_edge + one_of({0, 1, 1448, 60'000, 65'537});
        packet.ts_val = own.ts_val + one_of({0, 0, 1, 40});
        flow.direction[d ^ 1].seq_edge = packet.ack + one_of({0, 0, 1448, 50'000, 0xffffffff});
    }

    fst_flow flow{};
    fst_packet packet{};

  private:
    void fill(fst_direction& side, std::uint64_t now) {
        side.flags = FST_DIRECTION_SEEN | FST_DIRECTION_ACKED | FST_DIRECTION_BASE |
                     FST_DIRECTION_WINDOWS_1 | FST_DIRECTION_WINDOWS_2 | FST_DIRECTION_TS_CLOCK;
        side.flags |= number<std::uint16_t>() & one_of({0, 0xffff});
        constexpr std::uint32_t kShown =
            FST_DIRECTION_DF | FST_DIRECTION_NO_DF | FST_DIRECTION_DATA;
        side.flags |= one_of({0, kShown, kShown, kShown, kShown, kShown});
        side.flags &= ~one_of({0, 0, 0, 0, 0, 0, 0, 0, 0, FST_DIRECTION_ACKED, FST_DIRECTION_BASE,
                               FST_DIRECTION_WINDOWS_2, FST_DIRECTION_TS_CLOCK});
        side.seq_edge = number<std::uint32_t>();
        side.ack_edge = number<std::uint32_t>();
        side.edge_us = test_time_us(now) - number<std::uint16_t>();
        side.ts_val = number<std::uint32_t>();
        side.ts_offset = side.ts_val - test_time_ms(now) + one_of({0, 3, 50});
        side.last_ns = now - one_of({1'000, 1'000'000, 1'000'000, 200'000'000});
        side.ttl[0] = 57;
        side.ring_next = static_cast<std::uint8_t>(one_of({0, 1, 3, 7}));
        side.packets = one_of({3, 33, 64, 1001});
        side.window = one_of({0, 229, 501, 1024, 65'535});
        side.windows = number<std::uint32_t>();
        side.ip_id = packet.ip_id - one_of({0, 1, 2, 900});
        side.id_class = number<std::uint8_t>();
        side.rtt_and_mac = number<std::uint8_t>();
        side.min_rtt_us = one_of({0, 20, 40'000});
        std::memcpy(flow.mac[0], packet.src_mac, 6);
        std::memcpy(flow.mac[1], packet.src_mac, 6);
    }

    /// The side's latest window is one that it has sent.
    void learn_window(fst_direction& side) {
        fst_packet sent = packet;
        sent.payload = 0;
        sent.seq = side.seq_edge;
        sent.ack = side.ack_edge;
        sent.ts_val = side.ts_val;
        sent.ip_id = side.ip_id;
        sent.window = side.window;
        const __u16 flags = side.flags;
        test_learn(&flow, &sent);
        side.flags = flags | (side.flags & (FST_DIRECTION_WINDOW_1K | FST_DIRECTION_WINDOW_8K));
    }

    template <typename Number>
    Number number() {
        return static_cast<Number>(random_());
    }
    std::uint32_t one_of(std::initializer_list<std::uint32_t> choices) {
        return choices.begin()[random_() % choices.size()];
    }

    std::mt19937_64 random_;
};

TEST(HotPath, WhatIsOrdinaryIsLearnedAsAnyPacketIs) {
    int ordinary = 0;
    constexpr int kSeeds = 300'000;
    for (int seed = 0; seed < kSeeds; ++seed) {
        Ordinary in_short(static_cast<std::uint64_t>(seed));
        if (test_is_ordinary(&in_short.flow, &in_short.packet) == 0) {
            continue;
        }
        ++ordinary;
        Ordinary at_length = in_short;
        EXPECT_EQ(test_learn(&at_length.flow, &at_length.packet), 0) << "a new TTL";
        test_learn_ordinary(&in_short.flow, &in_short.packet);
        ASSERT_EQ(std::memcmp(&in_short.flow, &at_length.flow, sizeof(fst_flow)), 0) << seed;
        ASSERT_EQ(std::memcmp(&in_short.packet, &at_length.packet, sizeof(fst_packet)), 0) << seed;
    }
    EXPECT_GT(ordinary, kSeeds / 20);
}

}  // namespace
}  // namespace flowstamp
