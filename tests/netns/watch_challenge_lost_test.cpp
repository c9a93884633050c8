// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A genuine reset whose challenge nobody has answered is asked for again: a client that only reads hears of it.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <string>
#include <tuple>
#include <vector>

#include "tests/netns/watch_fixture.h"
#include "user/lab/forwarder.h"
#include "user/lab/injector.h"
#include "user/lab/segment.h"
#include "user/net/endpoint.h"

namespace flowstamp::lab {
namespace {

/// What one round trip brings.
constexpr std::uint64_t kServed = 5'000;
/// Where the client's path can lose a packet: away from the watch, so that what comes and goes there is on the wire.
constexpr unsigned kLossy = 2;

using Drops = std::function<bool(Side from, const Segment& segment)>;
using Case = std::tuple<kernel::IngressChoice, Family>;

/// Each way.
constexpr std::chrono::milliseconds kDelay{20};

/// Loses what `drops` says.
ForwarderOptions lossy(Drops drops) {
    ForwarderOptions options;
    options.plan = [drops = std::move(drops)](Side from, FrameView frame) -> std::vector<Delivery> {
        const auto segment = parse_segment(frame);
        if (segment && drops(from, *segment)) {
            return {};
        }
        return {Delivery{.after = kDelay}};
    };
    return options;
}

class WatchChallengeLost : public WatchTest, public ::testing::WithParamInterface<Case> {
  protected:
    static Family family() { return std::get<Family>(GetParam()); }

    void watch_strictly() {
        cmd::WatchOptions options = acting(FST_DROP_SUSPECTED, FST_CHALLENGE_ALL);
        options.hook = std::get<kernel::IngressChoice>(GetParam());
        watch(options);
    }

    /// The server aborts while the client only reads.
    void expect_heard(Drops drops) {
        const Forwarder path = require(Forwarder::start(lab(), kLossy, lossy(std::move(drops))));
        watch_strictly();
        const Server server =
            require(Server::start(lab().server(), {.family = family(),
                                                   .stop_after = kServed,
                                                   .before_ending = 800ms,
                                                   .ending = Ending::LingerZero}));
        const DownloadReport report =
            download(lab().client(), LabTest::to_server(1'000'000, family()));
        const WatchLog log = watch_->stop();
        EXPECT_EQ(report.outcome, Outcome::Reset) << log.text();
        EXPECT_EQ(report.bytes, kServed);
        EXPECT_GT(log.count(FST_COUNT_UPHELD), 0u) << log.text();
        EXPECT_TRUE(log.notices.empty()) << log.notices.front();
        EXPECT_TRUE(log.findings.empty()) << log.text();
    }
};

/// The first answer of the client's stack to the reset made into a challenge.
TEST_P(WatchChallengeLost, TheStacksAckIsLost) {
    bool is_reset = false, is_lost = false;
    expect_heard([&](Side from, const Segment& segment) {
        is_reset |= from == Side::Server && segment.has(Rst);
        return from == Side::Client && is_reset && !std::exchange(is_lost, true);
    });
    EXPECT_TRUE(is_lost);
}

TEST_P(WatchChallengeLost, TheAnswerIsLost) {
    unsigned resets = 0;
    expect_heard([&](Side from, const Segment& segment) {
        return from == Side::Server && segment.has(Rst) && ++resets == 2;
    });
    EXPECT_GT(resets, 2u);
}

/// A forged reset, and a peer that rests: it is asked each time, and its stream goes on. Nothing is learned of what asks.
TEST_P(WatchChallengeLost, APeerThatLivesGoesOn) {
    std::atomic<std::uint64_t> sent = 0, asked = 0;
    Segment latest;  // of the client
    const auto counts = [&](Side from, const Segment& segment) {
        sent += from == Side::Server;
        if (from == Side::Client) {
            asked += segment.ack == latest.ack && segment.seq == latest.end() &&
                     segment.window == latest.window && segment.payload_bytes == 0;
            latest = segment;
        }
        return false;
    };
    const Forwarder path = require(Forwarder::start(lab(), kLossy, lossy(counts)));
    watch_strictly();
    const Server server = require(Server::start(
        lab().server(), {.family = family(), .pace = {.chunk_bytes = 10'000, .pause = 1500ms}}));
    const Injector injector =
        require(Injector::start(lab().router(1), {.trigger = {.after_server_bytes = 10'000},
                                                  .forgery = as_stateless_reset()}));
    const DownloadReport report = download(lab().client(), LabTest::to_server(30'000, family()));
    const WatchLog log = watch_->stop();
    EXPECT_EQ(report.outcome, Outcome::Complete) << log.text();
    EXPECT_EQ(injector.injected(1, 1s).size(), 1u);
    EXPECT_GE(asked, 3u) << "the challenge, and at least twice more";
    EXPECT_EQ(log.count(FST_COUNT_CHALLENGED), 1u) << log.text();
    EXPECT_EQ(log.summary.challenges.refuted, 1u) << log.text();
    ASSERT_EQ(log.flows.size(), 1u);
    const unsigned server_end = net::end_of(log.flows[0].slot.key, 0).port == 80 ? 0 : 1;
    // And the reset; the last ACK may be on its way.
    EXPECT_LE(log.flows[0].slot.direction[server_end].packets, sent + 1);
}

INSTANTIATE_TEST_SUITE_P(Hooks, WatchChallengeLost,
                         ::testing::Combine(::testing::Values(kernel::IngressChoice::xdp,
                                                              kernel::IngressChoice::xdp_generic,
                                                              kernel::IngressChoice::tc),
                                            both_families()),
                         [](const auto& info) {
                             const kernel::IngressChoice hook = std::get<0>(info.param);
                             return std::string(hook == kernel::IngressChoice::xdp ? "Xdp"
                                                : hook == kernel::IngressChoice::tc
                                                    ? "Tc"
                                                    : "XdpGeneric") +
                                    (std::get<1>(info.param) == Family::V4 ? "V4" : "V6");
                         });

}  // namespace
}  // namespace flowstamp::lab
