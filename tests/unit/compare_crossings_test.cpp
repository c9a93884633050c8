// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// What a drawing of two captures shows of each packet.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "tests/support/recorded_path.h"
#include "user/analysis/compare/drawn.h"

namespace flowstamp::testing {
namespace {

using analysis::compare::Crossing;
using analysis::compare::Crossings;
using analysis::compare::Passage;

Crossings first_drawn(RecordedPath path) {
    const auto compared = analysis::compare::compare_and_draw(
        recording_of(pcap_of(path.a()), "a.pcap"), recording_of(pcap_of(path.b()), "b.pcap"), 1, 9);
    EXPECT_FALSE(compared.drawn.empty());
    return compared.drawn.empty() ? Crossings{}
                                  : compared.drawn.front().crossings.value_or(Crossings{});
}

std::size_t count(const Crossings& its, Passage passage) {
    return static_cast<std::size_t>(std::ranges::count(its.list, passage, &Crossing::passage));
}

/// What both ends saw, they saw at about one time.
void expect_times_within(const Crossings& crossings, std::int64_t nanoseconds) {
    for (const Crossing& each : crossings.list) {
        if (each.at_a && each.at_b) {
            EXPECT_LT(std::abs(each.at_a->time_ns - each.at_b->time_ns), nanoseconds);
        }
    }
}

TEST(CompareCrossings, AForgedResetIsReceivedAndNeverSent) {
    RecordedPath path;
    path.b_ahead = 5s;
    path.open();
    path.download(5);
    path.forge_to_client();
    path.download(3);
    const Crossings its = first_drawn(path);
    ASSERT_EQ(count(its, Passage::never_sent), 1U);
    const auto forged = std::ranges::find(its.list, Passage::never_sent, &Crossing::passage);
    EXPECT_TRUE(forged->at_a.has_value());
    EXPECT_FALSE(forged->at_b.has_value());
    EXPECT_FALSE(forged->goes_to_b);
    EXPECT_EQ(forged->finding, 0U);
    EXPECT_EQ(count(its, Passage::arrived), its.list.size() - 1);
}

TEST(CompareCrossings, BothClocksAreLaidOnOneAnother) {
    RecordedPath path;
    path.b_ahead = 5s;
    path.open();
    path.download(5);
    path.forge_to_client();
    path.download(3);
    expect_times_within(first_drawn(path), 20'000'000);
}

TEST(CompareCrossings, EatenDataIsSentAndNeverReceived) {
    RecordedPath path;
    path.open();
    path.upload(3);
    path.talk_beside();
    path.lose_upload(4);
    path.reopen(40001, 77);
    path.upload(3);
    EXPECT_EQ(count(first_drawn(path), Passage::eaten), 4U);
}

TEST(CompareCrossings, WhatWasSentAgainIsFoundByTime) {
    RecordedPath path;
    path.open();
    for (int i = 0; i < 3; i++) {
        path.from_client({.seq = path.client_next, .ack = path.server_next}, 100);
        path.now += 300ms;
    }
    path.client_next += 100;
    path.download(5);
    path.forge_to_client();
    path.download(3);
    const Crossings its = first_drawn(path);
    EXPECT_EQ(count(its, Passage::one_sided), 0U);
    expect_times_within(its, 100'000'000);
}

TEST(CompareCrossings, ALongConnectionIsThinnedOutAndCounted) {
    RecordedPath path;
    path.open();
    path.download(200);
    path.forge_to_client();
    path.download(200);
    const Crossings its = first_drawn(path);
    std::size_t all = its.list.size() + its.left_out_after;
    for (const Crossing& each : its.list) {
        all += each.left_out_before;
    }
    EXPECT_EQ(all, 3U + 800U + 1U);
    EXPECT_LT(its.list.size(), 40U);
    EXPECT_EQ(count(its, Passage::never_sent), 1U);
}

}  // namespace
}  // namespace flowstamp::testing
