// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// `watch --path` on a router: its own drops are reported with the rule, and nothing else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <vector>

#include "tests/netns/watch_fixture.h"
#include "user/analysis/reset/evidence.h"
#include "user/lab/socket.h"
#include "user/net/endpoint.h"

#include "user/output/text/statement_text.h"

namespace flowstamp::lab {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// client -- router -- server; the router watches.
class WatchPath : public WatchTest {
  protected:
    void SetUp() override {
        WatchTest::SetUp();
        if (!IsSkipped()) {
            make({.routers = 1});
            server_.emplace(require(lab::Server::start(lab().server(), {})));
        }
    }
    const lab::Namespace& router() { return lab().router(1); }
    void rule(const Argv& words) {
        const Status done = router().require(words);
        ASSERT_TRUE(done) << done.error().message();
    }
    void watch_router(cmd::WatchOptions options = {}) {
        options.path = true;
        watch(router(),
              {router().toward(lab::Side::Client).name, router().toward(lab::Side::Server).name},
              std::move(options));
    }
    /// A connection attempt of the client, whatever its result.
    void try_connect(const lab::IpAddress& address, std::uint16_t port) {
        lab().client().run_in([&] {
            (void)lab::connect_tcp({address, port}, {.deadline = lab::SteadyClock::now() + 1500ms});
        });
    }
    static bool is_local_drop(const Updates<analysis::Finding>& updates) {
        return updates.last.kind == analysis::FindingKind::local_drop;
    }
    bool wait_for_drops(std::size_t count) {
        return watch_->wait_for(
            [&](const WatchLog& log) {
                return std::ranges::count_if(log.findings, is_local_drop) >=
                       static_cast<std::ptrdiff_t>(count);
            },
            5s);
    }
    static std::vector<std::string> drops(const WatchLog& log) {
        std::vector<std::string> found;
        for (const Updates<analysis::Finding>& updates : log.findings) {
            if (is_local_drop(updates)) {
                EXPECT_EQ(updates.last.verdict, FST_VERDICT_CONFIRMED)
                    << output::summary_text(updates.last);
                found.push_back(output::summary_text(updates.last));
            }
        }
        return found;
    }

  private:
    std::optional<lab::Server> server_;
};

TEST_F(WatchPath, PassingPacketsAreNoDrops) {
    watch_router();
    EXPECT_EQ(lab::download(lab().client(), to_server(300'000)).outcome, lab::Outcome::Complete);
    const WatchLog log = watch_->stop();
    EXPECT_TRUE(log.findings.empty()) << log.text();
}

TEST_F(WatchPath, NamesItsOwnRule) {
    rule({"iptables-nft", "-A", "FORWARD", "-p", "tcp", "--dport", "81", "-j", "DROP"});
    watch_router();
    EXPECT_EQ(lab::download(lab().client(), to_server(10'000)).outcome, lab::Outcome::Complete);
    try_connect(lab().server().address(lab::Family::V4), 81);
    EXPECT_TRUE(wait_for_drops(1));
    EXPECT_THAT(
        drops(watch_->stop()),
        testing::ElementsAre(
            AllOf(StartsWith("This host drops " + lab().client().address(lab::Family::V4).text()),
                  HasSubstr(":81 at forward: iptables-nft, table filter, chain FORWARD, rule 1"))));
}

/// All at once: each is told, with what it drops.
TEST_F(WatchPath, ThreeRulesAreThreeFindings) {
    for (const char* port : {"81", "82", "83"}) {
        rule({"iptables-nft", "-A", "FORWARD", "-p", "tcp", "--dport", port, "-j", "DROP"});
    }
    watch_router();
    std::vector<std::future<void>> attempts;
    for (const std::uint16_t port : {81, 82, 83}) {
        attempts.push_back(std::async(std::launch::async, [this, port] {
            try_connect(lab().server().address(lab::Family::V4), port);
        }));
    }
    EXPECT_TRUE(wait_for_drops(3));
    EXPECT_THAT(drops(watch_->stop()),
                testing::UnorderedElementsAre(
                    AllOf(HasSubstr(":81 at forward"), HasSubstr("FORWARD, rule 1:")),
                    AllOf(HasSubstr(":82 at forward"), HasSubstr("FORWARD, rule 2:")),
                    AllOf(HasSubstr(":83 at forward"), HasSubstr("FORWARD, rule 3:"))));
}

/// The filter matches the connection by its addresses on arrival.
TEST_F(WatchPath, BehindNat) {
    rule({"iptables-nft", "-t", "nat", "-A", "PREROUTING", "-p", "tcp", "--dport", "10174", "-j",
          "DNAT", "--to-destination", lab().server().address(lab::Family::V4).text() + ":22"});
    rule({"iptables-nft", "-t", "mangle", "-A", "FORWARD", "-p", "tcp", "-m", "multiport", "!",
          "--dports", "300:65535", "-j", "DROP"});
    cmd::WatchOptions options;
    options.filter = "tcp port 10174";
    watch_router(options);
    try_connect(router().address(lab::Family::V4), 10174);
    EXPECT_TRUE(wait_for_drops(1));
    EXPECT_THAT(
        drops(watch_->stop()),
        testing::ElementsAre(AllOf(HasSubstr(":10174 (on as "), HasSubstr(":22) at forward: "),
                                   HasSubstr("table mangle, chain FORWARD, rule 1"))));
}

TEST_F(WatchPath, DistinguishesOwnResetsFromReceivedOnes) {
    rule({"iptables-nft", "-A", "INPUT", "-p", "tcp", "--dport", "22", "-j", "REJECT",
          "--reject-with", "tcp-reset"});
    watch_router();
    const lab::IpAddress own = router().address(lab::Family::V4);
    try_connect(own, 22);
    try_connect(own, 23);
    try_connect(lab().server().address(lab::Family::V4), 24);  // the server's own
    EXPECT_TRUE(wait_for_drops(2));
    const auto found = drops(watch_->stop());
    EXPECT_THAT(found, testing::UnorderedElementsAre(
                           AllOf(StartsWith("This host itself refuses "),
                                 HasSubstr(":22 at input: "), HasSubstr("REJECT")),
                           AllOf(StartsWith("This host itself refuses "),
                                 HasSubstr(":23 at input: "), HasSubstr("no socket"))));
}

TEST_F(WatchPath, OwnResetDroppedByOutput) {
    rule({"iptables-nft", "-A", "OUTPUT", "-p", "tcp", "--tcp-flags", "RST", "RST", "-j", "DROP"});
    watch_router();
    try_connect(router().address(lab::Family::V4), 23);
    EXPECT_TRUE(wait_for_drops(2));
    EXPECT_THAT(drops(watch_->stop()),
                testing::UnorderedElementsAre(
                    StartsWith("This host itself refuses "),
                    AllOf(StartsWith("The reset that this host makes for "),
                          HasSubstr("never leaves it at output: iptables-nft, table filter, chain "
                                    "OUTPUT, rule 1"))));
}

TEST_F(WatchPath, FollowsNothingWithoutPath) {
    rule({"iptables-nft", "-A", "FORWARD", "-p", "tcp", "--dport", "81", "-j", "DROP"});
    watch(router(), {router().toward(lab::Side::Client).name});
    try_connect(lab().server().address(lab::Family::V4), 81);
    EXPECT_TRUE(drops(watch_->stop()).empty());
}

}  // namespace
}  // namespace flowstamp::lab
