// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/tracking/syn_tracker.h"

#include <gtest/gtest.h>

namespace flowstamp {
namespace {

constexpr analysis::ViewKey view_of_slot(std::uint32_t slot) {
    return {.slot = slot, .generation = 1, .ifindex = 2};
}

/// A SYN of client `number`, in its own slot.
analysis::Observation syn_of(std::uint32_t number, std::uint32_t seq) {
    analysis::Observation syn;
    syn.event.header.kind = FST_EVENT_SYN;
    syn.event.slot = number;
    syn.event.generation = 1;
    fst_packet& packet = syn.event.packet;
    packet.time_ns = 1'000'000'000 + number;
    packet.tcp_flags = FST_TCP_SYN;
    packet.seq = seq;
    packet.key.ifindex = 2;
    packet.key.port[0] = static_cast<std::uint16_t>(number >> 16);
    packet.key.port[1] = static_cast<std::uint16_t>(number);
    return syn;
}

/// Flooding tools often use a single sequence number: each SYN would be another place of the same
/// attempt, and be compared with all earlier ones.
TEST(SynTracker, AFloodWithOneSequenceNumberIsNotKept) {
    analysis::SynTracker tracker;
    for (std::uint32_t number = 0; number < 1000; number++) {
        tracker.record(syn_of(number, 4711));
    }
    const analysis::SynTracker::Attempt* attempt = tracker.of_view(view_of_slot(0));
    ASSERT_NE(attempt, nullptr);
    EXPECT_EQ(attempt->places.size(), analysis::SynTracker::kMostPlaces);
    EXPECT_EQ(tracker.of_view(view_of_slot(999)), nullptr);
}

/// The third packet of the connection that syn_of(number, seq) opens, or the SYN-ACK before it.
analysis::Observation after(analysis::Observation syn, fst_event_kind kind,
                            std::uint16_t ip_id = 0) {
    syn.event.header.kind = static_cast<__u8>(kind);
    syn.event.packet.time_ns += 1000;
    syn.event.packet.ip_id = ip_id;
    if (kind == FST_EVENT_SYN_ACK) {
        syn.event.packet.direction ^= 1U;
        syn.event.packet.tcp_flags = FST_TCP_SYN | FST_TCP_ACK;
        syn.event.packet.ack = syn.event.packet.seq + 1;
    }
    return syn;
}

TEST(SynTracker, AnAttemptThatHasOpenedAConnectionIsForgottenSoon) {
    analysis::SynTracker tracker;
    for (const std::uint32_t number : {1U, 2U, 3U}) {
        analysis::Observation syn = syn_of(number, number);
        syn.event.packet.ip_id = 77;
        tracker.record(syn);
        tracker.record(after(syn, FST_EVENT_SYN_ACK, number == 3 ? 77 : 0));
        if (number != 1) {
            tracker.record(after(syn, FST_EVENT_ESTABLISHED));
        }
    }
    tracker.advance(std::chrono::seconds(2) + analysis::SynTracker::kAfterOpening);
    EXPECT_NE(tracker.of_view(view_of_slot(1)), nullptr) << "half-open";
    EXPECT_EQ(tracker.of_view(view_of_slot(2)), nullptr);
    EXPECT_NE(tracker.of_view(view_of_slot(3)), nullptr) << "its answer copied the SYN's IP-ID";
    EXPECT_EQ(tracker.attempts(), 2U);
}

TEST(SynTracker, OfThoseThatHaveOpenedTheLatestAreRemembered) {
    analysis::SynTracker tracker;
    constexpr std::uint32_t kMost = analysis::SynTracker::kMostOpened;
    for (std::uint32_t number = 1; number <= 3 * kMost; number++) {
        const analysis::Observation syn = syn_of(number, number);
        tracker.record(syn);
        tracker.record(after(syn, FST_EVENT_ESTABLISHED));
    }
    EXPECT_EQ(tracker.attempts(), kMost);
    EXPECT_NE(tracker.of_view(view_of_slot(3 * kMost)), nullptr);
}

TEST(SynTracker, AFloodEvictsTheOldestAtOnce) {
    analysis::SynTracker tracker;
    constexpr std::uint32_t kSyns = analysis::SynTracker::kMost + 1000;
    for (std::uint32_t number = 0; number < kSyns; number++) {
        tracker.record(syn_of(number, number));
    }
    EXPECT_EQ(tracker.of_view(view_of_slot(999)), nullptr);
    EXPECT_NE(tracker.of_view(view_of_slot(1000)), nullptr);
    EXPECT_NE(tracker.of_view(view_of_slot(kSyns - 1)), nullptr);
}

TEST(SynTracker, OneSynSeenAtTwoInterfacesIsOneAttempt) {
    analysis::SynTracker tracker;
    analysis::Observation syn = syn_of(1, 4711);
    tracker.record(syn);
    EXPECT_TRUE(tracker.begins_attempt(syn));
    syn.event.slot = 2;
    syn.event.packet.key.ifindex = 3;
    tracker.record(syn);
    const analysis::SynTracker::Attempt* attempt = tracker.of_view(view_of_slot(1));
    ASSERT_NE(attempt, nullptr);
    EXPECT_EQ(attempt->places.size(), 2U);
    EXPECT_EQ(attempt->sent, 1U);
}

/// Old stacks take the number from a clock: connections of one instant have the same.
TEST(SynTracker, ConnectionsOfOneInstantMayHaveOneSequenceNumber) {
    analysis::SynTracker tracker;
    std::array<analysis::Observation, 2> syns = {syn_of(1, 4711), syn_of(2, 4711)};
    for (std::uint8_t i = 0; i < 2; i++) {
        syns[i].event.packet.key.port[0] = static_cast<std::uint16_t>(40000 + i);
        syns[i].event.packet.key.port[1] = 80;
        syns[i].event.packet.key.address[1][0] = i;
        tracker.record(syns[i]);
    }
    for (analysis::Observation& syn : syns) {
        syn.event.packet.time_ns += 3'000'000'000;
        tracker.record(syn);
    }
    for (const std::uint32_t slot : {1U, 2U}) {
        const analysis::SynTracker::Attempt* attempt = tracker.of_view(view_of_slot(slot));
        ASSERT_NE(attempt, nullptr);
        EXPECT_EQ(attempt->sent, 2U);
        EXPECT_EQ(attempt->places.size(), 1U);
    }
    EXPECT_NE(tracker.of_view(view_of_slot(1)), tracker.of_view(view_of_slot(2)));
    fst_packet answer = syns[1].event.packet;
    answer.tcp_flags = FST_TCP_SYN | FST_TCP_ACK;
    answer.ack = 4712;
    answer.direction ^= 1U;
    EXPECT_EQ(tracker.answered_by(answer), tracker.of_view(view_of_slot(2)));
}

}  // namespace
}  // namespace flowstamp
