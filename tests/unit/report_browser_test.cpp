// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A report, as Chromium shows it: built where that is installed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/made_report.h"
#include "tests/unit/opened_page.h"

namespace flowstamp::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(ReportInBrowser, ShowsTheFindingAndItsDrawingWithoutAnError) {
    const ReportFolder folder("browser");
    // A name that would run, were it taken for HTML.
    const std::string name = "<img src=x onerror=alert(1)>.pcap";
    folder.write(name, capture_of_a_forged_reset());
    ASSERT_EQ(cmd::run_report({.sources = {folder.file(name)}, .output = folder.file("page.html")}),
              0);
    open_in_browser(folder, "page.html");
    const std::string dom = folder.text("dom");
    EXPECT_THAT(dom, HasSubstr("<h1 id=\"title\">&lt;img src=x onerror=alert(1)&gt;.pcap</h1>"));
    EXPECT_THAT(dom, HasSubstr("<span class=\"badge\">confirmed forged reset</span>"));
    EXPECT_THAT(dom, HasSubstr("<canvas"));
    EXPECT_THAT(dom, HasSubstr("dygraph-axis-label"));
    EXPECT_THAT(folder.text("log"), Not(HasSubstr("CONSOLE")));
}

}  // namespace
}  // namespace flowstamp::testing
