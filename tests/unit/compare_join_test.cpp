// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/compare/join.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/recorded_path.h"

namespace flowstamp::testing {
namespace {

using analysis::compare::Compared;
using analysis::compare::Join;
using analysis::compare::JoinedBy;
using analysis::compare::Recording;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Join joined(RecordedPath& path) {
    const Recording a = recording_of(pcap_of(path.a()), "a.pcap");
    const Recording b = recording_of(pcap_of(path.b()), "b.pcap");
    return join(a, b);
}

RecordedPath behind_nat() {
    RecordedPath path;
    path.client_at_b = "203.0.113.9";
    path.client_port_at_b = 61000;
    return path;
}

TEST(CompareJoin, ByBothInitialNumbersThroughNat) {
    RecordedPath path = behind_nat();
    path.open();
    path.upload(3);
    const Join its = joined(path);
    ASSERT_THAT(its.connections, SizeIs(1));
    EXPECT_EQ(its.connections[0].by, JoinedBy::both_isns);
    EXPECT_THAT(its.only_a, IsEmpty());
    EXPECT_THAT(its.only_b, IsEmpty());
}

TEST(CompareJoin, ByPortsWhereTheBeginningIsMissing) {
    RecordedPath path;
    path.open();
    path.upload(3);
    path.a().erase(path.a().begin(), path.a().begin() + 4);
    const Join its = joined(path);
    ASSERT_THAT(its.connections, SizeIs(1));
    EXPECT_EQ(its.connections[0].by, JoinedBy::ports);
}

TEST(CompareJoin, ByNumbersThroughNatWhereTheBeginningIsMissing) {
    RecordedPath path = behind_nat();
    path.open();
    path.upload(8);
    path.b().erase(path.b().begin(), path.b().begin() + 4);
    const Join its = joined(path);
    ASSERT_THAT(its.connections, SizeIs(1));
    EXPECT_EQ(its.connections[0].by, JoinedBy::numbers);
}

TEST(CompareJoin, FewCommonNumbersAreNotEnoughBehindNat) {
    RecordedPath path = behind_nat();
    path.open();
    path.upload(1);
    path.b().erase(path.b().begin(), path.b().begin() + 4);
    EXPECT_THAT(joined(path).connections, IsEmpty());
}

TEST(CompareJoin, TheSamePortsAloneAreNotOneConnection) {
    RecordedPath one;
    one.open();
    one.upload(5);
    RecordedPath other;
    other.client_next = 5'000'000;
    other.server_next = 6'000'000;
    other.open();
    other.upload(5);
    one.b() = other.b();
    const Join its = joined(one);
    EXPECT_THAT(its.connections, IsEmpty());
    EXPECT_THAT(its.only_a, SizeIs(1));
    EXPECT_THAT(its.only_b, SizeIs(1));
}

TEST(CompareJoin, PortsUsedAgainAreTwoConnections) {
    RecordedPath path;
    path.open();
    path.upload(3);
    path.now += 1s;
    path.reopen(40000, 800'000);
    path.upload(3);
    EXPECT_THAT(joined(path).connections, SizeIs(2));
}

TEST(CompareJoin, ASynThatIsSentAgainIsOneConnection) {
    RecordedPath path;
    path.from_client({.seq = path.client_next, .flags = Syn}, 0, {.at_receiver = false});
    path.now += 1s;
    path.open();
    path.upload(3);
    EXPECT_THAT(joined(path).connections, SizeIs(1));
}

/// The SYN-ACKs are lost: one end has no second number.
TEST(CompareJoin, BySynsOfWhichOneEndSawNoAnswer) {
    RecordedPath path = behind_nat();
    for (int i = 0; i < 3; i++) {
        path.from_client({.seq = path.client_next, .flags = Syn});
        path.from_server({.seq = path.server_next, .ack = path.client_next + 1, .flags = Syn | Ack},
                         0, {.at_receiver = false});
        path.now += 1s;
    }
    path.talk_beside();
    path.now += 1s;
    path.reopen(50001, 99);
    EXPECT_THAT(joined(path).connections, SizeIs(3));
    const Compared compared = path.compared();
    ASSERT_EQ(compared.comparison.eaten, 1U);
    EXPECT_EQ(compared.findings.front().direction, analysis::PathDirection::b_to_a);
    EXPECT_EQ(compared.findings.front().count, 3U);
}

}  // namespace
}  // namespace flowstamp::testing
