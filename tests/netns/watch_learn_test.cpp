// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// What is learned from one connection's forged reset is used for the next one's on arrival.
#include <algorithm>

#include "tests/netns/watch_fixture.h"
#include "user/kernel/maps/pinned_table.h"
#include "user/lab/forwarder.h"

namespace flowstamp::lab {
namespace {

/// A firewall that answers each SYN with its own reset, and forwards it.
lab::ForwarderOptions firewall() {
    return {.link = {.delay = 5ms},
            .injection = lab::Injection{
                .trigger = {.on = lab::Trigger::On::Syn},
                .forgery = {.ip_id = lab::IpId::constant(0x7a31), .seq = lab::Seq::absolute(0)}}};
}

class WatchLearn : public WatchTest {
  protected:
    void start(cmd::WatchOptions options) {
        box_.emplace(require(lab::Forwarder::start(lab(), 2, firewall())));
        server_.emplace(require(lab::Server::start(lab().server(), {})));
        watch(options);
    }
    /// A download, and the finding about it.
    lab::Outcome download_through_firewall(std::optional<lab::IpAddress> from = {}) {
        lab::DownloadOptions options = to_server(10'000);
        options.server.address = from.value_or(options.server.address);
        const lab::DownloadReport report = lab::download(lab().client(), options);
        reported_++;
        EXPECT_TRUE(watch_->wait_for(
            [&](const WatchLog& log) { return log.findings.size() >= reported_; }, 2s));
        return report.outcome;
    }
    /// A second address of the server, in another network.
    lab::IpAddress add_address_in_another_network() {
        const char* const address = "198.18.0.2";
        const lab::Interface& own = lab().server().toward(lab::Side::Client);
        require_done(lab().server(), {"ip", "addr", "add", address, "dev", own.name});
        require_done(lab().hosts()[lab().hosts().size() - 2],
                     {"ip", "route", "add", address, "via", own.ipv4.text()});
        return lab::IpAddress::of(address);
    }
    static void require_done(const lab::Namespace& host, const Argv& argv) {
        const Status done = host.require(argv);
        ASSERT_TRUE(done) << done.error().message();
    }
    /// The signatures that this process's watch has published.
    static std::vector<net::LearnedSignature> learned() {
        const auto running = require(kernel::find_running_watches());
        const auto own =
            std::ranges::find(running.watches, ::getpid(),
                              [](const kernel::RunningWatch& watch) { return watch.name.pid; });
        return own == running.watches.end() ? std::vector<net::LearnedSignature>{}
                                            : own->record.learned;
    }

  private:
    std::optional<lab::Forwarder> box_;
    std::optional<lab::Server> server_;
    std::size_t reported_ = 0;
};

TEST_F(WatchLearn, RecognizesTheThirdResetToASynOnArrival) {
    start(acting(FST_DROP_SUSPECTED));
    const lab::IpAddress elsewhere = add_address_in_another_network();
    EXPECT_EQ(download_through_firewall(), lab::Outcome::Refused);
    EXPECT_EQ(download_through_firewall(elsewhere), lab::Outcome::Refused);
    std::vector<net::LearnedSignature> found;
    const auto deadline = std::chrono::steady_clock::now() + 3s;
    while ((found = learned()).empty() && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(20ms);
    }
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].signature.ip_id, 0x7a31);
    EXPECT_EQ(found[0].signature.hops, 1);
    EXPECT_EQ(download_through_firewall(), lab::Outcome::Complete);
    const WatchLog log = watch_->stop();
    const analysis::Reset& third = log.server_resets().back().first;
    EXPECT_EQ(third.judgement.action, FST_ACTION_DROPPED) << log.text();
    EXPECT_TRUE(third.judgement.signals & FST_SIGNAL_BIT(FST_SIGNAL_LEARNED_SIGNATURE))
        << log.text();
    ASSERT_EQ(log.middleboxes.size(), 1U) << log.text();
    const analysis::Middlebox& box = log.middleboxes[0];
    EXPECT_EQ(box.flows, 3U);
    EXPECT_EQ(box.hops, 1);
    EXPECT_TRUE(box.is_learned);
    EXPECT_EQ(box.stages[0], 3U) << "all on the SYN";
    ASSERT_EQ(box.ports.size(), 1U);
    EXPECT_EQ(box.ports[0].seen, 3U);
    EXPECT_TRUE(learned().empty()) << "nothing is left behind";
}

/// Whoever is contacted can forge resets on its own connections.
TEST_F(WatchLearn, NothingIsLearnedFromOneHost) {
    start(acting(FST_DROP_SUSPECTED));
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(download_through_firewall(), lab::Outcome::Refused);
    }
    EXPECT_TRUE(learned().empty());
    const WatchLog log = watch_->stop();
    EXPECT_EQ(log.count(FST_COUNT_DROPPED), 0U) << log.text();
}

TEST_F(WatchLearn, NothingIsLearnedWhereThatIsRefused) {
    cmd::WatchOptions options = acting(FST_DROP_SUSPECTED);
    options.learn = false;
    start(options);
    const lab::IpAddress elsewhere = add_address_in_another_network();
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(download_through_firewall(i == 1 ? std::optional(elsewhere) : std::nullopt),
                  lab::Outcome::Refused);
    }
    EXPECT_TRUE(learned().empty());
    const WatchLog log = watch_->stop();
    EXPECT_EQ(log.count(FST_COUNT_DROPPED), 0U) << log.text();
    ASSERT_EQ(log.middleboxes.size(), 1U) << log.text();
    EXPECT_FALSE(log.middleboxes[0].is_learned);
}

}  // namespace
}  // namespace flowstamp::lab
