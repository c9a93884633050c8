// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// What left and never came in: a reset that the router makes is told apart from the packets of the
// host in whose name it is, which leave by the same interface.
#include <gtest/gtest.h>

#include "tests/netns/live_path.h"
#include "user/lab/firewall.h"

namespace flowstamp::lab {
namespace {

using pathtrace::PacketPath;
using pathtrace::PathReport;

class PathMadeHere : public LivePathTest, public testing::WithParamInterface<Family> {
  protected:
    /// A client's connection attempts at that port.
    void attempt(std::uint16_t port) {
        sockets_ = start_connections(lab().client(), {lab().server().address(GetParam()), port}, 1);
    }
    static bool is_reset(const PathReport& report) { return report.latest.tcp_flags & FST_TCP_RST; }
    static bool has_left(const PathReport& report) {
        return report.end == PacketPath::End::left && report.is_reply;
    }
    std::vector<Fd> sockets_;
};

TEST_P(PathMadeHere, ARejectRulesReset) {
    const Firewall rule = require(Firewall::apply(
        router(),
        {.action = FirewallRule::Action::RejectWithReset, .family = GetParam(), .to_port = 81}));
    follow(router(), "tcp port 81");
    attempt(81);
    const auto report = path_->wait_for([](const PathReport& each) { return has_left(each); });
    ASSERT_TRUE(report) << testing::PrintToString(path_->reports());
    EXPECT_TRUE(is_reset(*report));
    EXPECT_TRUE(report->is_made_here) << testing::PrintToString(*report);
    const pathtrace::PathStats& stats = path_->stop();
    EXPECT_EQ(stats.sent, 1U);
    EXPECT_EQ(stats.forwarded, 0U);
}

/// Its own closed port.
TEST_P(PathMadeHere, ThisHostsOwnReset) {
    follow(router(), "tcp port 81");
    sockets_ = start_connections(lab().client(),
                                 {router().toward(Side::Server).address(GetParam()), 81}, 1);
    const auto report = path_->wait_for([](const PathReport& each) { return has_left(each); });
    ASSERT_TRUE(report) << testing::PrintToString(path_->reports());
    EXPECT_TRUE(is_reset(*report));
    EXPECT_TRUE(report->is_made_here) << testing::PrintToString(*report);
}

TEST_P(PathMadeHere, TheServersResetIsForwarded) {
    follow(router(), "tcp port 81");
    attempt(81);
    const auto report = path_->wait_for([](const PathReport& each) { return has_left(each); });
    ASSERT_TRUE(report) << testing::PrintToString(path_->reports());
    EXPECT_TRUE(is_reset(*report));
    EXPECT_FALSE(report->is_made_here) << testing::PrintToString(*report);
    const pathtrace::PathStats& stats = path_->stop();
    EXPECT_EQ(stats.sent, 0U);
    EXPECT_EQ(stats.forwarded, 2U);
}

TEST_P(PathMadeHere, TheWayOutThatIsNotWatchedIsNamed) {
    path_.emplace(router(), std::vector{router().toward(Side::Client).name}, "tcp port 81");
    attempt(81);
    const auto report = path_->wait_for(PacketPath::End::unknown);
    ASSERT_TRUE(report) << testing::PrintToString(path_->reports());
    EXPECT_EQ(report->toward, router().toward(Side::Server).name);
}

INSTANTIATE_TEST_SUITE_P(Families, PathMadeHere, both_families(), family_name);

}  // namespace
}  // namespace flowstamp::lab
