// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/incidents.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/events.h"
#include "tests/unit/analysis_bench.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;
using analysis::FindingKind;
using analysis::Incident;
using analysis::Incidents;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// A SYN of 192.0.2.`client` to 198.51.100.`server`, port 443.
fst_packet syn(unsigned client, unsigned server = 7) {
    fst_packet packet{};
    packet.key = example_flow().key;
    packet.key.address[kClient][3] = htonl(0xc0000200U + client);
    packet.key.address[kServer][3] = htonl(0xc6336400U + server);
    packet.direction = kClient;
    packet.tcp_flags = FST_TCP_SYN;
    return packet;
}

class IncidentsTest : public ::testing::Test {
  protected:
    IncidentsTest() { EXPECT_THAT(incidents.due(now_), IsEmpty()); }

    analysis::Finding finding(const fst_packet& packet,
                              FindingKind kind = FindingKind::syn_unanswered) {
        analysis::Finding its{.id = ++findings_, .kind = kind};
        its.sighting.packet = packet;
        its.sighting.interface = "eth0";
        its.sighting.wall = now_;
        its.sighting.flow_id = findings_;
        return its;
    }
    /// Its incident's id.
    std::uint64_t record(analysis::Finding its) {
        incidents.record(its, now_);
        stands_for_it_ = its.stands_for_incident;
        return its.incident;
    }
    std::vector<Incident> after(Nanoseconds length) {
        now_ += length;
        return incidents.due(now_);
    }

    Incidents incidents;
    Nanoseconds now_ = 1000s;
    std::uint64_t findings_ = 0;
    bool stands_for_it_ = false;
};

TEST_F(IncidentsTest, OneFindingIsNoneToReport) {
    EXPECT_EQ(record(finding(syn(1))), 1U);
    EXPECT_TRUE(stands_for_it_);
    EXPECT_THAT(after(1s), IsEmpty());
    EXPECT_THAT(after(1h), IsEmpty());
    EXPECT_THAT(incidents.all(), IsEmpty());
}

TEST_F(IncidentsTest, LookingAtThemIsNoReport) {
    record(finding(syn(1)));
    record(finding(syn(2)));
    record(finding(syn(1, 8)));
    const auto now = incidents.current();
    ASSERT_THAT(now, SizeIs(2)) << "one with a single finding, too";
    EXPECT_EQ(now[0].count, 2U);
    EXPECT_EQ(now[1].id, 2U);
    EXPECT_THAT(after(1s), SizeIs(1)) << "it is still to be reported";
    EXPECT_THAT(after(1h), SizeIs(1));
    EXPECT_TRUE(incidents.current()[0].has_ended);
}

TEST_F(IncidentsTest, ReportedWhenTheyHaveDoubledAndWhenTheyEnd) {
    for (unsigned client = 1; client <= 200; client++) {
        EXPECT_EQ(record(finding(syn(client % 50))), 1U);
        EXPECT_EQ(stands_for_it_, client == 1);
    }
    auto reports = after(1s);
    ASSERT_THAT(reports, SizeIs(1)) << "once a second";
    EXPECT_EQ(reports[0].count, 200U);
    EXPECT_EQ(reports[0].clients, 50U);
    EXPECT_EQ(reports[0].finding, 1U);
    EXPECT_EQ(reports[0].server->text(), "198.51.100.7:443");
    for (unsigned i = 0; i < 199; i++) {
        record(finding(syn(1)));
    }
    EXPECT_THAT(after(1s), IsEmpty()) << "399 is not twice 200";
    record(finding(syn(1)));
    reports = after(1s);
    ASSERT_THAT(reports, SizeIs(1));
    EXPECT_EQ(reports[0].count, 400U);
    EXPECT_FALSE(reports[0].has_ended);
    const Nanoseconds latest = now_ - 1s;
    EXPECT_THAT(after(Incidents::kQuiet - 2s), IsEmpty());
    reports = after(1s);
    ASSERT_THAT(reports, SizeIs(1));
    EXPECT_TRUE(reports[0].has_ended);
    EXPECT_EQ(reports[0].first, 1000s);
    EXPECT_EQ(reports[0].last, latest);
    EXPECT_THAT(after(1h), IsEmpty());
    EXPECT_EQ(record(finding(syn(1))), 2U) << "another one";
    EXPECT_TRUE(stands_for_it_);
}

TEST_F(IncidentsTest, WhatIsNotReportedYetIsReportedAtTheEnd) {
    for (int i = 0; i < 3; i++) {
        record(finding(syn(1)));
    }
    after(1s);
    record(finding(syn(1)));
    const auto reports = incidents.all();
    ASSERT_THAT(reports, SizeIs(1));
    EXPECT_EQ(reports[0].count, 4U);
    EXPECT_FALSE(reports[0].has_ended) << "nobody knows";
    EXPECT_THAT(incidents.all(), IsEmpty());
}

TEST_F(IncidentsTest, AnUpdateIsNotCounted) {
    const analysis::Finding first = finding(syn(1)), second = finding(syn(2));
    record(first);
    record(second);
    EXPECT_EQ(record(second), 1U);
    EXPECT_FALSE(stands_for_it_);
    EXPECT_EQ(record(first), 1U);
    EXPECT_TRUE(stands_for_it_) << "its updates are shown";
    EXPECT_EQ(after(1s).at(0).count, 2U);
    after(1h);
    EXPECT_EQ(record(second), 1U) << "also after its end";
}

TEST_F(IncidentsTest, TheFirstThatIsSureIsShownToo) {
    analysis::Finding first = finding(syn(1)), second = finding(syn(2)), third = finding(syn(3));
    first.verdict = second.verdict = third.verdict = FST_VERDICT_SUSPECTED;
    record(first);
    record(second);
    EXPECT_FALSE(stands_for_it_);
    second.verdict = FST_VERDICT_CONFIRMED;
    record(second);
    EXPECT_TRUE(stands_for_it_);
    for (analysis::Finding* other : {&first, &third}) {
        other->verdict = FST_VERDICT_CONFIRMED;
    }
    record(third);
    EXPECT_FALSE(stands_for_it_);
    record(first);
    EXPECT_TRUE(stands_for_it_) << "whose updates were shown before";
    EXPECT_EQ(after(1s).at(0).count, 3U);
}

TEST_F(IncidentsTest, AreOfOneKindAndOneServer) {
    EXPECT_EQ(record(finding(syn(1, 7))), 1U);
    EXPECT_EQ(record(finding(syn(1, 8))), 2U);
    EXPECT_EQ(record(finding(syn(1, 7), FindingKind::stalled)), 3U);
    EXPECT_EQ(record(finding(syn(2, 8))), 2U);
    fst_packet answer = syn(3, 8);
    answer.direction = kServer;
    answer.tcp_flags = FST_TCP_SYN | FST_TCP_ACK;
    EXPECT_EQ(record(finding(answer)), 2U) << "the server is the far end, whoever spoke";
}

TEST_F(IncidentsTest, OfAMiddleboxWhateverTheServer) {
    for (unsigned server = 1; server <= 3; server++) {
        analysis::Finding its = finding(syn(1, server), FindingKind::forged_rst);
        its.middlebox = 5;
        EXPECT_EQ(record(its), 1U);
    }
    const auto reports = after(1s);
    ASSERT_THAT(reports, SizeIs(1));
    EXPECT_EQ(reports[0].middlebox, 5U);
    EXPECT_EQ(reports[0].server, std::nullopt);
    EXPECT_EQ(reports[0].clients, 1U);
}

TEST_F(IncidentsTest, OfARouterThatRejects) {
    fst_packet error = syn(1, 7);
    error.tcp_flags = 0;
    error.icmp_type = 3;
    error.icmp_code = 13;
    error.icmp_source[2] = htonl(0xffff);
    error.icmp_source[3] = htonl(0xcb007101);
    EXPECT_EQ(record(finding(error, FindingKind::icmp_rejected)), 1U);
    fst_packet other = error;
    other.key.address[kServer][3] = htonl(0xc6336408);
    EXPECT_EQ(record(finding(other, FindingKind::icmp_rejected)), 1U);
    EXPECT_EQ(after(1s).at(0).router->ip_text(), "203.0.113.1");
    other.icmp_code = 1;
    EXPECT_EQ(record(finding(other, FindingKind::icmp_rejected)), 2U) << "for another reason";
    other.icmp_source[3] = other.key.address[kServer][3];
    EXPECT_EQ(record(finding(other, FindingKind::icmp_rejected)), 3U) << "the server itself";
}

TEST_F(IncidentsTest, ConnectionsOfALocalDropAreCountedOnce) {
    analysis::Finding its = finding(syn(1), FindingKind::local_drop);
    its.summary = {
        {.phrase = analysis::Phrase::host_drops,
         .values = {analysis::field::place("forward"), analysis::field::rule("rule 1")}}};
    record(its);
    analysis::Sighting sighting = its.sighting;
    incidents.repeat(its.id, sighting, now_);
    EXPECT_THAT(after(1s), IsEmpty()) << "the same connection";
    for (int i = 0; i < 199; i++) {
        sighting.flow_id++;
        incidents.repeat(its.id, sighting, now_);
    }
    auto reports = after(1s);
    ASSERT_THAT(reports, SizeIs(1));
    EXPECT_EQ(reports[0].count, 200U);
    EXPECT_EQ(reports[0].place, "forward");
    EXPECT_EQ(reports[0].rule, "rule 1");
    EXPECT_TRUE(after(1h).at(0).has_ended);
    for (int i = 0; i < 200; i++) {
        sighting.flow_id++;
        incidents.repeat(its.id, sighting, now_);
    }
    reports = after(1s);
    ASSERT_THAT(reports, SizeIs(1)) << "no other finding would say so";
    EXPECT_FALSE(reports[0].has_ended);
    EXPECT_EQ(reports[0].count, 400U);
}

TEST_F(IncidentsTest, TheQuietestOfTooManyEndsAndIsReported) {
    record(finding(syn(1, 0)));
    record(finding(syn(1, 0)));
    now_ += 1ms;
    for (std::size_t i = 1; i <= Incidents::kMost; i++) {
        fst_packet packet = syn(1);
        packet.key.port[kServer] = htons(static_cast<std::uint16_t>(i));
        record(finding(packet));
    }
    const auto reports = after(1s);
    ASSERT_THAT(reports, SizeIs(1));
    EXPECT_TRUE(reports[0].has_ended);
    EXPECT_EQ(reports[0].id, 1U);
    EXPECT_EQ(reports[0].count, 2U);
}

/// What a rule that drops 200 connections' SYNs looks like from here.
TEST(IncidentsOfASession, TwoHundredUnansweredSynsAreOne) {
    AnalysisBench bench;
    Setting answered;
    answered.us.isn = 0x12345678;
    Conversation(bench.rig(), FST_HOOK_XDP, answered).open();
    std::vector<Conversation> attempts;
    std::vector<Segment> syns;
    for (int i = 0; i < 200; i++) {
        Setting setting;
        setting.us.isn += static_cast<std::uint32_t>(i) * 0x10001;
        syns.push_back(
            attempts.emplace_back(bench.rig(), FST_HOOK_XDP, setting).next(End::us, Syn));
    }
    for (int sent = 0; sent < 4; sent++) {
        for (std::size_t i = 0; i < syns.size(); i++) {
            attempts[i].send(syns[i]);
        }
        bench.pass(1s * (1 << sent));
    }
    bench.finish();
    std::uint64_t first_ones = 0;
    for (const analysis::Finding& finding : bench.findings()) {
        if (finding.kind == FindingKind::syn_unanswered) {
            EXPECT_EQ(finding.incident, bench.findings()[0].incident);
            first_ones += finding.stands_for_incident && !finding.again ? 1U : 0U;
        }
    }
    EXPECT_EQ(first_ones, 1U);
    ASSERT_FALSE(bench.incidents().empty());
    EXPECT_EQ(bench.incidents().back().kind, FindingKind::syn_unanswered);
    EXPECT_EQ(bench.incidents().back().count, 200U);
    EXPECT_LE(bench.incidents().size(), 9U);
}

}  // namespace
}  // namespace flowstamp::testing
