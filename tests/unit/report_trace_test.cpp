// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// What a report draws of a flow: thinned out evenly, and nothing that matters is left out.
#include "user/output/report/flow_trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;
using output::FlowTrace;
using output::TracedPacket;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

fst_packet packet(unsigned side, std::uint32_t seq, std::uint32_t payload,
                  std::uint8_t flags = FST_TCP_ACK, std::uint32_t ack = 0) {
    fst_packet its{};
    its.direction = static_cast<std::uint8_t>(side);
    its.seq = seq;
    its.ack = ack;
    its.payload = payload;
    its.tcp_flags = flags;
    its.ttl = 64;
    return its;
}

/// Segments of 100 bytes, from `first` on.
void add_data(FlowTrace& trace, std::uint64_t first, std::uint64_t count) {
    for (std::uint64_t i = first; i < first + count; i++) {
        trace.add(packet(0, static_cast<std::uint32_t>(i * 100), 100), i * 1ms, i, std::nullopt);
    }
}

std::size_t kept(const FlowTrace& trace, auto condition) {
    return static_cast<std::size_t>(std::ranges::count_if(trace.packets(), condition));
}

TEST(FlowTrace, KeepsAllOfAShortFlow) {
    FlowTrace trace(100);
    add_data(trace, 1, 100);
    EXPECT_THAT(trace.packets(), SizeIs(100));
    EXPECT_THAT(trace.left_out(), IsEmpty());
}

TEST(FlowTrace, ThinsOutEvenlyAndSaysSo) {
    FlowTrace trace(100);
    add_data(trace, 1, 1000);
    EXPECT_LE(trace.packets().size(), 100U);
    EXPECT_GE(trace.packets().size(), 50U);
    const std::uint64_t between = trace.packets()[1].frame - trace.packets()[0].frame;
    for (std::size_t i = 1; i < trace.packets().size(); i++) {
        EXPECT_EQ(trace.packets()[i].frame - trace.packets()[i - 1].frame, between);
    }
    EXPECT_THAT(trace.left_out(), HasSubstr("of 1,000 packets drawn"));
    EXPECT_THAT(trace.left_out(), HasSubstr("1 of 16 data segments; every ACK"));
    EXPECT_THAT(trace.left_out(), HasSubstr("every SYN, FIN, RST and retransmission"));
}

TEST(FlowTrace, KeepsBothSidesOfAConversationInTurns) {
    FlowTrace trace(100);
    for (std::uint64_t i = 1; i <= 4000; i += 4) {
        const auto seq = static_cast<std::uint32_t>(i * 100);
        trace.add(packet(0, seq, 400), i * 1ms, i, std::nullopt);
        trace.add(packet(1, 7, 0), (i + 1) * 1ms, i + 1, std::nullopt);
        trace.add(packet(1, seq, 400), (i + 2) * 1ms, i + 2, std::nullopt);
        trace.add(packet(0, seq + 400, 0), (i + 3) * 1ms, i + 3, std::nullopt);
    }
    for (const unsigned side : {0U, 1U}) {
        EXPECT_GE(
            kept(trace,
                 [&](const TracedPacket& its) { return its.sender == side && its.payload != 0; }),
            25U);
        EXPECT_GE(
            kept(trace,
                 [&](const TracedPacket& its) { return its.sender == side && its.payload == 0; }),
            25U);
    }
}

TEST(FlowTrace, KeepsEveryResetAndRetransmission) {
    FlowTrace trace(20);
    for (std::uint64_t i = 0; i < 10; i++) {
        add_data(trace, i * 100 + 1, 98);
        trace.add(packet(0, static_cast<std::uint32_t>(i * 10000 + 100), 100), i * 100ms + 98ms,
                  i * 100 + 99, std::nullopt);
        trace.add(packet(1, 7, 0, FST_TCP_RST), i * 100ms + 99ms, i * 100 + 100, std::nullopt);
    }
    EXPECT_EQ(kept(trace, [](const TracedPacket& its) { return its.is_repeated; }), 10U);
    EXPECT_EQ(kept(trace, [](const TracedPacket& its) { return its.tcp_flags == FST_TCP_RST; }),
              10U);
}

TEST(FlowTrace, SaysThatResetsAreThinnedOutWhenTheyAreTooMany) {
    FlowTrace trace(20);
    for (std::uint64_t i = 1; i <= 1000; i++) {
        trace.add(packet(1, 7, 0, FST_TCP_RST), i * 1ms, i, std::nullopt);
    }
    EXPECT_LE(trace.packets().size(), 20U);
    EXPECT_THAT(trace.left_out(), HasSubstr("1 of 64 SYNs, FINs, RSTs and retransmissions"));
}

TEST(FlowTrace, KeepsWhatAFindingIsAboutAndItsNeighbours) {
    FlowTrace trace(20);
    add_data(trace, 1, 500);
    trace.add(packet(1, 7, 0, FST_TCP_RST), 501ms, 501, 3);
    add_data(trace, 502, 500);
    std::vector<std::uint64_t> frames;
    for (const TracedPacket& its : trace.packets()) {
        if (its.frame >= 498 && its.frame <= 505) {
            frames.push_back(its.frame);
        }
    }
    EXPECT_THAT(frames, ::testing::ElementsAre(498, 499, 500, 501, 502, 503, 504, 505));
    EXPECT_EQ(kept(trace, [](const TracedPacket& its) { return its.entry == 3U; }), 1U);
    EXPECT_TRUE(std::ranges::is_sorted(trace.packets(), {}, &TracedPacket::frame));
}

TEST(FlowTrace, CountsSequenceNumbersFromTheFirstOneAcrossTheirWrap) {
    FlowTrace trace(100);
    trace.add(packet(0, 0xffffff00, 0, FST_TCP_SYN), 1ms, 1, std::nullopt);
    trace.add(packet(1, 5000, 0, FST_TCP_SYN | FST_TCP_ACK, 0xffffff01), 2ms, 2, std::nullopt);
    trace.add(packet(0, 0xffffff01, 1000, FST_TCP_ACK, 5001), 3ms, 3, std::nullopt);
    trace.add(packet(0, 0xffffff01 + 1000, 10, FST_TCP_ACK, 5001), 4ms, 4, std::nullopt);
    EXPECT_EQ(trace.packets()[0].seq, 0);
    EXPECT_EQ(trace.packets()[1].ack, 1);
    EXPECT_EQ(trace.packets()[3].seq, 1001);
    EXPECT_EQ(trace.packets()[3].ack, 1);
    EXPECT_EQ(trace.opener(), 0U);
}

TEST(FlowTrace, TakesNoOrderFromAForgedAnswer) {
    FlowTrace trace(100);
    trace.add(packet(0, 100, 0, FST_TCP_SYN), 1ms, 1, std::nullopt);
    trace.add(packet(1, 5000, 0, FST_TCP_SYN | FST_TCP_ACK, 101), 2ms, 2, std::nullopt);
    trace.add(packet(1, 90005000, 0, FST_TCP_SYN | FST_TCP_ACK, 101), 3ms, 3, std::nullopt);
    trace.add(packet(1, 5001, 1000, FST_TCP_ACK, 101), 4ms, 4, std::nullopt);
    EXPECT_FALSE(trace.packets()[3].is_repeated);
    EXPECT_EQ(trace.packets()[3].seq, 1);
}

TEST(FlowTrace, TakesAKeepaliveForNoRetransmission) {
    FlowTrace trace(100);
    add_data(trace, 1, 3);
    trace.add(packet(0, 399, 1), 10ms, 4, std::nullopt);
    EXPECT_FALSE(trace.packets()[3].is_repeated);
}

}  // namespace
}  // namespace flowstamp::testing
