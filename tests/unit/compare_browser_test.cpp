// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// The page of a comparison, as Chromium shows it: built where that is installed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/made_comparison.h"
#include "tests/unit/opened_page.h"

namespace flowstamp::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(CompareInBrowser, DrawsTheLadderWithoutAnError) {
    const ReportFolder folder("compare-browser");
    // A name that would run, were it taken for HTML.
    const std::string name = "<img src=x onerror=alert(1)>.pcap";
    write_forged_path(folder, name, "b.pcap");
    ASSERT_EQ(compare_into_page(folder, name, "b.pcap"), 0);
    open_in_browser(folder, "page.html");
    const std::string dom = folder.text("dom");
    EXPECT_THAT(dom, HasSubstr("<span class=\"badge\">proven forged reset</span>"));
    EXPECT_THAT(dom, HasSubstr("never sent [R] "));
    EXPECT_THAT(dom, HasSubstr("never received ["));
    EXPECT_THAT(dom, HasSubstr("class=\"cross\""));
    EXPECT_THAT(dom, HasSubstr("packets left out"));
    EXPECT_THAT(dom, Not(HasSubstr("<img")));
    EXPECT_THAT(folder.text("log"), Not(HasSubstr("CONSOLE")));
}

}  // namespace
}  // namespace flowstamp::testing
