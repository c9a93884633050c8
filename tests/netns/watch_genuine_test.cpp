// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Genuine resets, produced by real kernels and firewalls, under the strictest policy: each reaches
// its application, and none is reported as forged.
#include <gtest/gtest.h>

#include "tests/netns/watch_fixture.h"
#include "user/lab/firewall.h"
#include "user/lab/forwarder.h"

namespace flowstamp::lab {
namespace {

/// Limit on the cost of a challenge, with room for a busy machine.
constexpr auto kSoon = 2s;
/// On a path with losses: a lost reset, challenge or answer costs another packet or two of the
/// client.
constexpr auto kSoonOnABadPath = 5s;

constexpr std::uint64_t kServed = 50'000;

class WatchGenuine : public WatchTest, public ::testing::WithParamInterface<lab::Family> {
  protected:
    void watch_strictly() { watch(acting(FST_DROP_SUSPECTED, FST_CHALLENGE_ALL)); }

    lab::Server serve(lab::ServerOptions options) {
        options.family = GetParam();
        return require(lab::Server::start(lab().server(), options));
    }

    /// A client that requests more than the server sends, and sends a byte when it receives
    /// nothing.
    lab::DownloadOptions nudging_client() {
        lab::DownloadOptions options = to_server(1'000'000, GetParam());
        options.nudge_after = 100ms;
        return options;
    }

    void expect_reset(const lab::DownloadReport& report, std::chrono::microseconds within = kSoon) {
        EXPECT_EQ(report.outcome, lab::Outcome::Reset);
        EXPECT_LT(report.elapsed, within);
    }

    /// Reported as genuine, from the first to the last; no finding but of what it is: a refused
    /// SYN, or a connection that its server has lost. Each was challenged if the stack can do that.
    void expect_no_suspects(std::size_t resets_at_least = 1, bool is_challenged = true) {
        const WatchLog log = stop_and_expect_genuine(resets_at_least);
        for (const auto& [first, last] : log.findings) {
            EXPECT_TRUE(last.kind == analysis::FindingKind::syn_refused ||
                        last.kind == analysis::FindingKind::half_open)
                << log.text();
        }
        EXPECT_EQ(log.count(FST_COUNT_CHALLENGED) > 0, is_challenged) << log.text();
        EXPECT_EQ(log.summary.challenges.upheld > 0, is_challenged) << log.text();
        EXPECT_EQ(log.summary.challenges.refuted, 0u) << log.text();
        EXPECT_EQ(log.count(FST_COUNT_PASS_SUSPECT) > 0, !is_challenged) << log.text();
    }

    WatchLog stop_and_expect_genuine(std::size_t resets_at_least) {
        wait_for_resets(resets_at_least);
        WatchLog log = watch_->stop();
        const auto resets = log.server_resets();
        EXPECT_GE(resets.size(), resets_at_least) << log.text();
        for (const auto& [first, last] : resets) {
            EXPECT_EQ(first.judgement.verdict, FST_VERDICT_GENUINE) << log.text();
            EXPECT_EQ(last.judgement.verdict, FST_VERDICT_GENUINE) << log.text();
        }
        EXPECT_EQ(log.count(FST_COUNT_DROPPED), 0u) << log.text();
        return log;
    }

    void expect_accepted(const lab::ServerOptions& options, unsigned times = 1) {
        watch_strictly();
        const lab::Server server = serve(options);
        for (unsigned i = 0; i < times; ++i) {
            const lab::DownloadReport report = lab::download(lab().client(), nudging_client());
            expect_reset(report);
            EXPECT_EQ(report.bytes, kServed);
        }
        expect_no_suspects(times);
    }

    /// The server's firewall begins to reject the running download.
    lab::DownloadReport rejected_midway() {
        lab::Download running(lab().client(), to_server(1'000'000, GetParam()));
        while (!running.done() && running.bytes() < 20'000) {
            std::this_thread::sleep_for(5ms);
        }
        const lab::Firewall reject = require(lab::Firewall::apply(
            lab().server(), {.chain = lab::FirewallRule::Chain::Input,
                             .action = lab::FirewallRule::Action::RejectWithReset,
                             .family = GetParam(),
                             .to_port = 80}));
        return running.wait();
    }
};

TEST_P(WatchGenuine, CloseWithUnreadDataTwice) {
    expect_accepted(
        {.stop_after = kServed, .before_ending = 50ms, .ending = lab::Ending::CloseUnread}, 2);
}

TEST_P(WatchGenuine, LingerZero) {
    expect_accepted(
        {.stop_after = kServed, .before_ending = 50ms, .ending = lab::Ending::LingerZero});
}

TEST_P(WatchGenuine, DataToAVanishedSocketTwice) {
    expect_accepted({.stop_after = kServed, .before_ending = 50ms, .ending = lab::Ending::Vanish},
                    2);
}

/// Its data has another initial TTL than its stateless reset.
TEST_P(WatchGenuine, DataToAVanishedSocketOfAServerWithItsOwnTtl) {
    expect_accepted(
        {.ttl = 200, .stop_after = kServed, .before_ending = 50ms, .ending = lab::Ending::Vanish});
}

TEST_P(WatchGenuine, LingerZeroOfAServerWithItsOwnTtl) {
    expect_accepted({.ttl = 200,
                     .stop_after = kServed,
                     .before_ending = 50ms,
                     .ending = lab::Ending::LingerZero});
}

TEST_P(WatchGenuine, ClosedPort) {
    watch_strictly();
    const lab::DownloadReport report = lab::download(lab().client(), nudging_client());
    EXPECT_EQ(report.outcome, lab::Outcome::Refused);
    EXPECT_LT(report.elapsed, kSoon);
    expect_no_suspects(1, false);
}

TEST_P(WatchGenuine, RejectOnThePeerItselfTwice) {
    watch_strictly();
    const lab::Server server = serve({.pace = {.chunk_bytes = 1000, .pause = 5ms}});
    for (unsigned i = 0; i < 2; ++i) {
        expect_reset(rejected_midway());
    }
    expect_no_suspects(2);
}

INSTANTIATE_TEST_SUITE_P(Families, WatchGenuine, both_families(), family_name);

/// The same across 10 ms of jitter and 2% of loss.
class WatchGenuineBadPath : public WatchGenuine {
  protected:
    lab::Forwarder bad_path() {
        return require(lab::Forwarder::start(
            lab(), 2, {.link = {.delay = 20ms, .jitter = 10ms, .loss = 0.02, .seed = 6}}));
    }
    void expect_accepted_across_bad_path(lab::Ending ending) {
        const lab::Forwarder path = bad_path();
        watch_strictly();
        const lab::Server server =
            serve({.stop_after = kServed, .before_ending = 200ms, .ending = ending});
        expect_reset(lab::download(lab().client(), nudging_client()), kSoonOnABadPath);
        expect_no_suspects();
    }
};

TEST_P(WatchGenuineBadPath, CloseWithUnreadData) {
    expect_accepted_across_bad_path(lab::Ending::CloseUnread);
}

TEST_P(WatchGenuineBadPath, LingerZero) {
    expect_accepted_across_bad_path(lab::Ending::LingerZero);
}

TEST_P(WatchGenuineBadPath, DataToAVanishedSocket) {
    expect_accepted_across_bad_path(lab::Ending::Vanish);
}

TEST_P(WatchGenuineBadPath, RejectOnThePeerItself) {
    const lab::Forwarder path = bad_path();
    watch_strictly();
    const lab::Server server = serve({.pace = {.chunk_bytes = 1000, .pause = 5ms}});
    expect_reset(rejected_midway(), kSoonOnABadPath);
    // Reordering shows a server that goes on after a reset of its own host's firewall: suspicious,
    // until the next reset answers the challenge.
    const WatchLog log = stop_and_expect_genuine(1);
    EXPECT_GT(log.summary.challenges.upheld, 0u) << log.text();
    for (const auto& [first, last] : log.findings) {
        EXPECT_EQ(last.verdict, FST_VERDICT_SUSPECTED) << log.text();
        EXPECT_EQ(last.resolution, analysis::Resolution::withdrawn) << log.text();
    }
}

INSTANTIATE_TEST_SUITE_P(Families, WatchGenuineBadPath, both_families(), family_name);

}  // namespace
}  // namespace flowstamp::lab
