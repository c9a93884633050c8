// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/json/json_output.h"
#include "user/output/text/text_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "tests/support/json_schema.h"
#include "tests/support/path_tuple.h"

namespace flowstamp {
namespace {

using namespace std::chrono_literals;
using flowstamp::testing::JsonSchema;
using flowstamp::testing::tuple;
using ::testing::IsEmpty;

pathtrace::PathReport lost() {
    return {.flow = 1,
            .name = tuple("198.51.100.2", 40000, "203.0.113.1", 10174),
            .translated = tuple("198.51.100.2", 40000, "10.0.0.2", 8080),
            .end = pathtrace::PacketPath::End::dropped,
            .packets = 3,
            .steps = {{.at = "eth2 in"},
                      {.at = "prerouting",
                       .passed = {"raw", "dstnat"},
                       .changed = {"to 10.0.0.2:8080"},
                       .since_start = 12us}},
            .drop =
                pathtrace::PathReport::Drop{
                    .at = "prerouting",
                    .reason = "NETFILTER_DROP",
                    .location = "nft_do_chain+0x3e8",
                    .words = {.words = "a netfilter rule dropped it"},
                    .attribution =
                        netfilter::DropAttribution{.table = "filter",
                                                   .chain = "FORWARD",
                                                   .tool = netfilter::RulesetTool::iptables_legacy,
                                                   .number = 2,
                                                   .text = "-A FORWARD -j DROP",
                                                   .certainty = netfilter::Certainty::certain,
                                                   .why = "no other moved"}},
            .wall = 1'795'000'000s};
}

/// The output of a reporter.
class PathReportTest : public ::testing::Test {
  protected:
    PathReportTest() { ::close(::mkstemp(path_.data())); }
    ~PathReportTest() override { ::unlink(path_.c_str()); }

    template <class Consumer, class... More>
    std::string text_of(const output::Event& event, const More&... more) {
        auto output = output::Output::file(path_);
        Consumer(*output, more...).consume(event);
        std::ifstream file(path_);
        std::ostringstream text;
        text << file.rdbuf();
        return text.str();
    }
    std::string path_ = "/tmp/flowstamp-path-XXXXXX";
};

TEST_F(PathReportTest, ALossInWords) {
    EXPECT_EQ(text_of<output::TextOutput>(lost(), output::Style(false), output::Detail::resets,
                                          output::TimeForm::utc),
              "11:06:40.000000 flow #1  TCP 198.51.100.2:40000 > 203.0.113.1:10174 (on as "
              "198.51.100.2:40000 > 10.0.0.2:8080)  DROPPED at prerouting, 3 packets\n"
              "    passed    eth2 in, prerouting (raw, dstnat: to 10.0.0.2:8080)\n"
              "    by        iptables-legacy, table filter, chain FORWARD, rule 2: -A FORWARD -j "
              "DROP\n"
              "    certain   no other moved\n"
              "    because   a netfilter rule dropped it (NETFILTER_DROP, nft_do_chain+0x3e8)\n");
}

/// Commands to look further, if there are any, are for the namespace that the packets were lost in.
TEST_F(PathReportTest, ALossInAnotherNetworkNamespace) {
    pathtrace::PathReport report = lost();
    report.netns = "web";
    report.netns_command = "nsenter --net=/run/netns/web";
    const auto text = [&] {
        return text_of<output::TextOutput>(report, output::Style(false), output::Detail::resets,
                                           output::TimeForm::utc);
    };
    EXPECT_THAT(text(), ::testing::HasSubstr(
                            "    within    network namespace web\n    by        iptables-legacy"));
    report.drop->counter = {
        .name = "connection tracking's invalid", .by = 1, .shown_by = "conntrack -S"};
    EXPECT_THAT(text(), ::testing::HasSubstr(
                            "    within    network namespace web; for the commands below: "
                            "nsenter --net=/run/netns/web COMMAND\n    by        iptables-legacy"));
    report.drop->counter.reset();
    const auto json = nlohmann::json::parse(text_of<output::JsonOutput>(report, false));
    EXPECT_EQ(json["path"]["netns"], "web");
    EXPECT_FALSE(nlohmann::json::parse(text_of<output::JsonOutput>(lost(), false))["path"].contains(
        "netns"));
}

/// The ruleset changed: no station stood yet where they may have been dropped.
TEST_F(PathReportTest, APlaceInDoubt) {
    pathtrace::PathReport report = lost();
    report.drop->attribution.reset();
    pathtrace::place_further_on(*report.drop, "web");
    EXPECT_THAT(
        text_of<output::TextOutput>(report, output::Style(false), output::Detail::resets,
                                    output::TimeForm::utc),
        ::testing::AllOf(::testing::HasSubstr("DROPPED at prerouting or further on, 3 packets"),
                         ::testing::HasSubstr("    doubt     the ruleset changed meanwhile: ")));
    const auto json = nlohmann::json::parse(text_of<output::JsonOutput>(report, false));
    EXPECT_EQ(json["path"]["drop"]["or_further_on"], true);
    const JsonSchema schema = JsonSchema::read(FLOWSTAMP_SOURCE_DIR "/docs/events.schema.json");
    EXPECT_THAT(schema.violations(json), IsEmpty());
}

/// A rule that may have dropped them says where.
TEST_F(PathReportTest, APlaceInDoubtIsThatOfItsRule) {
    pathtrace::PathReport report = lost();
    report.drop->attribution->hook = netfilter::NetfilterHook::forward;
    pathtrace::place_further_on(*report.drop, "web");
    EXPECT_EQ(pathtrace::place_text(*report.drop), "web/forward");
}

TEST_F(PathReportTest, WhatThisHostMadeIsSaid) {
    pathtrace::PathReport made = lost();
    made.drop.reset();
    made.end = pathtrace::PacketPath::End::left;
    EXPECT_EQ(text_of<output::JsonOutput>(made, false).find("made_here"), std::string::npos);
    made.is_made_here = true;
    EXPECT_NE(text_of<output::TextOutput>(made, output::Style(false), output::Detail::resets,
                                          output::TimeForm::utc)
                  .find("left, made on this host, 3 packets"),
              std::string::npos);
    EXPECT_NE(text_of<output::JsonOutput>(made, false).find("\"made_here\":true"),
              std::string::npos);
}

TEST_F(PathReportTest, TheUnwatchedWayOutIsNamed) {
    pathtrace::PathReport lost_sight = lost();
    lost_sight.drop.reset();
    lost_sight.end = pathtrace::PacketPath::End::unknown;
    lost_sight.toward = "eth3";
    EXPECT_NE(text_of<output::TextOutput>(lost_sight, output::Style(false), output::Detail::resets,
                                          output::TimeForm::utc)
                  .find("lost sight of (not a drop) on the way to eth3, which is not watched (-i "
                        "eth3), 3 packets"),
              std::string::npos);
    EXPECT_NE(text_of<output::JsonOutput>(lost_sight, false).find("\"toward\":\"eth3\""),
              std::string::npos);
}

TEST_F(PathReportTest, ReportsOnlyLossesIfRequested) {
    pathtrace::PathReport arrived = lost();
    arrived.drop.reset();
    for (const pathtrace::PacketPath::End end :
         {pathtrace::PacketPath::End::left, pathtrace::PacketPath::End::delivered}) {
        arrived.end = end;
        EXPECT_EQ(text_of<output::TextOutput>(arrived, output::Style(false),
                                              output::Detail::findings, output::TimeForm::utc),
                  "");
        EXPECT_EQ(text_of<output::JsonOutput>(arrived, true), "");
        EXPECT_NE(text_of<output::TextOutput>(arrived, output::Style(false), output::Detail::resets,
                                              output::TimeForm::utc),
                  "");
    }
    EXPECT_NE(text_of<output::TextOutput>(lost(), output::Style(false), output::Detail::findings,
                                          output::TimeForm::utc),
              "");
}

TEST_F(PathReportTest, SchemaDescribesEveryEvent) {
    const JsonSchema schema = JsonSchema::read(FLOWSTAMP_SOURCE_DIR "/docs/events.schema.json");
    pathtrace::PathReport ping = lost();
    ping.name.source_port = ping.name.destination_port = 0;
    ping.name.protocol = 1;
    ping.translated.reset();
    ping.drop.reset();
    ping.end = pathtrace::PacketPath::End::unknown;
    ping.toward = "eth3";
    pathtrace::PathReport stray = ping;
    stray.end = pathtrace::PacketPath::End::left;
    stray.untranslated = "it has no conntrack entry";
    stray.is_made_here = true;
    stray.bridge = {.in = "port1", .out = "port2"};
    pathtrace::PathReport by_program = lost();
    by_program.drop->attribution->tool = netfilter::RulesetTool::bpf;
    by_program.netns = "web";
    for (const pathtrace::PathReport& report : {lost(), ping, stray, by_program}) {
        const std::string line = text_of<output::JsonOutput>(report, false);
        EXPECT_THAT(schema.violations(nlohmann::json::parse(line)), IsEmpty()) << line;
    }
    const pathtrace::PathStats stats{.wall = 1'795'000'000s, .uptime = 5s, .packets = 4};
    const std::string line = text_of<output::JsonOutput>(stats, false);
    EXPECT_THAT(schema.violations(nlohmann::json::parse(line)), IsEmpty());
}

}  // namespace
}  // namespace flowstamp
