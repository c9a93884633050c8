// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// `flowstamp report`: what the page's data hold, from captures, JSON lines and folders.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/capture_file.h"
#include "tests/support/replayed.h"
#include "tests/unit/made_report.h"
#include "user/output/report/report_entries.h"
#include "user/output/report/report_page.h"

namespace flowstamp::testing {
namespace {

using nlohmann::json;
using output::Report;
using output::ReportEntries;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

/// The data of the page that is made of these sources.
json data_of(const ReportFolder& folder, const std::vector<std::string>& sources) {
    const std::string page = folder.file("page.html");
    if (cmd::run_report({.sources = sources, .output = page}) != 0) {
        return {};
    }
    const std::string html = folder.text("page.html");
    const std::string begin = "<script type=\"application/json\" id=\"data\">";
    const std::size_t at = html.find(begin) + begin.size();
    return json::parse(html.substr(at, html.find("</script>", at) - at));
}

std::string lines_of(const Bytes& capture) {
    const auto path = cmd::make_host_path(1024);
    return replay(std::make_unique<net::MemorySource>(capture), **path).text();
}

class ReportCommand : public ::testing::Test {
  protected:
    void SetUp() override {
        if (output::page_template().empty()) {
            GTEST_SKIP() << "built without dygraphs";
        }
    }
};

TEST_F(ReportCommand, DrawsTheFlowOfAForgedReset) {
    const ReportFolder folder("capture");
    folder.write("trace.pcap", capture_of_a_forged_reset());
    const json data = data_of(folder, {folder.file("trace.pcap")});
    EXPECT_THAT(data["sources"], ElementsAre("trace.pcap"));
    ASSERT_THAT(data["entries"], SizeIs(1));
    const json& entry = data["entries"][0];
    EXPECT_EQ(entry["headline"], "confirmed forged reset");
    EXPECT_THAT(entry["summary"].get<std::string>(), HasSubstr("did not send this reset"));
    EXPECT_THAT(entry["evidence"], Contains(Contains("nearer")));
    ASSERT_THAT(data["flows"], SizeIs(1));
    const json& flow = data["flows"][0];
    EXPECT_THAT(flow["entries"], ElementsAre(0));
    std::vector<json> marked;
    for (const json& packet : flow["packets"]) {
        if (!packet[12].is_null()) {
            marked.push_back(packet);
        }
    }
    ASSERT_THAT(marked, SizeIs(1));
    EXPECT_EQ(marked[0][10], entry["frame"]);
    EXPECT_THAT(marked[0][9].get<std::string>(), HasSubstr("R"));
}

TEST_F(ReportCommand, SaysTheSameOfJsonLines) {
    const ReportFolder folder("lines");
    const Bytes capture = capture_of_a_forged_reset();
    folder.write("trace.pcap", capture);
    const std::string lines = lines_of(capture);
    folder.write("run.json", Bytes(lines.begin(), lines.end()));
    const json of_capture = data_of(folder, {folder.file("trace.pcap")})["entries"][0];
    const json of_lines = data_of(folder, {folder.file("run.json")})["entries"][0];
    for (const char* member : {"headline", "from", "to", "time", "frame", "summary", "evidence",
                               "observed", "baseline", "details", "verdict"}) {
        EXPECT_EQ(of_lines[member], of_capture[member]) << member;
    }
    EXPECT_THAT(of_lines["stamps"], Not(IsEmpty()));
    EXPECT_THAT(of_lines["stamps"], Contains(Contains(of_lines["time"])));
}

TEST_F(ReportCommand, ReadsTheCapturesOfAFolder) {
    const ReportFolder folder("folder");
    for (const char* name : {"b.pcapng", "a.pcapng", "notes.txt", ".c.pcapng"}) {
        folder.write(name, capture_of_a_forged_reset());
    }
    const json data = data_of(folder, {folder.file("")});
    EXPECT_THAT(data["sources"], ElementsAre("a.pcapng", "b.pcapng"));
    EXPECT_THAT(data["entries"], SizeIs(2));
    EXPECT_THAT(data["flows"], SizeIs(2));
}

TEST_F(ReportCommand, FailsWithoutSources) {
    const ReportFolder folder("none");
    const std::string page = folder.file("page.html");
    folder.write("text.pcap", Bytes{'n', 'o', 'n', 'e', '\n'});
    for (const std::string& source :
         {folder.file("missing.pcap"), folder.file(""), folder.file("text.pcap")}) {
        EXPECT_EQ(cmd::run_report({.sources = {source}, .output = page}), 1);
        EXPECT_FALSE(std::filesystem::exists(page));
    }
}

TEST_F(ReportCommand, SaysThatACaptureHoldsNoTcp) {
    const ReportFolder folder("empty");
    folder.write("empty.pcap", PcapFile().bytes());
    const json data = data_of(folder, {folder.file("empty.pcap")});
    EXPECT_THAT(data["entries"], IsEmpty());
    EXPECT_THAT(data["left_out"], ElementsAre("empty.pcap holds no TCP packets."));
}

TEST_F(ReportCommand, DoesNotWriteOverItsSource) {
    const ReportFolder folder("over");
    const Bytes capture = capture_of_a_forged_reset();
    folder.write("trace.pcap", capture);
    const std::string trace = folder.file("trace.pcap");
    EXPECT_EQ(cmd::run_report({.sources = {trace}, .output = trace}), 1);
    EXPECT_EQ(folder.text("trace.pcap").size(), capture.size());
}

TEST_F(ReportCommand, MakesAPageThatNeedsNothingFromElsewhere) {
    const std::string_view page = output::page_template();
    EXPECT_TRUE(page.contains("default-src 'none'; script-src 'sha256-"));
    for (const char* reference : {" src=", "<link", "@import", "url(", "sourceMappingURL"}) {
        EXPECT_FALSE(page.contains(reference)) << reference;
    }
}

TEST(ReportPage, LetsNoNameEndItsElement) {
    Report report{.made_by = "flowstamp", .sources = {{.name = "</script><script>alert(1)//"}}};
    report.entries.push_back({.interface = "<!--<script>", .summary = "\xff</SCRIPT>"});
    const std::string data = output::script_data(report);
    EXPECT_THAT(data, Not(HasSubstr("<")));
    EXPECT_EQ(json::parse(data)["sources"][0], "</script><script>alert(1)//");
    EXPECT_EQ(json::parse(data)["entries"][0]["interface"], "<!--<script>");
}

TEST(ReportEntries, RefusesWhatIsNoJson) {
    Report report;
    ReportEntries entries(report);
    entries.begin({.name = "x.json"});
    EXPECT_FALSE(entries.consume_line("no JSON"));
    EXPECT_FALSE(entries.consume_line("[1]"));
    EXPECT_TRUE(entries.consume_line(R"({"event_type":"finding"})"));
    EXPECT_TRUE(entries.consume_line(R"({"event_type":"finding","finding":{"evidence":7}})"));
    EXPECT_TRUE(entries.consume_line(R"({"event_type":"stats"})"));
    entries.finish();
}

TEST(ReportEntries, TakesTheLatestOfAFindingThatIsToldAgain) {
    Report report;
    ReportEntries entries(report);
    entries.begin({.name = "x.json"});
    for (const char* verdict : {"suspected", "confirmed"}) {
        EXPECT_TRUE(entries.consume_line(json{
            {"event_type", "finding"},
            {"flow_id", 5U},
            {"finding",
             {{"id", 1U}, {"kind", "stalled"}, {"verdict", verdict}, {"evidence", json::array()}}}}
                                             .dump()));
    }
    entries.finish();
    ASSERT_THAT(report.entries, SizeIs(1));
    EXPECT_EQ(report.entries[0].headline, "confirmed stalled");
}

TEST(ReportEntries, KeepsCapturesOfOneRunApart) {
    Report report;
    ReportEntries entries(report);
    entries.begin({.name = "run.json"});
    for (const char* capture : {"a.pcap", "b.pcap"}) {
        EXPECT_TRUE(entries.consume_line(
            json{{"event_type", "finding"},
                 {"flow_id", 5U},
                 {"pcap_filename", capture},
                 {"finding", {{"id", 1U}, {"kind", "stalled"}, {"evidence", json::array()}}}}
                .dump()));
    }
    entries.finish();
    EXPECT_THAT(report.entries, SizeIs(2));
    EXPECT_THAT(report.flows, SizeIs(2));
    ASSERT_THAT(report.sources, SizeIs(2));
    EXPECT_EQ(report.sources[1].name, "b.pcap");
}

}  // namespace
}  // namespace flowstamp::testing
