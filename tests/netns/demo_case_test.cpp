// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// The scenarios of connections that fail: each ends as expected, with the findings that it names
// and no others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "tests/netns/demo_fixture.h"

namespace flowstamp {
namespace {

using namespace std::chrono_literals;
using ::testing::ContainsRegex;

struct CaseRow {
    const char* scenario;
    std::vector<const char*> kinds;  ///< of the expected findings
};

void PrintTo(const CaseRow& row, std::ostream* out) {
    *out << row.scenario;
}

class DemoCase : public DemoTest, public ::testing::WithParamInterface<CaseRow> {};

const CaseRow kRows[] = {
    {"ban-drop", {"syn-unanswered", "syn-unanswered, answered"}},
    {"ban-reject", {"icmp-rejected"}},
    {"syn-reset", {"syn-refused"}},
    {"ban-established", {"stalled, recovered"}},
    {"ban-reset", {"forged-rst"}},
    {"rst-rejected", {"rst-rejected"}},
    {"half-open", {"half-open", "forged-rst, went-on"}},
    {"zero-window", {"zero-window, recovered"}},
    {"accept-queue", {"accept-queue, recovered"}},
    {"stale-connection", {"stale-connection"}},
    {"idle-timeout", {"idle-timeout"}},
    {"idle-reset", {"idle-timeout"}},
    {"hairpin", {"return-path-mismatch"}},
    {"nat-escape", {"nat-escape"}},
    {"reset-swallowed", {"syn-unanswered", "syn-refused"}},
    {"split-handshake", {"ttl-shift"}},
    {"one-way", {"one-way"}},
    {"syn-reset-once", {"forged-rst"}},
    {"mtu-black-hole", {"mtu-black-hole, recovered", "mtu-black-hole"}},
    {"routing-loop", {"routing-loop"}},
    {"tunnels", {"forged-rst", "forged-rst, went-on"}},
};

/// The deviations in the summary.
std::vector<std::string> differences(const std::string& output) {
    std::vector<std::string> found;
    std::istringstream lines(output);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("Not as expected: ")) {
            found.push_back(line);
        }
    }
    return found;
}

TEST_P(DemoCase, EndsAsExpected) {
    const CaseRow& row = GetParam();
    const CommandOutput output = run({row.scenario});
    EXPECT_EQ(output.err, "");
    expect_plain(output.out);
    const auto differing = differences(output.out);
    EXPECT_EQ(output.status, 0) << output.out;
    EXPECT_TRUE(differing.empty()) << output.out;
    for (const char* kind : row.kinds) {
        EXPECT_THAT(output.out, ContainsRegex(std::string("  ") + kind + "[^\n]*\n"))
            << "the table";
    }
}

using DemoCaseEnd = DemoTest;

TEST_F(DemoCaseEnd, CtrlCWhileAConnectionWaits) {
    for (const auto& [scenario, sign] : {std::pair{"ban-drop", "router2 # iptables -I"},
                                         std::pair{"hairpin", "router # iptables -t nat"}}) {
        Child child = start({scenario});
        const pid_t pid = child.pid();
        ASSERT_TRUE(child.wait_for_output(sign, 60s)) << child.out() << child.err();
        EXPECT_FALSE(stale_state_of(pid).empty()) << "there is something to clean up";
        child.signal(SIGINT);
        const auto output = child.wait(15s);
        ASSERT_TRUE(output) << "still running";
        EXPECT_EQ(output->status, 1);
        EXPECT_EQ(output->err, "flowstamp: demo: interrupted; the lab has been removed\n");
        expect_nothing_left(pid);
    }
}

INSTANTIATE_TEST_SUITE_P(Scenarios, DemoCase, ::testing::ValuesIn(kRows), [](const auto& row) {
    std::string name = row.param.scenario;
    std::erase(name, '-');
    return name;
});

}  // namespace
}  // namespace flowstamp
