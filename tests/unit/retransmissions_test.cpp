// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/tracking/retransmissions.h"

#include <gtest/gtest.h>

namespace flowstamp {
namespace {

using namespace std::chrono_literals;

constexpr std::uint8_t kSender = 1;
constexpr std::uint8_t kReceiver = 0;
constexpr std::uint32_t kSeq = 7000;

/// An event of a flow by a packet of end `direction`.
analysis::Observation event_of(fst_event_kind kind, std::uint8_t direction, Nanoseconds time) {
    analysis::Observation observation;
    observation.event.header.kind = static_cast<__u8>(kind);
    observation.event.slot = 3;
    observation.event.generation = 1;
    observation.event.packet.time_ns = static_cast<__u64>(time.count());
    observation.event.packet.direction = direction;
    return observation;
}

const analysis::ViewKey kView = analysis::view_of(event_of(FST_EVENT_ACKED, 0, 0s).event);

struct RetransmissionsTest : ::testing::Test {
    /// The sender's segment again, a second after the one before; the receiver has acknowledged
    /// nothing of it, and its window is open.
    analysis::Observation again(std::uint32_t payload = 1000) {
        now += 1s;
        analysis::Observation observation = event_of(FST_EVENT_RTO_RETRANSMIT, kSender, now);
        observation.event.packet.seq = kSeq;
        observation.event.packet.payload = payload;
        observation.event.packet.ip_bytes = payload + 52;
        fst_flow& flow = observation.slot.emplace();
        flow.direction[kSender].edge_us = static_cast<__u32>(first_sent / 1us);
        flow.direction[kReceiver].flags = FST_DIRECTION_SEEN | FST_DIRECTION_ACKED;
        flow.direction[kReceiver].ack_edge = kSeq;
        flow.direction[kReceiver].window = 500;
        return observation;
    }
    /// The receiver lacks what begins at `seq` and has `bytes` behind it.
    analysis::Observation sacked(std::uint32_t seq, std::uint16_t bytes) {
        analysis::Observation observation = event_of(FST_EVENT_SACKED, kReceiver, now);
        observation.event.packet.ack = seq;
        observation.event.packet.sack_bytes = bytes;
        return observation;
    }
    const analysis::Retransmissions::Wait* wait() { return tracked.of(kView, kSender); }
    /// The wait after one retransmission.
    analysis::Retransmissions::Wait after(const analysis::Observation& observation) {
        analysis::Retransmissions fresh;
        fresh.record(observation);
        const auto* found = fresh.of(kView, kSender);
        EXPECT_NE(found, nullptr);
        return found == nullptr ? analysis::Retransmissions::Wait{} : *found;
    }
    analysis::Retransmissions tracked;
    Nanoseconds first_sent = 5000s;  ///< more than 32 bits of microseconds
    Nanoseconds now = first_sent;
};

TEST_F(RetransmissionsTest, AreCountedUntilAnAcknowledgement) {
    EXPECT_EQ(wait(), nullptr);
    for (unsigned times = 1; times <= 3; times++) {
        tracked.record(again());
        ASSERT_NE(wait(), nullptr);
        EXPECT_EQ(wait()->times, times);
        EXPECT_EQ(wait()->latest, now);
        EXPECT_FALSE(tracked.acknowledged());
    }
    EXPECT_EQ(wait()->since, first_sent);
    EXPECT_EQ(tracked.of(kView, kReceiver), nullptr) << "the other end does not wait";
    tracked.record(event_of(FST_EVENT_ACKED, kReceiver, now));
    EXPECT_EQ(wait(), nullptr);
    ASSERT_TRUE(tracked.acknowledged());
    EXPECT_EQ(tracked.acknowledged()->first, std::pair(kView, unsigned{kSender}));
    EXPECT_EQ(tracked.acknowledged()->second.times, 3U);
    tracked.record(again());
    EXPECT_FALSE(tracked.acknowledged()) << "by the latest observation only";
    EXPECT_EQ(wait()->times, 1U);
}

TEST_F(RetransmissionsTest, AnAcknowledgementByTheSenderItselfEndsNothing) {
    tracked.record(again());
    tracked.record(event_of(FST_EVENT_ACKED, kSender, now));
    EXPECT_NE(wait(), nullptr);
    EXPECT_FALSE(tracked.acknowledged());
}

TEST_F(RetransmissionsTest, AnotherSizeRestartsTheCountOfOneSize) {
    for (const auto& [payload, expected] :
         {std::pair{1448U, 1U}, std::pair{1448U, 2U}, std::pair{500U, 1U}, std::pair{1448U, 1U}}) {
        tracked.record(again(payload));
        EXPECT_EQ(wait()->same_size, expected);
        EXPECT_EQ(wait()->payload, payload);
        EXPECT_EQ(wait()->ip_bytes, payload + 52);
    }
    EXPECT_EQ(wait()->times, 4U);
}

TEST_F(RetransmissionsTest, AClosedWindow) {
    analysis::Observation observation = again();
    EXPECT_FALSE(after(observation).window_closed);
    observation.slot->direction[kReceiver].window = 0;
    EXPECT_TRUE(after(observation).window_closed);
    observation.slot->direction[kReceiver].flags = 0;
    EXPECT_FALSE(after(observation).window_closed) << "not known";
}

TEST_F(RetransmissionsTest, WhatIsAcknowledgedHere) {
    analysis::Observation observation = again(1000);
    for (const auto& [edge, expected] : {std::pair{kSeq + 999, false}, std::pair{kSeq + 1000, true},
                                         std::pair{kSeq + 3000, true}}) {
        observation.slot->direction[kReceiver].ack_edge = edge;
        EXPECT_EQ(after(observation).seen_acked, expected) << edge - kSeq;
    }
    observation.event.packet.payload = 0;
    EXPECT_FALSE(after(observation).seen_acked) << "a keepalive";
}

TEST_F(RetransmissionsTest, AGapBeforeTheFirstRetransmission) {
    tracked.record(sacked(kSeq, 300));
    EXPECT_EQ(wait(), nullptr) << "nothing was sent again";
    tracked.record(again());
    EXPECT_TRUE(wait()->sacked);
    EXPECT_EQ(wait()->sacked_bytes, 300);
    EXPECT_FALSE(wait()->still_sacked) << "nothing was heard since";
}

TEST_F(RetransmissionsTest, AGapReportedAfterIt) {
    tracked.record(again());
    EXPECT_FALSE(wait()->sacked);
    tracked.record(sacked(kSeq, 300));
    EXPECT_TRUE(wait()->sacked);
    EXPECT_TRUE(wait()->still_sacked);
    tracked.record(sacked(kSeq, 1748));
    EXPECT_EQ(wait()->sacked_bytes, 1748) << "by the latest report";
}

TEST_F(RetransmissionsTest, AnEarlierGapThatWasFilledDoesNotCount) {
    tracked.record(sacked(kSeq - 5000, 300));
    tracked.record(again());
    EXPECT_FALSE(wait()->sacked);
}

TEST_F(RetransmissionsTest, OnlyLargeSegmentsAreLost) {
    constexpr std::uint32_t kLarge = analysis::Retransmissions::kLarge;
    tracked.record(again(1448));
    EXPECT_FALSE(wait()->smaller_passed()) << "nothing smaller has arrived";
    for (const auto& [bytes, expected] :
         {std::pair{300U, true}, std::pair{1447U, true}, std::pair{1448U, false}}) {
        tracked.record(sacked(kSeq, static_cast<std::uint16_t>(bytes)));
        EXPECT_EQ(wait()->smaller_passed(), expected) << bytes;
    }
    tracked.record(sacked(kSeq, 300));
    tracked.record(again(kLarge));
    EXPECT_TRUE(wait()->smaller_passed());
    tracked.record(again(kLarge - 1));
    EXPECT_EQ(wait()->lost_payload(), kLarge) << "its sender tries smaller ones";
    EXPECT_TRUE(wait()->smaller_passed());
    tracked = {};
    tracked.record(sacked(kSeq, 300));
    tracked.record(again(kLarge - 1));
    EXPECT_FALSE(wait()->smaller_passed()) << "every link carries it";
}

TEST_F(RetransmissionsTest, EndWithTheFlow) {
    for (const fst_event_kind kind : {FST_EVENT_ENDED, FST_EVENT_EVICTED}) {
        tracked.record(sacked(kSeq, 300));
        tracked.record(again());
        tracked.record(event_of(kind, kReceiver, now));
        EXPECT_EQ(wait(), nullptr);
        tracked.record(again());
        EXPECT_FALSE(wait()->sacked) << "its gaps end, too";
        tracked.record(event_of(kind, kReceiver, now));
    }
}

TEST_F(RetransmissionsTest, AreForgottenAfterAWhile) {
    tracked.record(again());
    tracked.advance(now + analysis::Retransmissions::kForget);
    EXPECT_NE(wait(), nullptr);
    tracked.advance(now + 3 * analysis::Retransmissions::kForget);
    EXPECT_EQ(wait(), nullptr);
}

TEST_F(RetransmissionsTest, WithoutItsSlotNothingIsKnown) {
    analysis::Observation observation = again();
    observation.slot.reset();
    tracked.record(observation);
    EXPECT_EQ(wait(), nullptr);
}

}  // namespace
}  // namespace flowstamp
