// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// End to end: real packets through a router that drops them, and what `path` reports.
#include <gtest/gtest.h>

#include "tests/netns/live_path.h"
#include "user/lab/download.h"
#include "user/lab/server.h"

namespace flowstamp::lab {
namespace {

/// client -- router -- server; `path` runs on the router.
class PathCommand : public LivePathTest {
  protected:
    void SetUp() override {
        LivePathTest::SetUp();
        if (!IsSkipped()) {
            server_.emplace(require(lab::Server::start(lab().server(), {})));
        }
    }
    void rule(const std::vector<std::string>& command) {
        const Status done = router().require(command);
        ASSERT_TRUE(done) << done.error().message();
    }
    LivePath& follow(const std::string& filter) { return LivePathTest::follow(router(), filter); }
    lab::DownloadReport try_to_download() {
        lab::DownloadOptions options = to_server(10'000);
        options.timeout = 1500ms;
        return lab::download(lab().client(), options);
    }
    /// The rule that is named after some packets were lost.
    netfilter::DropAttribution expect_rule(const std::string& hook) {
        EXPECT_NE(try_to_download().outcome, lab::Outcome::Complete);
        const auto report = path_->wait_for(pathtrace::PacketPath::End::dropped);
        if (!report || !report->drop || !report->drop->attribution) {
            ADD_FAILURE() << "no rule was named";
            return {};
        }
        EXPECT_EQ(report->drop->at, hook);
        EXPECT_EQ(report->drop->reason, "NETFILTER_DROP");
        return *report->drop->attribution;
    }

  private:
    std::optional<lab::Server> server_;
};

TEST_F(PathCommand, FollowsPassingPackets) {
    LivePath& path = follow("tcp port 80");
    EXPECT_EQ(try_to_download().outcome, lab::Outcome::Complete);
    const auto report = path.wait_for(pathtrace::PacketPath::End::left);
    ASSERT_TRUE(report);
    ASSERT_GE(report->steps.size(), 3U);
    EXPECT_EQ(report->steps.front().at, router().toward(lab::Side::Client).name + " in");
    EXPECT_EQ(report->steps.back().at, router().toward(lab::Side::Server).name + " out");
    const pathtrace::PathStats& stats = path.stop();
    EXPECT_EQ(stats.dropped, 0U);
    EXPECT_EQ(stats.flows, 1U);
    EXPECT_EQ(stats.unknown, 0U);
}

TEST_F(PathCommand, RuleOfIptablesNftBehindNat) {
    rule({"iptables-nft", "-t", "nat", "-A", "PREROUTING", "-p", "tcp", "--dport", "80", "-j",
          "REDIRECT", "--to-ports", "8080"});
    rule({"iptables-nft", "-A", "INPUT", "-p", "tcp", "-m", "multiport", "!", "--dports", "1:300",
          "-j", "DROP"});
    follow("tcp port 80");
    const netfilter::DropAttribution attribution = expect_rule("input");
    EXPECT_EQ(attribution.table, "filter");
    EXPECT_EQ(attribution.chain, "INPUT");
    EXPECT_EQ(attribution.certainty, netfilter::Certainty::certain) << attribution.why;
    EXPECT_NE(attribution.text.find("! --dports 1:300"), std::string::npos) << attribution.text;
}

TEST_F(PathCommand, RuleOfIptablesLegacy) {
    rule({"iptables-legacy", "-t", "mangle", "-A", "FORWARD", "-p", "tcp", "--dport", "80", "-j",
          "DROP"});
    follow("tcp port 80");
    const netfilter::DropAttribution attribution = expect_rule("forward");
    EXPECT_EQ(attribution.tool, netfilter::RulesetTool::iptables_legacy);
    EXPECT_EQ(attribution.table, "mangle");
    EXPECT_EQ(attribution.certainty, netfilter::Certainty::certain) << attribution.why;
}

TEST_F(PathCommand, RuleOfNft) {
    rule({"nft",
          "add table inet site; add chain inet site pre { type filter hook prerouting "
          "priority raw; }; add rule inet site pre tcp dport 80 counter drop"});
    follow("tcp port 80");
    const netfilter::DropAttribution attribution = expect_rule("prerouting");
    EXPECT_EQ(attribution.tool, netfilter::RulesetTool::nft);
    EXPECT_EQ(attribution.chain, "pre");
    EXPECT_EQ(attribution.certainty, netfilter::Certainty::certain) << attribution.why;
}

TEST_F(PathCommand, RejectIsReportedAsSuch) {
    rule({"iptables-nft", "-A", "FORWARD", "-p", "tcp", "--dport", "80", "-j", "REJECT",
          "--reject-with", "tcp-reset"});
    follow("tcp port 80");
    const netfilter::DropAttribution attribution = expect_rule("forward");
    EXPECT_NE(attribution.text.find("REJECT"), std::string::npos) << attribution.text;
    EXPECT_EQ(attribution.certainty, netfilter::Certainty::certain) << attribution.why;
}

TEST_F(PathCommand, ReportsTheKernelsReasonWithoutARule) {
    rule({"ip", "route", "add", "unreachable", lab().server().address(lab::Family::V4).text()});
    LivePath& path = follow("tcp port 80");
    try_to_download();
    const auto report = path.wait_for(pathtrace::PacketPath::End::dropped);
    ASSERT_TRUE(report && report->drop);
    EXPECT_FALSE(report->drop->attribution);
    EXPECT_EQ(report->drop->at, "prerouting");
    EXPECT_NE(report->drop->words.words.find("rout"), std::string::npos)
        << report->drop->words.words;
}

TEST_F(PathCommand, OtherPacketsAreNotFollowed) {
    LivePath& path = follow("tcp port 10174");
    EXPECT_EQ(try_to_download().outcome, lab::Outcome::Complete);
    const pathtrace::PathStats& stats = path.stop();
    EXPECT_EQ(stats.packets, 0U);
}

}  // namespace
}  // namespace flowstamp::lab
