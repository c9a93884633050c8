// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/reset/middleboxes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/events.h"
#include "tests/support/json_schema.h"
#include "tests/support/recording_sink.h"
#include "tests/unit/analysis_bench.h"
#include "user/output/json/json_events.h"
#include "user/output/text/middlebox_text.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint64_t kForged =
    FST_SIGNAL_BIT(FST_SIGNAL_NEARER) | FST_SIGNAL_BIT(FST_SIGNAL_WINDOW_FOREIGN);

/// The detector's finding on a new connection.
class MiddleboxesTest : public ::testing::Test {
  protected:
    analysis::Finding hit(const RstDetails& details, std::uint16_t server_port = 443) {
        FlowScript script(example_flow(), next_++, "eth0");
        script.flow().key.port[kClient] = static_cast<__be16>(next_);
        script.flow().key.port[kServer] = __builtin_bswap16(server_port);
        ForgedRstBench bench;
        bench.observe(script.at(next_ * 1ms).rst(details));
        EXPECT_EQ(bench.sink.findings.size(), 1U);
        analysis::Finding finding = bench.sink.findings.at(0);
        finding.id = next_;
        return finding;
    }

    analysis::Middleboxes boxes;

  private:
    std::uint32_t next_ = 0;
};

const RstDetails kInjected{
    .tcp_flags = FST_TCP_RST | FST_TCP_ACK, .ttl = 60, .ip_id = 0x3412, .signals = kForged};

TEST_F(MiddleboxesTest, SummarizeConfirmedForgeries) {
    for (int i = 0; i < 5; i++) {
        boxes.saw_attempt(443);
    }
    boxes.saw_attempt(80);
    EXPECT_EQ(boxes.record(hit(kInjected)), 1U);
    EXPECT_EQ(boxes.record(hit(kInjected)), 1U);
    EXPECT_EQ(boxes.record(hit(kInjected, 8080)), 1U) << "its connection attempt was not seen";
    const auto all = boxes.all();
    ASSERT_THAT(all, SizeIs(1));
    const analysis::Middlebox& box = all[0];
    EXPECT_EQ(box.hops, 4);
    EXPECT_EQ(box.tcp_flags, FST_TCP_RST | FST_TCP_ACK);
    EXPECT_EQ(box.ip_id, (analysis::FieldHabit{analysis::FieldHabit::Kind::fixed, 0x3412}));
    EXPECT_EQ(box.window, (analysis::FieldHabit{analysis::FieldHabit::Kind::zero, 0}));
    EXPECT_EQ(box.ttl, (analysis::FieldHabit{analysis::FieldHabit::Kind::fixed, 60}));
    EXPECT_EQ(box.flows, 3U);
    EXPECT_EQ(box.segments, 3U);
    ASSERT_THAT(box.ports, SizeIs(2));
    EXPECT_EQ(box.ports[0].port, 443);
    EXPECT_EQ(box.ports[0].flows, 2U);
    EXPECT_EQ(box.ports[0].seen, 5U);
    EXPECT_EQ(box.ports[1].seen, 1U) << "at least the connections it reset";
    EXPECT_THAT(box.stages, ElementsAre(0, 0, 0, 3));
    EXPECT_GT(box.last, box.first);
}

TEST_F(MiddleboxesTest, LookingAtThemIsNoReport) {
    EXPECT_THAT(boxes.due(1s), IsEmpty());
    boxes.record(hit(kInjected));
    const auto now = boxes.current();
    ASSERT_THAT(now, SizeIs(1));
    EXPECT_EQ(now[0].flows, 1U);
    EXPECT_THAT(now[0].ports, SizeIs(1));
    const auto reports = boxes.due(2min);
    ASSERT_THAT(reports, SizeIs(1)) << "it is still to be reported";
    EXPECT_FALSE(reports[0].again);
}

TEST_F(MiddleboxesTest, AreDistinguishedByDistanceFlagsAndFields) {
    RstDetails nearer = kInjected;
    nearer.ttl = 61;
    RstDetails bare = kInjected;
    bare.tcp_flags = FST_TCP_RST;
    RstDetails echo = kInjected;
    echo.ip_id = 77;
    echo.signals |= FST_SIGNAL_BIT(FST_SIGNAL_ID_ECHO);
    std::uint64_t id = 0;
    for (const RstDetails& details : {kInjected, nearer, bare, echo}) {
        EXPECT_EQ(boxes.record(hit(details)), ++id);
    }
    EXPECT_THAT(boxes.all(), SizeIs(4));
}

TEST_F(MiddleboxesTest, AFieldIsFixedUntilAnotherValueIsSeen) {
    RstDetails other = kInjected;
    other.ip_id = 99;
    boxes.record(hit(kInjected));
    boxes.record(hit(other));
    boxes.record(hit(kInjected));
    EXPECT_EQ(boxes.all().at(0).ip_id.kind, analysis::FieldHabit::Kind::changes);
}

TEST_F(MiddleboxesTest, SuspectedFindingsAreNotCounted) {
    RstDetails suspected = kInjected;
    suspected.signals = FST_SIGNAL_BIT(FST_SIGNAL_NEARER);
    EXPECT_EQ(boxes.record(hit(suspected)), std::nullopt);
    analysis::Finding other = hit(kInjected);
    other.kind = analysis::FindingKind::stalled;
    EXPECT_EQ(boxes.record(other), std::nullopt);
    EXPECT_THAT(boxes.all(), IsEmpty());
}

TEST_F(MiddleboxesTest, AnUpdateOfAFindingIsNotCountedAgain) {
    analysis::Finding finding = hit(kInjected);
    boxes.record(finding);
    finding.again = true;
    finding.resets = 4;
    finding.resolution = analysis::Resolution::went_on;
    EXPECT_EQ(boxes.record(finding), 1U);
    const analysis::Middlebox box = boxes.all().at(0);
    EXPECT_EQ(box.flows, 1U);
    EXPECT_EQ(box.segments, 4U);
}

TEST_F(MiddleboxesTest, AFlowHitAgainIsCountedOnce) {
    analysis::Finding finding = hit(kInjected);
    boxes.record(finding);
    finding.id += 100;
    EXPECT_EQ(boxes.record(finding), 1U);
    const analysis::Middlebox box = boxes.all().at(0);
    EXPECT_EQ(box.flows, 1U);
    EXPECT_EQ(box.segments, 2U);
}

TEST_F(MiddleboxesTest, AWithdrawnFindingIsSubtracted) {
    analysis::Finding finding = hit(kInjected);
    boxes.record(finding);
    boxes.record(hit(kInjected, 80));
    finding.resolution = analysis::Resolution::withdrawn;
    EXPECT_EQ(boxes.record(finding), std::nullopt);
    const analysis::Middlebox box = boxes.all().at(0);
    EXPECT_EQ(box.flows, 1U);
    ASSERT_THAT(box.ports, SizeIs(1));
    EXPECT_EQ(box.ports[0].port, 80);
}

TEST_F(MiddleboxesTest, AreReportedEveryMinuteWhileTheyGrow) {
    EXPECT_THAT(boxes.due(1s), IsEmpty());
    boxes.record(hit(kInjected));
    EXPECT_THAT(boxes.due(30s), IsEmpty());
    const auto first = boxes.due(61s);
    ASSERT_THAT(first, SizeIs(1));
    EXPECT_FALSE(first[0].again);
    EXPECT_THAT(boxes.due(200s), IsEmpty()) << "nothing new";
    boxes.record(hit(kInjected));
    const auto second = boxes.due(300s);
    ASSERT_THAT(second, SizeIs(1));
    EXPECT_TRUE(second[0].again);
    EXPECT_EQ(second[0].id, first[0].id);
    EXPECT_EQ(second[0].flows, 2U);
}

TEST_F(MiddleboxesTest, AreBounded) {
    for (std::uint32_t i = 0; i < analysis::Middleboxes::kMost + 20; i++) {
        analysis::Finding finding = hit(kInjected);
        finding.sighting.packet.key.ifindex = i;
        boxes.record(finding);
    }
    const auto all = boxes.all();
    EXPECT_EQ(all.size(), analysis::Middleboxes::kMost);
    EXPECT_EQ(all.front().id, 21U) << "the one idle longest was evicted";
    EXPECT_EQ(all.back().id, analysis::Middleboxes::kMost + 20);
}

TEST_F(MiddleboxesTest, HaveASummary) {
    boxes.saw_attempt(443);
    boxes.saw_attempt(443);
    boxes.saw_attempt(443);
    boxes.record(hit(kInjected));
    boxes.record(hit(kInjected));
    EXPECT_EQ(output::summary_text(boxes.all().at(0)),
              "A box 4 hops away sends [R.] with ttl 60, IP-ID 0x3412, window 0: it hit 2 "
              "connections (2 such segments) to port 443 (2 of 3), later.");
}

TEST_F(MiddleboxesTest, ACopiedTtlIsNoDistance) {
    RstDetails copied = kInjected;
    copied.ttl = 61;
    copied.signals = FST_SIGNAL_BIT(FST_SIGNAL_REFUTED) | FST_SIGNAL_BIT(FST_SIGNAL_WINDOW_FOREIGN);
    RstDetails of_another_victim = copied;
    of_another_victim.ttl = 52;
    boxes.record(hit(copied));
    boxes.record(hit(of_another_victim));
    ASSERT_THAT(boxes.all(), SizeIs(1)) << "its victims' distances do not tell boxes apart";
    EXPECT_EQ(output::summary_text(boxes.all().at(0)),
              "A box at an unknown distance sends [R.] with the ttl of genuine packets, IP-ID "
              "0x3412, window 0: it hit 2 connections (2 such segments) to port 443 (2 of 2), "
              "later.");
}

TEST_F(MiddleboxesTest, AreDescribedByTheSchema) {
    const JsonSchema schema = JsonSchema::read(FLOWSTAMP_SOURCE_DIR "/docs/events.schema.json");
    RstDetails echo = kInjected;
    echo.signals |= FST_SIGNAL_BIT(FST_SIGNAL_ID_ECHO);
    RstDetails copied = kInjected;
    copied.signals = FST_SIGNAL_BIT(FST_SIGNAL_REFUTED) | FST_SIGNAL_BIT(FST_SIGNAL_WINDOW_FOREIGN);
    for (const RstDetails& details : {kInjected, echo, copied}) {
        analysis::Finding finding = hit(details);
        finding.sighting.packet.flags |= FST_PACKET_MAC;
        finding.middlebox = boxes.record(finding);
        finding.vendor = "Example Networks";
        EXPECT_THAT(schema.violations(nlohmann::json::parse(output::json_of(finding).dump())),
                    IsEmpty());
    }
    for (analysis::Middlebox box : boxes.all()) {
        box.vendor = "Example Networks";
        EXPECT_THAT(schema.violations(nlohmann::json::parse(output::json_of(box).dump())),
                    IsEmpty())
            << output::json_of(box).dump(2);
    }
}

/// From packets to a finding that names its middlebox.
TEST(MiddleboxesOfPackets, AFindingNamesItsBox) {
    AnalysisBench bench;
    for (int i = 0; i < 2; i++) {
        Conversation talk(bench.rig(), FST_HOOK_XDP);
        talk.open().exchange(5);
        talk.pass_ms(300);
        Segment reset = talk.next(End::peer, Rst | Ack);
        reset.timestamps.reset();
        reset.ttl += 3;
        reset.id = 0x3412;
        talk.send(reset);
    }
    bench.finish();
    ASSERT_FALSE(bench.findings().empty());
    for (const analysis::Finding& finding : bench.findings()) {
        EXPECT_EQ(finding.middlebox, 1U);
    }
    ASSERT_THAT(bench.middleboxes(), SizeIs(1));
    EXPECT_EQ(bench.middleboxes()[0].flows, 2U);
    EXPECT_FALSE(bench.middleboxes()[0].is_learned) << "in one host's name only";
    EXPECT_THAT(bench.policy().learned, SizeIs(0));
}

}  // namespace
}  // namespace flowstamp::testing
