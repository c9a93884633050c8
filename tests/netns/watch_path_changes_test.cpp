// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// `watch --path` on a router whose ruleset changes while its packets pass: no other place, and no other rule,
// is blamed for what a new rule drops.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "tests/netns/live_path.h"
#include "tests/netns/watch_fixture.h"
#include "user/output/text/statement_text.h"

namespace flowstamp::lab {
namespace {

using ::testing::HasSubstr;

struct NewRule {
    Argv command{};
    std::string rules{};  ///< the command's input
    std::string told{};   ///< what may be told for certain, and nothing else
};

void PrintTo(const NewRule& its, std::ostream* out) {
    *out << its.told;
}

/// client -- router -- server; the router watches, and the client tries to connect all the time.
class WatchPathTraffic : public WatchTest {
  protected:
    void SetUp() override {
        WatchTest::SetUp();
        if (!IsSkipped()) {
            make({.routers = 1});
        }
    }
    void TearDown() override {
        stopping_ = true;
        if (traffic_.valid()) {
            traffic_.get();
        }
        WatchTest::TearDown();
    }
    /// Few enough flows that each may have a rule of its own.
    void begin_traffic() {
        traffic_ = std::async(std::launch::async, [this] {
            for (unsigned i = 0; !stopping_; i++) {
                const auto port = static_cast<std::uint16_t>(40000 + i % 50);
                const std::vector<Fd> attempts =
                    start_connections(lab().client(), {lab().server().address(lab::Family::V4), 81},
                                      1, {lab().client().address(lab::Family::V4), port});
                std::this_thread::sleep_for(1ms);
            }
        });
    }
    void watch_router() {
        cmd::WatchOptions options;
        options.path = true;
        watch(router(),
              {router().toward(lab::Side::Client).name, router().toward(lab::Side::Server).name},
              options);
    }
    void add(const NewRule& rule) {
        const Status added = router().require(rule.command, rule.rules);
        ASSERT_TRUE(added) << added.error().message();
    }
    /// Of what is told for certain.
    static void expect_only(const std::string& told, const WatchLog& log) {
        std::string all;
        for (const Updates<analysis::Finding>& updates : log.findings) {
            all += output::summary_text(updates.last) + "\n";
        }
        for (const Updates<analysis::Finding>& updates : log.findings) {
            for (const analysis::Finding& its : {updates.first, updates.last}) {
                if (is_confirmed_drop(its)) {
                    EXPECT_THAT(output::summary_text(its), HasSubstr(told)) << all;
                }
            }
        }
    }
    static bool is_confirmed_drop(const analysis::Finding& its) {
        return its.kind == analysis::FindingKind::local_drop &&
               its.verdict == FST_VERDICT_CONFIRMED;
    }
    static bool has_confirmed(const WatchLog& log) {
        return std::ranges::any_of(log.findings,
                                   [](const auto& each) { return is_confirmed_drop(each.last); });
    }

  private:
    const lab::Namespace& router() { return lab().router(1); }

    std::atomic<bool> stopping_ = false;
    std::future<void> traffic_;
};

class WatchPathChanges : public WatchPathTraffic, public ::testing::WithParamInterface<NewRule> {};

/// Stations are detached one after another, while packets pass.
TEST_F(WatchPathTraffic, TheEndOfTheRunBlamesNoOtherPlace) {
    add({.command = {"iptables-nft", "-A", "FORWARD", "-p", "tcp", "--dport", "81", "-j", "DROP"}});
    watch_router();
    begin_traffic();
    EXPECT_TRUE(watch_->wait_for(has_confirmed, 10s));
    expect_only(" at forward: iptables-nft, table filter, chain FORWARD, rule 1", watch_->stop());
}

TEST_P(WatchPathChanges, NothingElseIsBlamedForANewRule) {
    watch_router();
    begin_traffic();
    std::this_thread::sleep_for(50ms);
    add(GetParam());
    EXPECT_TRUE(watch_->wait_for(has_confirmed, 10s));
    expect_only(GetParam().told, watch_->stop());
}

INSTANTIATE_TEST_SUITE_P(
    Rules, WatchPathChanges,
    ::testing::Values(
        NewRule{{"nft", "-f", "-"},
                "table inet late { chain c { type filter hook forward priority -150; "
                "tcp dport 81 counter drop; }; }",
                " at forward: table inet late, chain c, handle 2: tcp dport 81"},
        NewRule{{"nft", "-f", "-"},
                "table inet late { chain c { type filter hook forward priority -20; "
                "tcp dport 81 drop; }; }",
                " at forward: table inet late, chain c, handle 2: tcp dport 81"},
        NewRule{{"nft", "-f", "-"},
                "table inet late { chain c { type filter hook prerouting priority -350; "
                "tcp dport 81 counter drop; }; }",
                " at prerouting: table inet late, chain c, handle 2: tcp dport 81"},
        NewRule{{"iptables-nft", "-I", "FORWARD", "-p", "tcp", "--dport", "81", "-j", "DROP"},
                "",
                " at forward: iptables-nft, table filter, chain FORWARD, rule 1"},
        NewRule{{"iptables-legacy", "-I", "FORWARD", "-p", "tcp", "--dport", "81", "-j", "DROP"},
                "",
                " at forward: iptables-legacy, table filter, chain FORWARD, rule 1"}));

}  // namespace
}  // namespace flowstamp::lab
