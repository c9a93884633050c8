// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// The page of a watch, of what it has reported.
#include "user/cmd/watch/live_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/events.h"
#include "tests/support/recording_sink.h"
#include "tests/unit/made_report.h"

namespace flowstamp::testing {
namespace {

using ::testing::HasSubstr;

analysis::Finding forged_reset() {
    ForgedRstBench bench;
    FlowScript script;
    bench.observe(script.rst(
        {.ttl = 60,
         .ip_id = 0x3412,
         .signals = FST_SIGNAL_BIT(FST_SIGNAL_NEARER) | FST_SIGNAL_BIT(FST_SIGNAL_ID_CONSTANT)}));
    return bench.sink.findings.at(0);
}

TEST(LiveReport, ShowsTheFindingsAndTheirStamps) {
    const ReportFolder folder("live");
    auto report = cmd::LiveReport::open(folder.file("page.html"), "watch of eth0");
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_EQ(folder.text("page.html"), "") << "written at the end";
    (*report)->consume(forged_reset());
    (*report)->consume(forged_reset());  // told again
    ASSERT_TRUE((*report)->finish());
    const std::string page = folder.text("page.html");
    EXPECT_THAT(page, HasSubstr(R"("sources":["watch of eth0"])"));
    EXPECT_THAT(page, HasSubstr(R"("headline":"confirmed forged reset")"));
    EXPECT_THAT(page, HasSubstr(R"("stamps":[[)"));
    const std::size_t first = page.find(R"("headline")");
    EXPECT_EQ(page.find(R"("headline")", first + 1), std::string::npos) << "one entry";
}

TEST(LiveReport, SaysAtOnceWhatCannotBeWritten) {
    const ReportFolder folder("live");
    const auto report = cmd::LiveReport::open(folder.file("missing/page.html"), "watch of eth0");
    ASSERT_FALSE(report);
    EXPECT_THAT(report.error().message(), HasSubstr("missing/page.html"));
}

TEST(LiveReport, OfNothingSaysSo) {
    const ReportFolder folder("live");
    auto report = cmd::LiveReport::open(folder.file("page.html"), "watch of eth0");
    ASSERT_TRUE(report);
    ASSERT_TRUE((*report)->finish());
    EXPECT_THAT(folder.text("page.html"), HasSubstr(R"("entries":[])"));
}

}  // namespace
}  // namespace flowstamp::testing
