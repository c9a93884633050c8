// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/tracking/syn_tracker.h"

#include <gtest/gtest.h>

namespace flowstamp {
namespace {

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
    const analysis::SynTracker::Attempt* attempt = tracker.by_seq(4711);
    ASSERT_NE(attempt, nullptr);
    EXPECT_EQ(attempt->places.size(), analysis::SynTracker::kMostPlaces);
    EXPECT_EQ(tracker.of_view({.slot = 0, .generation = 1, .ifindex = 2}), attempt);
    EXPECT_EQ(tracker.of_view({.slot = 999, .generation = 1, .ifindex = 2}), nullptr);
}

TEST(SynTracker, AFloodEvictsTheOldestAtOnce) {
    analysis::SynTracker tracker;
    constexpr std::uint32_t kSyns = analysis::SynTracker::kMost + 1000;
    for (std::uint32_t number = 0; number < kSyns; number++) {
        tracker.record(syn_of(number, number));
    }
    EXPECT_EQ(tracker.by_seq(999), nullptr);
    EXPECT_EQ(tracker.of_view({.slot = 999, .generation = 1, .ifindex = 2}), nullptr);
    EXPECT_NE(tracker.by_seq(1000), nullptr);
    EXPECT_NE(tracker.by_seq(kSyns - 1), nullptr);
}

TEST(SynTracker, OneSynSeenAtTwoInterfacesIsOneAttempt) {
    analysis::SynTracker tracker;
    analysis::Observation syn = syn_of(1, 4711);
    tracker.record(syn);
    EXPECT_TRUE(tracker.begins_attempt(syn));
    syn.event.slot = 2;
    syn.event.packet.key.ifindex = 3;
    tracker.record(syn);
    ASSERT_NE(tracker.by_seq(4711), nullptr);
    EXPECT_EQ(tracker.by_seq(4711)->places.size(), 2U);
    EXPECT_EQ(tracker.by_seq(4711)->sent, 1U);
}

}  // namespace
}  // namespace flowstamp
