// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Genuine resets, produced by real kernels and firewalls: what the application sees of each, and
// its fields on the wire: flags, ID, window, options.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/netns/lab_fixture.h"
#include "user/lab/capture.h"
#include "user/lab/exchange.h"
#include "user/lab/firewall.h"

namespace flowstamp::lab {
namespace {

bool is_reset_from_server(lab::Side from, const lab::Segment& segment) {
    return from == lab::Side::Server && segment.has(Rst);
}

class LabGenuine : public LabFamilyTest {
  protected:
    /// Downloads from such a server, sending a byte when it is silent; keeps the first RST.
    lab::DownloadReport download_from(lab::ServerOptions options) {
        options.family = GetParam();
        const lab::Capture capture = require(lab::Capture::start(lab().router(1)));
        const lab::Server server = require(lab::Server::start(lab().server(), options));
        lab::DownloadOptions wanted = to_server(1'000'000);
        wanted.nudge_after = 100ms;
        const lab::DownloadReport report = lab::download(lab().client(), wanted);
        remember_reset(capture);
        return report;
    }

    void remember_reset(const lab::Capture& capture) {
        const auto resets = capture.wait_for(is_reset_from_server, 1, 1s);
        ASSERT_FALSE(resets.empty());
        reset_ = lab::parse_segment(resets[0].frame).value();
    }

    lab::Segment reset_;
};

TEST_P(LabGenuine, CloseWithUnreadData) {
    const lab::DownloadReport report = download_from(
        {.stop_after = 50'000, .before_ending = 50ms, .ending = lab::Ending::CloseUnread});
    EXPECT_EQ(report.outcome, lab::Outcome::Reset);
    EXPECT_EQ(report.errno_value, ECONNRESET);
    EXPECT_EQ(report.bytes, 50'000u);
    EXPECT_EQ(reset_.flags, Rst | Ack);
    EXPECT_NE(reset_.window, 0);
    EXPECT_TRUE(reset_.timestamps);
}

TEST_P(LabGenuine, LingerZero) {
    const lab::DownloadReport report = download_from(
        {.stop_after = 50'000, .before_ending = 50ms, .ending = lab::Ending::LingerZero});
    EXPECT_EQ(report.outcome, lab::Outcome::Reset);
    EXPECT_EQ(report.errno_value, ECONNRESET);
    EXPECT_EQ(reset_.flags, Rst | Ack);
    EXPECT_TRUE(reset_.timestamps);
}

TEST_P(LabGenuine, DataToAVanishedSocket) {
    const lab::DownloadReport report =
        download_from({.stop_after = 50'000, .before_ending = 50ms, .ending = lab::Ending::Vanish});
    EXPECT_EQ(report.outcome, lab::Outcome::Reset);
    EXPECT_EQ(report.bytes, 50'000u);
    EXPECT_GE(report.elapsed, 100ms) << "only the nudge can have provoked it";
    EXPECT_EQ(reset_.flags, Rst);
    EXPECT_EQ(reset_.ip_id, 0);
    EXPECT_EQ(reset_.window, 0);
    EXPECT_FALSE(reset_.timestamps);
    EXPECT_EQ(reset_.ttl, 62);
}

TEST_P(LabGenuine, DataToAVanishedSocketOfAHostWithItsOwnTtl) {
    const lab::DownloadReport report = download_from(
        {.ttl = 200, .stop_after = 50'000, .before_ending = 50ms, .ending = lab::Ending::Vanish});
    EXPECT_EQ(report.outcome, lab::Outcome::Reset);
    EXPECT_EQ(reset_.ttl, 62) << "the stateless RST goes by the host's default, not the socket's";
}

TEST_P(LabGenuine, SilentReceiverDoesNotNoticeAVanishedPeer) {
    const lab::Server server =
        require(lab::Server::start(lab().server(), {.family = GetParam(),
                                                    .stop_after = 50'000,
                                                    .before_ending = 50ms,
                                                    .ending = lab::Ending::Vanish}));
    lab::DownloadOptions options = to_server(1'000'000);
    options.timeout = 400ms;
    EXPECT_EQ(lab::download(lab().client(), options).outcome, lab::Outcome::TimedOut);
}

TEST_P(LabGenuine, ClosedPort) {
    const lab::Capture capture = require(lab::Capture::start(lab().router(1)));
    const lab::DownloadReport report = lab::download(lab().client(), to_server(1000));
    EXPECT_EQ(report.outcome, lab::Outcome::Refused);
    EXPECT_EQ(report.errno_value, ECONNREFUSED);
    remember_reset(capture);
    EXPECT_EQ(reset_.flags, Rst | Ack);
    EXPECT_EQ(reset_.seq, 0u);
    EXPECT_EQ(reset_.window, 0);
}

TEST_P(LabGenuine, SocketKilledByTheAdministrator) {
    const lab::Capture capture = require(lab::Capture::start(lab().router(1)));
    const lab::Server server = require(lab::Server::start(
        lab().server(),
        {.family = GetParam(), .stop_after = 50'000, .ending = lab::Ending::Silence}));
    lab::Download running(lab().client(), to_server(1'000'000));
    while (!running.done() && running.bytes() < 50'000) {
        std::this_thread::sleep_for(5ms);
    }
    ASSERT_TRUE(lab().server().require({"ss", "-K", "state", "established", "sport", "=", ":80"}));
    const lab::DownloadReport report = running.wait();
    EXPECT_EQ(report.outcome, lab::Outcome::Reset);
    remember_reset(capture);
    EXPECT_EQ(reset_.flags, Rst | Ack);
}

TEST_P(LabGenuine, RejectOnThePeerItselfInTheMiddle) {
    const lab::Capture capture = require(lab::Capture::start(lab().router(1)));
    const lab::Server server = require(lab::Server::start(
        lab().server(), {.family = GetParam(), .pace = {.chunk_bytes = 1000, .pause = 5ms}}));
    lab::Download running(lab().client(), to_server(1'000'000));
    while (!running.done() && running.bytes() < 20'000) {
        std::this_thread::sleep_for(5ms);
    }
    const lab::Firewall reject = require(
        lab::Firewall::apply(lab().server(), {.chain = lab::FirewallRule::Chain::Input,
                                              .action = lab::FirewallRule::Action::RejectWithReset,
                                              .family = GetParam(),
                                              .to_port = 80}));
    EXPECT_EQ(running.wait().outcome, lab::Outcome::Reset);
    remember_reset(capture);
    EXPECT_EQ(reset_.flags, Rst);
    EXPECT_EQ(reset_.ttl, 62);
}

TEST_P(LabGenuine, RejectOnARouterIsNearer) {
    const lab::Capture capture = require(lab::Capture::start(lab().router(1)));
    const lab::Server server = require(lab::Server::start(lab().server(), {.family = GetParam()}));
    {
        const lab::Firewall reject = require(lab::Firewall::apply(
            lab().router(2), {.action = lab::FirewallRule::Action::RejectWithReset,
                              .family = GetParam(),
                              .to_port = 80,
                              .tcp_flags = "SYN SYN"}));
        EXPECT_EQ(lab::download(lab().client(), to_server(1000)).outcome, lab::Outcome::Refused);
    }
    remember_reset(capture);
    EXPECT_EQ(reset_.ttl, 64);
    EXPECT_EQ(lab::download(lab().client(), to_server(1000)).outcome, lab::Outcome::Complete)
        << "the rule is gone with its object";
}

TEST_P(LabGenuine, ExchangeCompletes) {
    const lab::Server server = require(
        lab::Server::start(lab().server(), {.family = GetParam(), .service = lab::Service::Echo}));
    const lab::DownloadReport report =
        lab::exchange(lab().client(), {.server = to_server(0).server, .rounds = 5, .pause = 20ms});
    EXPECT_EQ(report.outcome, lab::Outcome::Complete);
    EXPECT_EQ(report.bytes, 500u);
    EXPECT_GE(report.elapsed, 80ms);
    const auto reports = server.reports(1, 1s);
    ASSERT_EQ(reports.size(), 1u);
    EXPECT_EQ(reports[0].errno_value, 0);
}

TEST_P(LabGenuine, ExchangeAborted) {
    for (const lab::Ending ending : {lab::Ending::CloseUnread, lab::Ending::LingerZero}) {
        const lab::Server server =
            require(lab::Server::start(lab().server(), {.family = GetParam(),
                                                        .service = lab::Service::Echo,
                                                        .stop_after = 200,
                                                        .ending = ending}));
        const lab::DownloadReport report =
            lab::exchange(lab().client(), {.server = to_server(0).server, .pause = 50ms});
        EXPECT_EQ(report.outcome, lab::Outcome::Reset);
        EXPECT_EQ(report.bytes, 200u);
    }
}

INSTANTIATE_TEST_SUITE_P(Families, LabGenuine, both_families(), family_name);

}  // namespace
}  // namespace flowstamp::lab
