// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A watch on a masquerading router: each interface sees the flow with the addresses that are valid
// there.
#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/netns/watch_fixture.h"
#include "user/lab/injector.h"
#include "user/net/endpoint.h"

namespace flowstamp::lab {
namespace {

constexpr unsigned kRouter = 2;          ///< masquerades
constexpr unsigned kInjectorRouter = 3;  ///< right after it: three hops nearer than the server
constexpr std::uint64_t kWanted = 400'000;

struct View {
    const char* name;
    bool client_side, server_side;
};

void PrintTo(const View& view, std::ostream* out) {
    *out << view.name;
}

class WatchRouter : public WatchTest, public ::testing::WithParamInterface<View> {
  protected:
    void SetUp() override {
        WatchTest::SetUp();
        if (!IsSkipped()) {
            make({.routers = 5, .masquerade_at = kRouter});
        }
    }

    void watch_router(cmd::WatchOptions options = {}) {
        std::vector<std::string> interfaces;
        if (GetParam().client_side) {
            interfaces.push_back(lab().router(kRouter).toward(lab::Side::Client).name);
        }
        if (GetParam().server_side) {
            interfaces.push_back(lab().router(kRouter).toward(lab::Side::Server).name);
        }
        watch(lab().router(kRouter), interfaces, std::move(options));
    }

    lab::DownloadReport run(unsigned forgeries) {
        const lab::Server server = require(
            lab::Server::start(lab().server(), {.pace = {.chunk_bytes = 16'384, .pause = 20ms}}));
        std::optional<lab::Injector> injector;
        if (forgeries != 0) {
            injector.emplace(require(lab::Injector::start(
                lab().router(kInjectorRouter),
                {.trigger = {.after_server_bytes = 100'000, .times = forgeries},
                 .forgery = {.window = lab::Window::constant(1000)}})));
        }
        const lab::DownloadReport report = lab::download(lab().client(), to_server(kWanted));
        injected_ = forgeries != 0 ? injector->injected(forgeries, 1s).size() : 0;
        return report;
    }

    std::size_t views() const {
        return std::size_t{GetParam().client_side} + std::size_t{GetParam().server_side};
    }

    std::size_t injected_ = 0;
};

TEST_P(WatchRouter, FlowIsComplete) {
    watch_router();
    ASSERT_EQ(run(0).outcome, lab::Outcome::Complete);
    const WatchLog log = watch_->stop();
    ASSERT_EQ(log.flows.size(), views());
    for (const analysis::FlowRecord& flow : log.flows) {
        const unsigned server = net::end_of(flow.slot.key, 0).port == 80 ? 0 : 1;
        EXPECT_GT(flow.slot.direction[server].bytes, kWanted) << flow.interface;
        EXPECT_GT(flow.slot.direction[server ^ 1].packets, 10u) << flow.interface;
        EXPECT_TRUE(flow.slot.state & FST_FLOW_ESTABLISHED) << flow.interface;
        EXPECT_FALSE(flow.slot.state & FST_FLOW_MIDWAY) << flow.interface;
        EXPECT_TRUE(flow.slot.state & FST_OF(FST_FLOW_FIN, 0));
        EXPECT_TRUE(flow.slot.state & FST_OF(FST_FLOW_FIN, 1));
    }
    EXPECT_TRUE(log.findings.empty()) << log.text();
}

TEST_P(WatchRouter, ForgedResetIsReportedOnce) {
    watch_router();
    EXPECT_EQ(run(1).outcome, lab::Outcome::Reset);
    ASSERT_TRUE(wait_for_resets(1));
    const WatchLog log = watch_->stop();
    const auto resets = log.server_resets();
    ASSERT_EQ(resets.size(), 1u) << log.text();
    EXPECT_EQ(resets[0].first.judgement.verdict, FST_VERDICT_CONFIRMED) << log.text();
    ASSERT_EQ(log.findings.size(), 1u) << log.text();
    EXPECT_EQ(log.findings[0].last.verdict, FST_VERDICT_CONFIRMED);
    EXPECT_EQ(log.findings[0].last.resets, 1u);
    EXPECT_EQ(log.count(FST_COUNT_DROPPED) + log.count(FST_COUNT_CHALLENGED), 0u);
}

/// What comes in from the injector's side can be refused; what leaves this host is only reported.
TEST_P(WatchRouter, IsRefusedWhereItComesIn) {
    watch_router(acting(FST_DROP_CONFIRMED));
    const lab::DownloadReport report = run(1);
    const WatchLog log = watch_->stop();
    if (GetParam().server_side) {
        EXPECT_EQ(report.outcome, lab::Outcome::Complete) << log.text();
        EXPECT_EQ(log.count(FST_COUNT_DROPPED) + log.count(FST_COUNT_CHALLENGED), 1u) << log.text();
    } else {
        EXPECT_EQ(report.outcome, lab::Outcome::Reset) << log.text();
        EXPECT_EQ(log.count(FST_COUNT_DROPPED) + log.count(FST_COUNT_CHALLENGED), 0u) << log.text();
    }
    EXPECT_EQ(log.server_resets().size(), 1u) << log.text();
    EXPECT_EQ(log.findings.size(), 1u) << log.text();
}

/// Challenged as often as needed, a genuine reset reaches the client: no challenge may be such that
/// connection tracking, which translates it, treats it as invalid.
TEST_P(WatchRouter, GenuineResetReachesTheClientThroughNat) {
    constexpr std::uint64_t kServed = 50'000;
    watch_router(acting(FST_DROP_SUSPECTED, FST_CHALLENGE_ALL));
    for (const lab::Ending ending :
         {lab::Ending::CloseUnread, lab::Ending::LingerZero, lab::Ending::Vanish,
          lab::Ending::CloseUnread, lab::Ending::LingerZero}) {
        const lab::Server server = require(lab::Server::start(
            lab().server(), {.stop_after = kServed, .before_ending = 20ms, .ending = ending}));
        lab::DownloadOptions options = to_server(1'000'000);
        options.nudge_after = 50ms;
        const lab::DownloadReport report = lab::download(lab().client(), options);
        EXPECT_EQ(report.outcome, lab::Outcome::Reset);
        EXPECT_EQ(report.bytes, kServed);
    }
    const WatchLog log = watch_->stop();
    for (const auto& [first, last] : log.findings) {  // what the vanished socket leaves
        EXPECT_EQ(last.kind, analysis::FindingKind::half_open) << log.text();
    }
    EXPECT_EQ(log.count(FST_COUNT_DROPPED), 0u) << log.text();
    if (GetParam().server_side) {
        EXPECT_GE(log.summary.challenges.upheld, 5u) << log.text();
    }
}

INSTANTIATE_TEST_SUITE_P(Sides, WatchRouter,
                         ::testing::Values(View{"ClientSide", true, false},
                                           View{"ServerSide", false, true},
                                           View{"BothSides", true, true}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace flowstamp::lab
