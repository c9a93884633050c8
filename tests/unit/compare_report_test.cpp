// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// `compare --report`: its file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/made_comparison.h"

namespace flowstamp::testing {
namespace {

using ::testing::HasSubstr;

TEST(CompareReport, HoldsTheSentencesOfTheText) {
    const ReportFolder folder("compare");
    write_forged_path(folder, "a.pcap", "b.pcap");
    ASSERT_EQ(compare_into_page(folder, "a.pcap", "b.pcap"), 0);
    const std::string page = folder.text("page.html");
    const std::string text = folder.text("text");
    const std::string conclusion = text.substr(0, text.find('\n'));
    EXPECT_THAT(conclusion, HasSubstr("forged between b.pcap and a.pcap"));
    EXPECT_THAT(page, HasSubstr(conclusion));
    EXPECT_THAT(page, HasSubstr("b.pcap is 5.0 s ahead of a.pcap, to within "));
}

TEST(CompareReport, ACaptureIsNotOverwritten) {
    const ReportFolder folder("compare-input");
    write_forged_path(folder, "a.pcap", "page.html");
    const std::string before = folder.text("page.html");
    EXPECT_EQ(compare_into_page(folder, "a.pcap", "page.html"), 1);
    EXPECT_EQ(folder.text("page.html"), before);
}

TEST(CompareReport, APageThatCannotBeWrittenFailsBeforeAnythingIsRead) {
    const ReportFolder folder("compare-nowhere");
    EXPECT_EQ(cmd::run_compare({.captures = {"/nonexistent/a", "/nonexistent/b"},
                                .output = folder.file("text"),
                                .report = folder.file("none/page.html")}),
              1);
    EXPECT_EQ(folder.text("text"), "");
}

TEST(CompareReport, ItDoesNotShareAFileWithTheText) {
    EXPECT_THAT(cmd::objection({.captures = {"a", "b"}, .report = "-"}), HasSubstr("--report"));
    EXPECT_THAT(cmd::objection({.captures = {"a", "b"}, .output = "x", .report = "x"}),
                HasSubstr("--report"));
    EXPECT_EQ(cmd::objection({.captures = {"a", "b"}, .output = "x", .report = "-"}), "");
}

}  // namespace
}  // namespace flowstamp::testing
