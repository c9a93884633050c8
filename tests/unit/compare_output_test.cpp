// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// What `compare` reports, in text and JSON.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/json_schema.h"
#include "tests/support/recorded_path.h"
#include "user/output/json/json_events.h"
#include "user/output/text/comparison_text.h"
#include "user/output/text/statement_text.h"
#include "user/output/text/words.h"

namespace flowstamp::testing {
namespace {

using analysis::compare::Compared;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

std::vector<std::string> violations(const output::Json& event) {
    static const JsonSchema schema =
        JsonSchema::read(FLOWSTAMP_SOURCE_DIR "/docs/events.schema.json");
    return schema.violations(nlohmann::json::parse(event.dump()));
}

/// A forged reset, lost data, injected data, NAT; and one more reset that cannot be judged.
RecordedPath eventful() {
    RecordedPath path;
    path.b_ahead = 5s;
    path.client_at_b = "203.0.113.9";
    path.open({Mss{1460}});
    path.download(5);
    path.forge_to_client();
    path.download(3);
    path.from_server({.seq = path.server_next, .ack = path.client_next}, 64,
                     {.at_sender = false, .routers = 1});
    path.now += 100ms;
    path.from_server({.seq = path.server_next, .ack = path.client_next});
    path.lose_upload(4);
    path.talk_beside();
    path.reopen(40001, 77);
    path.upload(3);
    path.forge_to_server();
    return path;
}

std::string text_of(const Compared& compared, bool whole = true) {
    return output::comparison_text(compared.comparison, output::Style(false), whole);
}

TEST(CompareOutput, EachEventIsDescribedBySchema) {
    const Compared compared = eventful().compared();
    EXPECT_THAT(violations(output::json_of(compared.comparison)), IsEmpty());
    std::set<std::string> kinds;
    for (const analysis::Finding& finding : compared.findings) {
        const output::Json event = output::json_of(finding);
        EXPECT_THAT(violations(event), IsEmpty()) << event.dump(2);
        kinds.insert(event["finding"]["kind"]);
        EXPECT_EQ(event["finding"]["verdict"], "proven");
    }
    EXPECT_EQ(kinds.size(), 4U);
}

TEST(CompareOutput, JsonHasTheNamesOfTheContract) {
    const Compared compared = eventful().compared();
    const output::Json event = output::json_of(compared.comparison);
    EXPECT_EQ(event["event_type"], "compare");
    const output::Json& its = event["compare"];
    EXPECT_EQ(its["a"], "a.pcap");
    EXPECT_EQ(its["b"], "b.pcap");
    EXPECT_EQ(its["flows"]["joined"], 3);
    EXPECT_EQ(its["flows"]["only_a"], 0);
    EXPECT_NEAR(its["clock"]["offset_us"].get<double>(), 5e6, 1000);
    EXPECT_NEAR(its["clock"]["uncertainty_us"].get<double>(), 5000, 1000);
    EXPECT_EQ(its["unjudged"], 1);
    EXPECT_EQ(its["unjudged_because"]["not-running"], 1);
    for (const analysis::Finding& finding : compared.findings) {
        if (finding.kind == analysis::FindingKind::eaten) {
            EXPECT_EQ(output::json_of(finding)["finding"]["direction"], "a-to-b");
            EXPECT_EQ(output::json_of(finding)["finding"]["count"], 4);
        }
    }
}

TEST(CompareOutput, TheFirstLineIsTheConclusion) {
    const std::string text = text_of(eventful().compared());
    EXPECT_THAT(text, StartsWith("198.51.100.7:443's reset was never sent by it: forged between "
                                 "b.pcap and a.pcap.\n"));
    EXPECT_THAT(text, HasSubstr("b.pcap is 5.0 s ahead of a.pcap, to within "));
    EXPECT_THAT(text, HasSubstr("3 routers between"));
    EXPECT_THAT(text, HasSubstr("not judged 1: the other capture did not run then"));
}

TEST(CompareOutput, QuietHasTheConclusionAndWhatIsOpen) {
    const std::string text = text_of(eventful().compared(), false);
    EXPECT_THAT(text, StartsWith("198.51.100.7:443's reset"));
    EXPECT_THAT(text, HasSubstr("not judged"));
    EXPECT_THAT(text, Not(HasSubstr("coverage")));
}

TEST(CompareOutput, NothingFoundIsSaid) {
    RecordedPath path;
    path.open();
    path.upload(5);
    EXPECT_THAT(text_of(path.compared()),
                StartsWith("Between a.pcap and b.pcap nothing is forged, lost or changed"));
    path.b().clear();
    EXPECT_THAT(text_of(path.compared()),
                StartsWith("a.pcap and b.pcap have no connection in common"));
}

TEST(CompareOutput, CapturesOfOneNameAreToldApartByTheirFolders) {
    RecordedPath path = eventful();
    const Compared compared =
        analysis::compare::compare(recording_of(pcap_of(path.a()), "one/x.pcap"),
                                   recording_of(pcap_of(path.b()), "two/x.pcap"));
    EXPECT_EQ(compared.findings.front().sighting.interface, "one/x.pcap");
    EXPECT_THAT(text_of(compared), HasSubstr("forged between two/x.pcap and one/x.pcap"));
}

TEST(CompareOutput, AProvenResetIsCalledSo) {
    const Compared compared = eventful().compared();
    EXPECT_EQ(output::headline_text(compared.findings.front()), "proven forged reset");
    EXPECT_THAT(output::summary_text(compared.findings.front()),
                HasSubstr("It came to a.pcap from 1 hop away; b.pcap is 3 hops away."));
}

}  // namespace
}  // namespace flowstamp::testing
