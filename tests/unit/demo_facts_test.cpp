// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/demo/facts.h"

#include <gtest/gtest.h>

#include "tests/support/events.h"
#include "tests/support/recording_sink.h"
#include "user/output/json/json_events.h"

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;
using flowstamp::testing::FlowScript;
using flowstamp::testing::ForgedRstBench;

/// Parses the output of watch's own reporter, so that writer and reader of the JSON agree.
class DemoFacts : public ::testing::Test {
  protected:
    std::string json_lines() const {
        std::string lines;
        for (const analysis::Reset& reset : bench.sink.resets) {
            lines += output::json_of(reset).dump() + "\n";
        }
        for (const analysis::Finding& finding : bench.sink.findings) {
            lines += output::json_of(finding).dump() + "\n";
        }
        return lines;
    }

    ForgedRstBench bench;
    FlowScript script;
    const cmd::demo::End server{"198.51.100.7", 443};
};

TEST_F(DemoFacts, OfAForgedReset) {
    bench.observe(script.rst(
        {.ttl = 60,
         .signals = FST_SIGNAL_BIT(FST_SIGNAL_NEARER) | FST_SIGNAL_BIT(FST_SIGNAL_ID_CONSTANT)}));
    const cmd::demo::Facts facts = cmd::demo::parse_facts(json_lines());
    EXPECT_EQ(facts.unreadable, 0u);
    const auto resets = facts.resets_of(server);
    ASSERT_EQ(resets.size(), 1u);
    EXPECT_EQ(resets[0].verdict, "confirmed");
    EXPECT_EQ(resets[0].action, "observed");
    EXPECT_EQ(resets[0].challenge, "");
    EXPECT_EQ(resets[0].hops, 4u);
    const cmd::demo::FindingFact* finding = facts.finding_of(server);
    ASSERT_NE(finding, nullptr);
    EXPECT_EQ(finding->verdict, "confirmed");
    EXPECT_EQ(finding->resolution, "") << "still open";
    EXPECT_EQ(finding->sender_hops, 12u);
}

TEST_F(DemoFacts, LaterEventsReplaceEarlierOnes) {
    bench.observe(
        script.at(0ms).rst({.action = FST_ACTION_CHALLENGED, .challenge = FST_CHALLENGE_ASKED}));
    bench.observe(script.at(20ms).rst({.challenge = FST_CHALLENGE_UPHELD}));
    ASSERT_EQ(bench.sink.resets.size(), 3u);
    const auto resets = cmd::demo::parse_facts(json_lines()).resets_of(server);
    ASSERT_EQ(resets.size(), 2u);
    EXPECT_EQ(resets[0].challenge, "upheld");
    EXPECT_EQ(resets[0].action, "challenged");
    EXPECT_FALSE(resets[0].is_answer);
    EXPECT_TRUE(resets[1].is_answer);
}

TEST_F(DemoFacts, AreSelectedByTheirEnds) {
    bench.observe(script.rst({}));
    const cmd::demo::Facts facts = cmd::demo::parse_facts(json_lines());
    const std::uint16_t port = facts.resets.at(0).destination.port;
    EXPECT_EQ(facts.resets_of(server, port).size(), 1u);
    EXPECT_TRUE(facts.resets_of(server, port + 1).empty());
    EXPECT_TRUE(facts.resets_of({server.ip, 80}).empty());
    EXPECT_EQ(facts.finding_of(server), nullptr);
}

TEST_F(DemoFacts, OfTheCounters) {
    analysis::Stats stats;
    stats.counters[FST_COUNT_DROPPED] = 2;
    stats.counters[FST_COUNT_CHALLENGED] = 3;
    const cmd::demo::Facts facts = cmd::demo::parse_facts(output::json_of(stats).dump() + "\n");
    EXPECT_EQ(facts.dropped, 2u);
    EXPECT_EQ(facts.challenged, 3u);
}

TEST(DemoFactsText, CountsUnreadableLines) {
    EXPECT_EQ(cmd::demo::parse_facts("").unreadable, 0u);
    EXPECT_EQ(cmd::demo::parse_facts("{\"event_type\":\"rese").unreadable, 0u) << "incomplete";
    EXPECT_EQ(cmd::demo::parse_facts("not JSON\n{}\n{\"event_type\":\"reset\"}\n").unreadable, 3u);
    EXPECT_EQ(cmd::demo::parse_facts("{\"event_type\":\"flow\"}\n").unreadable, 0u) << "not used";
}

}  // namespace
}  // namespace flowstamp::cmd::demo
