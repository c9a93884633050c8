// SPDX-License-Identifier: Apache-2.0
#include "user/lab/injector.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/netns/lab_fixture.h"
#include "user/lab/capture.h"
#include "user/lab/forwarder.h"

namespace flowstamp::lab {
namespace {

constexpr std::uint64_t wanted_bytes = 500'000;
constexpr std::uint64_t strike_after = 100'000;

std::string hex(const Frame& frame) {
    return fmt::format("{:02x}", fmt::join(frame, ""));
}

class LabInjector : public LabFamilyTest {
  protected:
    /// A download through router 2 with this injection on it.
    DownloadReport attacked(const Injection& injection) {
        const Server server = require(
            Server::start(lab().server(),
                          {.family = GetParam(), .pace = {.chunk_bytes = 20'000, .pause = 30ms}}));
        const Injector injector = require(Injector::start(lab().router(2), injection));
        const DownloadReport report = download(lab().client(), to_server(wanted_bytes));
        injected_ = injector.injected(injection.count, injection.trigger.port ? 0s : 1s);
        served_ = server.reports(1, injection.target == Target::Client ? 0s : 2s);
        return report;
    }

    std::vector<InjectedFrame> injected_;
    std::vector<ServeReport> served_;
};

TEST_P(LabInjector, PlainForgeryKillsADownload) {
    const DownloadReport report = attacked({.trigger = {.after_server_bytes = strike_after}});
    EXPECT_EQ(report.outcome, Outcome::Reset);
    EXPECT_EQ(report.errno_value, ECONNRESET);
    EXPECT_GE(report.bytes, strike_after);
    EXPECT_LT(report.bytes, wanted_bytes);
    EXPECT_EQ(injected_.size(), 1u);
}

TEST_P(LabInjector, ByteForByteForgeryKillsADownload) {
    const DownloadReport report = attacked(
        {.trigger = {.after_server_bytes = strike_after}, .forgery = as_stateless_reset()});
    EXPECT_EQ(report.outcome, Outcome::Reset);
    EXPECT_LT(report.bytes, wanted_bytes);
}

TEST_P(LabInjector, ThreeAtOnce) {
    const DownloadReport report = attacked({.trigger = {.after_server_bytes = strike_after},
                                            .forgery = as_stateless_reset(),
                                            .count = 3});
    EXPECT_EQ(report.outcome, Outcome::Reset);
    EXPECT_EQ(injected_.size(), 3u);
}

TEST_P(LabInjector, AnsweringEachOfTheClientsPackets) {
    const DownloadReport report = attacked({.trigger = {.on = Trigger::On::ClientPacket,
                                                        .after_server_bytes = strike_after,
                                                        .times = Trigger::always},
                                            .forgery = as_stateless_reset()});
    EXPECT_EQ(report.outcome, Outcome::Reset);
}

TEST_P(LabInjector, BothEndsInTheMiddle) {
    const DownloadReport report =
        attacked({.trigger = {.after_server_bytes = strike_after}, .target = Target::Both});
    EXPECT_EQ(report.outcome, Outcome::Reset);
    ASSERT_EQ(served_.size(), 1u);
    EXPECT_EQ(served_[0].errno_value, ECONNRESET);
}

TEST_P(LabInjector, OutsideTheWindowItDoesNothing) {
    const DownloadReport report = attacked({.trigger = {.after_server_bytes = strike_after},
                                            .forgery = {.seq = Seq::next_expected(0x4000'0000)}});
    EXPECT_EQ(report.outcome, Outcome::Complete);
    EXPECT_EQ(report.bytes, wanted_bytes);
    EXPECT_EQ(injected_.size(), 1u);
}

TEST_P(LabInjector, OtherPortsAreLeftAlone) {
    EXPECT_EQ(attacked({.trigger = {.port = 443}}).outcome, Outcome::Complete);
    EXPECT_TRUE(injected_.empty());
}

TEST_P(LabInjector, ArrivesNearerOrFromThePeersDistance) {
    for (const auto& [ttl, arriving] : {std::pair{Ttl::absolute(64), 63}, {Ttl::as_peer(), 61}}) {
        const Capture at_client = require(Capture::start(lab().client()));
        attacked({.trigger = {.after_server_bytes = strike_after}, .forgery = {.ttl = ttl}});
        const auto resets = at_client.wait_for(
            [](Side, const Segment& segment) { return segment.has(Rst); }, 1, 1s);
        ASSERT_EQ(resets.size(), 1u);
        EXPECT_EQ(parse_segment(resets[0].frame)->ttl, arriving);
    }
}

TEST_P(LabInjector, CannotSwallow) {
    EXPECT_FALSE(Injector::start(lab().router(2), {.swallow = Swallow::Trigger}));
}

/// What claims to equal the kernel's own reset must, in every byte: here both answer one segment for
/// a socket that is gone, and arrive at the client one after the other.
TEST_P(LabInjector, StatelessForgeryEqualsTheKernelsInEveryByte) {
    make({.offloads = false});  // with them, the kernel leaves its checksum to be finished
    const Server server = require(Server::start(lab().server(), {.family = GetParam(),
                                                                 .stop_after = 30'000,
                                                                 .before_farewell = 50ms,
                                                                 .farewell = Farewell::Vanish}));
    const Injector injector = require(Injector::start(
        lab().router(1), {.trigger = {.on = Trigger::On::ClientData, .after_server_bytes = 30'000},
                          .forgery = as_stateless_reset()}));
    const Capture at_client = require(Capture::start(lab().client()));
    DownloadOptions options = to_server(1'000'000);
    options.nudge_after = 200ms;
    EXPECT_EQ(download(lab().client(), options).outcome, Outcome::Reset);

    auto resets =
        at_client.wait_for([](Side, const Segment& segment) { return segment.has(Rst); }, 2, 1s);
    ASSERT_EQ(resets.size(), 2u);
    const auto forged = injector.injected(1, 1s);
    ASSERT_EQ(forged.size(), 1u);
    EXPECT_TRUE(resets[0].frame == forged[0].frame || resets[1].frame == forged[0].frame);
    if (GetParam() == Family::V6) {
        constexpr std::ptrdiff_t flow_label_at = 15;  // a hash with a key of the server's kernel
        for (CapturedFrame& reset : resets) {
            std::fill_n(reset.frame.begin() + flow_label_at, 3, std::uint8_t{0});
        }
    }
    EXPECT_EQ(hex(resets[0].frame), hex(resets[1].frame));
}

INSTANTIATE_TEST_SUITE_P(Families, LabInjector, both_families(), family_name);

}  // namespace
}  // namespace flowstamp::lab
