// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Compares captures of everyday cases, healthy and broken, with what this program says of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <set>
#include <sstream>

#include "flowstamp/config.h"
#include "flowstamp/counter.h"
#include "tests/captures/cases.h"
#include "tests/captures/labels.h"
#include "tests/captures/replay_file.h"

namespace flowstamp::testing {
namespace {

constexpr const char* kAbsent = "no cases: set FLOWSTAMP_CAPTURES to the folder of captures";

std::vector<Case> all_cases() {
    const auto folder = cases_folder();
    if (!folder) {
        return {Case{.name = "absent"}};  // one test, which is skipped
    }
    std::ifstream table(*folder + "CASES.tsv");
    return read_cases(table);
}

std::string test_name(const ::testing::TestParamInfo<Case>& info) {
    std::string name = info.param.name;
    std::ranges::replace_if(name, [](unsigned char one) { return !std::isalnum(one); }, '_');
    return name;
}

class CapturedCases : public ::testing::TestWithParam<Case> {};

TEST_P(CapturedCases, AreExplained) {
    const auto folder = cases_folder();
    if (!folder) {
        GTEST_SKIP() << kAbsent;
    }
    const Replayed replayed =
        replay_file(*folder + GetParam().name + ".pcap", cmd::make_host_path(FST_FLOWS_DEFAULT));
    std::vector<Said> said;
    for (const output::Json& event : replayed.of("finding")) {
        const output::Json& finding = event["finding"];
        said.push_back({finding["kind"], finding["verdict"], finding["summary"]});
    }
    EXPECT_EQ(error_line(GetParam(), said, replayed.stats.counters[FST_COUNT_TCP]), "");
}

INSTANTIATE_TEST_SUITE_P(Captures, CapturedCases, ::testing::ValuesIn(all_cases()), test_name);

TEST(CaseFiles, HaveALineEach) {
    const auto folder = cases_folder();
    if (!folder) {
        GTEST_SKIP() << kAbsent;
    }
    std::set<std::string> files;
    for (const Case& line : all_cases()) {
        EXPECT_TRUE(files.insert(line.name + ".pcap").second) << line.name << ": two lines";
    }
    for (const std::string& file : list_captures(*folder)) {
        EXPECT_TRUE(files.contains(file)) << file << ": no line in CASES.tsv";
    }
}

/// What a line with these two lists says of these findings, without the findings themselves.
std::string errors_of(const std::string& must, const std::string& must_not,
                      const std::vector<Said>& said, std::uint64_t packets = 1) {
    std::istringstream table("file\tmust\tmust_not\twhat happened\nx\t" + must + "\t" + must_not +
                             "\tit rained\n");
    const std::vector<Case> cases = read_cases(table);
    const std::string errors = cases.size() == 1 ? error_line(cases[0], said, packets) : "no line";
    return errors.substr(0, errors.find(" of: "));
}

const std::vector<Said> kStall = {{"stalled", "suspected", "What A sends is lost"}};

TEST(CaseClaims, WhatMustBeSaid) {
    EXPECT_EQ(errors_of("stalled", "-", kStall), "");
    EXPECT_EQ(errors_of("stalled", "-", {}), "x: not said: stalled;");
    EXPECT_EQ(errors_of("zero-window,stalled", "-", kStall), "x: not said: zero-window;");
    EXPECT_EQ(errors_of("stalled~is lost", "-", kStall), "");
    EXPECT_EQ(errors_of("stalled~is found", "-", kStall), "x: not said: stalled~is found;");
}

TEST(CaseClaims, WhatMustNotBeSaid) {
    EXPECT_EQ(errors_of("-", "*", {}), "");
    EXPECT_EQ(errors_of("-", "*", kStall), "x: said: *;");
    EXPECT_EQ(errors_of("-", "zero-window,stalled", kStall), "x: said: stalled;");
    EXPECT_EQ(errors_of("-", "*stalled", kStall), "x: said: *stalled;");
    EXPECT_EQ(errors_of("-", "*zero-window", kStall), "");
    EXPECT_EQ(errors_of("-", "stalled~is lost", kStall), "x: said: stalled~is lost;");
    EXPECT_EQ(errors_of("-", "stalled~is found", kStall), "");
}

TEST(CaseClaims, NotAsConfirmed) {
    EXPECT_EQ(errors_of("-", "stalled!", kStall), "");
    EXPECT_EQ(errors_of("-", "stalled!", {{"stalled", "confirmed", ""}}), "x: said: stalled!;");
}

TEST(CaseClaims, ThatTheInnerFlowIsSeen) {
    EXPECT_EQ(errors_of("#", "-", {}), "");
    EXPECT_EQ(errors_of("#", "-", {}, 0), "x: not said: #;");
}

/// A misspelt kind in the list of what must not be said would never be found.
TEST(CaseClaims, AreRefusedWhereTheyMakeNoSense) {
    EXPECT_EQ(errors_of("-", "stallled", {}), "x: no kind of finding: 'stallled';");
    EXPECT_EQ(errors_of("-", "#", {}), "x: no kind of finding: '#';");
    EXPECT_EQ(errors_of("*", "-", kStall), "x: no kind of finding: '*';");
    EXPECT_EQ(errors_of("-", "-", {}), "x: claims nothing;");
    std::istringstream table("file\tmust\tmust_not\twhat happened\nx\tstalled\n");
    EXPECT_EQ(read_cases(table).at(0).error, "not four columns; ");
}

}  // namespace
}  // namespace flowstamp::testing
