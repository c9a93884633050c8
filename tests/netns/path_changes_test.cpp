// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// `path` while the ruleset changes: chains that come and go, as those of Docker and fail2ban do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/netns/foreign_program.h"
#include "tests/netns/live_path.h"

namespace flowstamp::lab {
namespace {

using ::testing::HasSubstr;

/// client -- router -- server; the router's ruleset changes.
class PathChanges : public LivePathTest {
  protected:
    static constexpr char kChanged[] = "the ruleset has changed";
    static constexpr char kFilter[] = "udp portrange 10172-10177";

    LivePath& follow_all() { return follow(router(), kFilter); }
    /// The latest report of packets that this rule dropped.
    static testing::AssertionResult has_rule(LivePath& path, const std::string& words) {
        const auto report = path.wait_for([&](const pathtrace::PathReport& each) {
            return each.drop && each.drop->attribution &&
                   words_of(*each.drop->attribution).contains(words) &&
                   each.drop->attribution->certainty == netfilter::Certainty::certain;
        });
        return (report ? testing::AssertionSuccess() : testing::AssertionFailure())
               << words << ": " << testing::PrintToString(path.reports())
               << testing::PrintToString(path.notices());
    }
};

TEST_F(PathChanges, RuleOfANewChainIsCertain) {
    LivePath& path = follow_all();
    nft(router(),
        "table inet late { chain forward { type filter hook forward priority -150; "
        "udp dport 10172 counter drop; }; }");
    ASSERT_TRUE(path.wait_for_notice(kChanged)) << testing::PrintToString(path.notices());
    send(3, 10172);
    EXPECT_TRUE(has_rule(path, "table inet late, chain forward"));
    const pathtrace::PathStats& stats = path.stop();
    EXPECT_EQ(stats.dropped, 3U);
    EXPECT_EQ(stats.packets, 3U);
}

/// It shares its priority with a station, so the order would be undefined.
TEST_F(PathChanges, ChainAtAStationsOwnPriority) {
    nft(router(), "table inet first { chain forward { type filter hook forward priority 0; }; }");
    LivePath& path = follow_all();
    nft(router(),
        "table inet late { chain forward { type filter hook forward priority 1; "
        "udp dport 10172 counter drop; }; }");
    ASSERT_TRUE(path.wait_for_notice(kChanged)) << testing::PrintToString(path.notices());
    send(3, 10172);
    send(2, 10177);
    EXPECT_TRUE(has_rule(path, "table inet late, chain forward"));
    const auto passed = path.wait_for(pathtrace::PacketPath::End::left);
    ASSERT_TRUE(passed);
    const auto forward =
        std::ranges::find(passed->steps, std::string("forward"), &pathtrace::PathStep::at);
    ASSERT_NE(forward, passed->steps.end());
    EXPECT_THAT(forward->passed, testing::ElementsAre("filter", "filter + 1"));
    const pathtrace::PathStats& stats = path.stop();
    EXPECT_EQ(stats.packets, 5U);
    EXPECT_EQ(stats.unknown, 0U);
}

TEST_F(PathChanges, NewRuleOfAKnownChainIsCertain) {
    nft(router(), "table inet f { chain forward { type filter hook forward priority 0; }; }");
    LivePath& path = follow_all();
    nft(router(), "add rule inet f forward udp dport 10172 counter drop");
    ASSERT_TRUE(path.wait_for_notice(kChanged)) << testing::PrintToString(path.notices());
    EXPECT_THAT(path.notices(), testing::Contains(HasSubstr("stations: 0 new, 0 removed")));
    send(3, 10172);
    EXPECT_TRUE(has_rule(path, "table inet f, chain forward"));
}

/// The legacy tables announce nothing: the first losses lead to the reading that shows the change.
TEST_F(PathChanges, NewLegacyTableIsFoundWithTheFirstLosses) {
    LivePath& path = follow_all();
    run(router(), "iptables-legacy -t mangle -A FORWARD -p udp --dport 10172 -j DROP");
    send(3, 10172);
    ASSERT_TRUE(path.wait_for_notice(kChanged)) << testing::PrintToString(path.notices());
    send(3, 10172);
    EXPECT_TRUE(has_rule(path, "iptables-legacy, table mangle, chain FORWARD"));
    EXPECT_EQ(path.stop().dropped, 6U);
}

TEST_F(PathChanges, NewProgramIsFoundWithTheFirstLosses) {
    LivePath& path = follow_all();
    const ForeignProgram guard(router(), 2, 5, ForeignProgram::drops, "guard");
    send(3, 10173);
    ASSERT_TRUE(path.wait_for_notice(kChanged)) << testing::PrintToString(path.notices());
    send(3, 10173);
    EXPECT_TRUE(has_rule(path, "BPF program guard"));
}

/// Chains come and go while packets pass: each is one packet, before and after.
TEST_F(PathChanges, PacketsUnderWayStayWhole) {
    constexpr unsigned kRounds = 4, kEach = 40;
    LivePath& path = follow_all();
    for (unsigned round = 0; round < kRounds; round++) {
        for (unsigned i = 0; i < kEach; i++) {
            send(1, 10177);
            if (i == 10) {
                nft(router(),
                    round % 2 == 0
                        ? "table inet t { chain a { type filter hook forward priority 0; };"
                          " chain b { type filter hook prerouting priority 1; }; }"
                        : "delete table inet t");
            }
            std::this_thread::sleep_for(5ms);
        }
        ASSERT_TRUE(path.wait_for_notice(kChanged, round))
            << testing::PrintToString(path.notices());
    }
    std::this_thread::sleep_for(300ms);
    const pathtrace::PathStats& stats = path.stop();
    EXPECT_EQ(stats.packets, kRounds * kEach);
    EXPECT_EQ(stats.left(), kRounds * kEach);
    EXPECT_EQ(stats.unknown, 0U);
    EXPECT_EQ(stats.dropped, 0U);
}

}  // namespace
}  // namespace flowstamp::lab
