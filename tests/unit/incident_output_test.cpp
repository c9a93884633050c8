// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/support/json_schema.h"
#include "user/output/json/json_events.h"
#include "user/output/json/json_output.h"
#include "user/output/text/incident_text.h"
#include "user/output/text/text_output.h"

namespace flowstamp {
namespace {

using namespace std::chrono_literals;
using ::testing::IsEmpty;

/// 10.2.0.`host`.
net::Endpoint ten_two(std::uint8_t host, std::uint16_t port) {
    return {.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 2, 0, host}, .port = port};
}

analysis::Incident example() {
    return {.id = 3,
            .kind = analysis::FindingKind::syn_unanswered,
            .finding = 7,
            .count = 1200,
            .clients = 200,
            .client = ten_two(9, 0),
            .server = ten_two(2, 8500),
            .interface = "eth0",
            .wall = 45716s,
            .first = 45612s,
            .last = 45715s};
}

std::string text_of(const analysis::Incident& incident) {
    output::EventTimes times(output::TimeForm::utc);
    return output::incident_text(incident, output::Style(false), times);
}

TEST(IncidentText, SaysWhatItsFindingsHaveInCommon) {
    EXPECT_EQ(text_of(example()),
              "12:41:56.000000 incident #3 syn-unanswered  200 clients > 10.2.0.2:8500  eth0\n"
              "    1,200 findings like finding #7, since 12:40:12.000000; latest "
              "12:41:55.000000\n");
    analysis::Incident its = example();
    its.has_ended = true;
    its.clients = 1;
    its.server.reset();
    its.middlebox = 4;
    EXPECT_EQ(text_of(its),
              "12:41:56.000000 incident #3, ended syn-unanswered  10.2.0.9 > several servers, "
              "middlebox #4  eth0\n"
              "    1,200 findings like finding #7, from 12:40:12.000000 to 12:41:55.000000\n");
}

TEST(IncidentText, NamesARule) {
    analysis::Incident its = example();
    its.kind = analysis::FindingKind::local_drop;
    its.place = "forward";
    its.rule = "table ip fw, chain f, handle 3: drop";
    EXPECT_EQ(text_of(its),
              "12:41:56.000000 incident #3 local-drop  200 clients > 10.2.0.2:8500, at forward  "
              "eth0\n"
              "    1,200 connections like finding #7, since 12:40:12.000000; latest "
              "12:41:55.000000\n"
              "    by table ip fw, chain f, handle 3: drop\n");
}

TEST(IncidentJson, IsDescribed) {
    static const auto schema =
        testing::JsonSchema::read(FLOWSTAMP_SOURCE_DIR "/docs/events.schema.json");
    analysis::Incident bare = example(), full = example();
    bare.server.reset();
    full.middlebox = 1;
    full.router = ten_two(1, 0);
    full.place = full.rule = "x";
    full.has_ended = true;
    for (const analysis::Incident& its : {example(), bare, full}) {
        const auto json = nlohmann::json::parse(output::json_of(its).dump());
        EXPECT_THAT(schema.violations(json), IsEmpty()) << json.dump(2);
        EXPECT_EQ(json["incident_id"], 3);
    }
    const auto json = output::json_of(full);
    EXPECT_EQ(json["incident"]["state"], "ended");
    EXPECT_EQ(json["incident"]["router"], "10.2.0.1");
    EXPECT_EQ(json["dest_port"], 8500);
}

/// The output of one finding in `format`.
class SummarizedTest : public ::testing::Test {
  protected:
    ~SummarizedTest() override { std::filesystem::remove(path_); }

    template <class Format, class... Options>
    std::string written(bool stands_for_incident, Options... options) {
        analysis::Finding finding{
            .id = 2, .incident = 1, .stands_for_incident = stands_for_incident};
        auto output = output::Output::file(path_);
        Format format(*output, options...);
        format.consume(finding);
        std::ifstream file(path_);
        return {std::istreambuf_iterator<char>(file), {}};
    }

    std::string path_ = std::filesystem::temp_directory_path() /
                        ("flowstamp-summarized-" + std::to_string(::getpid()));
};

TEST_F(SummarizedTest, TextHasTheFirstFindingOfAnIncidentUnlessEachIsAskedFor) {
    const output::Style plain(false);
    EXPECT_NE(
        written<output::TextOutput>(true, plain, output::Detail::resets, output::TimeForm::utc),
        "");
    EXPECT_EQ(
        written<output::TextOutput>(false, plain, output::Detail::resets, output::TimeForm::utc),
        "");
    EXPECT_NE(written<output::TextOutput>(false, plain, output::Detail::all, output::TimeForm::utc),
              "");
    EXPECT_EQ(
        written<output::TextOutput>(false, plain, output::Detail::all, output::TimeForm::utc, true),
        "");
}

TEST_F(SummarizedTest, JsonHasEachUnlessSummarized) {
    const auto line = nlohmann::json::parse(written<output::JsonOutput>(false, false));
    EXPECT_EQ(line["incident_id"], 1);
    EXPECT_EQ(written<output::JsonOutput>(false, false, true), "");
    EXPECT_NE(written<output::JsonOutput>(true, false, true), "");
}

}  // namespace
}  // namespace flowstamp
