// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// What was sent at one end and did not arrive at the other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/recorded_path.h"

namespace flowstamp::testing {
namespace {

using analysis::Finding;
using analysis::FindingKind;
using analysis::PathDirection;
using analysis::Phrase;
using analysis::compare::Compared;
using analysis::compare::Unjudged;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr PacketFate kLost{.at_receiver = false};

TEST(CompareLost, FromAPacketOnNothingArrives) {
    RecordedPath path;
    path.open();
    path.upload(5);
    path.now += 50ms;
    const auto frame = path.a().size() + 1;
    for (int i = 0; i < 4; i++) {
        path.from_client({.seq = path.client_next, .ack = path.server_next}, 100, kLost);
        path.now += 300ms;
    }
    path.talk_beside();
    const Compared compared = path.compared();
    ASSERT_THAT(compared.findings, SizeIs(1));
    const Finding& found = compared.findings.front();
    EXPECT_EQ(found.kind, FindingKind::eaten);
    EXPECT_EQ(found.verdict, FST_VERDICT_PROVEN);
    EXPECT_EQ(found.direction, PathDirection::a_to_b);
    EXPECT_EQ(found.count, 4U);
    EXPECT_EQ(found.sighting.frame, frame);
    EXPECT_EQ(found.sighting.interface, "a.pcap");
    EXPECT_EQ(found.summary.front().phrase, Phrase::eaten_from_here_on);
}

TEST(CompareLost, OnlyLargePacketsAreLost) {
    RecordedPath path;
    path.open();
    path.download(5);
    for (int i = 0; i < 4; i++) {
        path.from_server({.seq = path.server_next, .ack = path.client_next}, 1400, kLost);
        path.now += 300ms;
        path.from_server({.seq = path.server_next - 1, .ack = path.client_next});
    }
    path.talk_beside();
    const Compared compared = path.compared();
    ASSERT_THAT(compared.findings, SizeIs(1));
    EXPECT_EQ(compared.findings.front().direction, PathDirection::b_to_a);
    EXPECT_EQ(compared.findings.front().count, 4U);
    EXPECT_EQ(compared.findings.front().summary.front().phrase, Phrase::eaten_some);
}

TEST(CompareLost, AResetThatIsKeptIsSaid) {
    RecordedPath path;
    path.open();
    path.upload(5);
    path.from_client({.seq = path.client_next, .flags = Rst}, 0, kLost);
    path.now += 1s;
    path.talk_beside();
    const Compared compared = path.compared();
    ASSERT_THAT(compared.findings, SizeIs(1));
    EXPECT_EQ(compared.findings.front().summary.front().phrase, Phrase::eaten_reset);
}

TEST(CompareLost, WhatIsSentAgainAndArrivesIsNoFinding) {
    RecordedPath path;
    path.open();
    path.upload(5);
    path.from_client({.seq = path.client_next, .ack = path.server_next}, 100, kLost);
    path.now += 200ms;
    path.upload(5);
    path.talk_beside();
    EXPECT_THAT(path.compared().findings, IsEmpty());
}

TEST(CompareLost, AcksThatAreThinnedOutAreNoFinding) {
    RecordedPath path;
    path.open();
    for (int i = 0; i < 40; i++) {
        path.from_server({.seq = path.server_next, .ack = path.client_next}, 100);
        path.server_next += 100;
        path.now += 6ms;
        path.from_client({.seq = path.client_next, .ack = path.server_next}, 0,
                         {.at_receiver = i % 3 == 0});
    }
    path.talk_beside();
    EXPECT_THAT(path.compared().findings, IsEmpty());
}

TEST(CompareLost, ARowOfAcksAtTheEndIs) {
    RecordedPath path;
    path.open();
    path.download(20);
    path.download(8, 100, {});
    for (int i = 0; i < 8; i++) {
        path.from_server({.seq = path.server_next, .ack = path.client_next}, 100);
        path.server_next += 100;
        path.now += 6ms;
        path.from_client({.seq = path.client_next, .ack = path.server_next}, 0, kLost);
    }
    path.talk_beside();
    const Compared compared = path.compared();
    ASSERT_THAT(compared.findings, SizeIs(1));
    EXPECT_EQ(compared.findings.front().direction, PathDirection::a_to_b);
    EXPECT_EQ(compared.findings.front().count, 8U);
}

/// The receiver acknowledges it: its own capture has lost it.
TEST(CompareLost, WhatIsAcknowledgedHasArrived) {
    RecordedPath path;
    path.open();
    path.upload(3);
    path.upload(4, 100, kLost);
    path.talk_beside();
    const Compared compared = path.compared();
    EXPECT_THAT(compared.findings, IsEmpty());
    EXPECT_EQ(compared.comparison.captures[1].coverage.as_receiver.lacks, 4U);
}

/// A box acknowledges in the receiver's name, as accelerators of satellite links do.
TEST(CompareLost, WhatABoxAcknowledgesIsNotLost) {
    RecordedPath path;
    path.open();
    path.upload(5);
    for (int i = 0; i < 4; i++) {
        path.from_client({.seq = path.client_next, .ack = path.server_next}, 100, kLost);
        path.client_next += 100;
        path.from_server({.seq = path.server_next, .ack = path.client_next}, 0,
                         {.at_sender = false});
    }
    path.talk_beside();
    EXPECT_THAT(path.compared().findings, IsEmpty());
}

TEST(CompareLost, WhatMayHaveArrivedAfterTheCapturesEndIsNotJudged) {
    RecordedPath path;
    path.talk_beside();
    path.open();
    path.upload(5);
    path.from_client({.seq = path.client_next, .ack = path.server_next}, 100, kLost);
    path.from_client({.seq = path.client_next, .ack = path.server_next}, 100, kLost);
    path.from_client({.seq = path.client_next, .ack = path.server_next}, 100, kLost);
    EXPECT_THAT(path.compared().findings, IsEmpty());
}

TEST(CompareLost, WhereThePortsAreUsedAgainItIsNotJudged) {
    RecordedPath path;
    path.open();
    path.upload(5);
    for (int i = 0; i < 4; i++) {
        path.from_client({.seq = path.client_next, .ack = path.server_next}, 100, kLost);
    }
    path.now += 1s;
    path.reopen(40000, 700'000);
    path.talk_beside();
    const Compared compared = path.compared();
    EXPECT_THAT(compared.findings, IsEmpty());
    EXPECT_EQ(compared.comparison.unjudged.at(Unjudged::ports_reused), 1U);
}

}  // namespace
}  // namespace flowstamp::testing
