// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A report, as Chromium shows it: built where that is installed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>

#include "tests/unit/made_report.h"

namespace flowstamp::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// The page's document after its scripts have run, and Chromium's log, into files of the folder.
void open_in_browser(const ReportFolder& folder, const std::string& page) {
    const std::string command =
        "'" FLOWSTAMP_CHROMIUM
        "' --headless --no-sandbox --disable-gpu --enable-logging=stderr "
        "--virtual-time-budget=5000 --window-size=1280,3000 --user-data-dir='" +
        folder.file("profile") + "' --dump-dom 'file://" + folder.file(page) + "' >'" +
        folder.file("dom") + "' 2>'" + folder.file("log") + "'";
    const int status = std::system(command.c_str());  // NOLINT(cert-env33-c,concurrency-mt-unsafe)
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << folder.text("log");
}

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
