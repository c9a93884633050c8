// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/tracking/syn_tracker.h"

#include <gtest/gtest.h>

namespace flowstamp {
namespace {

/// A SYN of the client `number`, in a slot of its own.
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

/// Tools that flood often send one sequence number: each of their SYNs would be a place of the same
/// attempt, and be compared with all before it.
TEST(SynTracker, AFloodWithOneSequenceNumberIsNotKept) {
    analysis::SynTracker book;
    for (std::uint32_t number = 0; number < 1000; number++) {
        book.record(syn_of(number, 4711));
    }
    const analysis::SynTracker::Attempt* attempt = book.by_seq(4711);
    ASSERT_NE(attempt, nullptr);
    EXPECT_EQ(attempt->places.size(), analysis::SynTracker::kMostPlaces);
    EXPECT_EQ(book.of_view({.slot = 0, .generation = 1, .ifindex = 2}), attempt);
    EXPECT_EQ(book.of_view({.slot = 999, .generation = 1, .ifindex = 2}), nullptr);
}

TEST(SynTracker, AFloodPushesOutTheOldestAtOnce) {
    analysis::SynTracker book;
    constexpr std::uint32_t kSyns = analysis::SynTracker::kMost + 1000;
    for (std::uint32_t number = 0; number < kSyns; number++) {
        book.record(syn_of(number, number));
    }
    EXPECT_EQ(book.by_seq(999), nullptr);
    EXPECT_EQ(book.of_view({.slot = 999, .generation = 1, .ifindex = 2}), nullptr);
    EXPECT_NE(book.by_seq(1000), nullptr);
    EXPECT_NE(book.by_seq(kSyns - 1), nullptr);
}

TEST(SynTracker, OneSynSeenAtTwoInterfacesIsOneAttempt) {
    analysis::SynTracker book;
    analysis::Observation syn = syn_of(1, 4711);
    book.record(syn);
    EXPECT_TRUE(book.begins_attempt(syn));
    syn.event.slot = 2;
    syn.event.packet.key.ifindex = 3;
    book.record(syn);
    ASSERT_NE(book.by_seq(4711), nullptr);
    EXPECT_EQ(book.by_seq(4711)->places.size(), 2U);
    EXPECT_EQ(book.by_seq(4711)->sent, 1U);
}

}  // namespace
}  // namespace flowstamp
