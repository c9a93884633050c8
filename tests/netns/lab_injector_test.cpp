// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
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
constexpr std::uint64_t inject_after = 100'000;

std::string hex(const lab::Frame& frame) {
    return fmt::format("{:02x}", fmt::join(frame, ""));
}

class LabInjector : public LabFamilyTest {
  protected:
    /// A download through router 2 with this injection on it.
    lab::DownloadReport download_with(const lab::Injection& injection) {
        const lab::Server server = require(lab::Server::start(
            lab().server(),
            {.family = GetParam(), .pace = {.chunk_bytes = 20'000, .pause = 30ms}}));
        const lab::Injector injector = require(lab::Injector::start(lab().router(2), injection));
        const lab::DownloadReport report = lab::download(lab().client(), to_server(wanted_bytes));
        injected_ = injector.injected(injection.count, injection.trigger.port ? 0s : 1s);
        served_ = server.reports(1, injection.target == lab::Target::Client ? 0s : 2s);
        return report;
    }

    std::vector<lab::InjectedFrame> injected_;
    std::vector<lab::ServeReport> served_;
};

TEST_P(LabInjector, PlainForgeryResetsADownload) {
    const lab::DownloadReport report =
        download_with({.trigger = {.after_server_bytes = inject_after}});
    EXPECT_EQ(report.outcome, lab::Outcome::Reset);
    EXPECT_EQ(report.errno_value, ECONNRESET);
    EXPECT_GE(report.bytes, inject_after);
    EXPECT_LT(report.bytes, wanted_bytes);
    EXPECT_EQ(injected_.size(), 1u);
}

TEST_P(LabInjector, ExactCopyResetsADownload) {
    const lab::DownloadReport report = download_with(
        {.trigger = {.after_server_bytes = inject_after}, .forgery = lab::as_stateless_reset()});
    EXPECT_EQ(report.outcome, lab::Outcome::Reset);
    EXPECT_LT(report.bytes, wanted_bytes);
}

TEST_P(LabInjector, ThreeAtOnce) {
    const lab::DownloadReport report =
        download_with({.trigger = {.after_server_bytes = inject_after},
                       .forgery = lab::as_stateless_reset(),
                       .count = 3});
    EXPECT_EQ(report.outcome, lab::Outcome::Reset);
    EXPECT_EQ(injected_.size(), 3u);
}

TEST_P(LabInjector, AnsweringEachOfTheClientsPackets) {
    const lab::DownloadReport report =
        download_with({.trigger = {.on = lab::Trigger::On::ClientPacket,
                                   .after_server_bytes = inject_after,
                                   .times = lab::Trigger::always},
                       .forgery = lab::as_stateless_reset()});
    EXPECT_EQ(report.outcome, lab::Outcome::Reset);
}

TEST_P(LabInjector, BothEndsInTheMiddle) {
    const lab::DownloadReport report = download_with(
        {.trigger = {.after_server_bytes = inject_after}, .target = lab::Target::Both});
    EXPECT_EQ(report.outcome, lab::Outcome::Reset);
    ASSERT_EQ(served_.size(), 1u);
    EXPECT_EQ(served_[0].errno_value, ECONNRESET);
}

TEST_P(LabInjector, HasNoEffectOutsideTheWindow) {
    const lab::DownloadReport report =
        download_with({.trigger = {.after_server_bytes = inject_after},
                       .forgery = {.seq = lab::Seq::next_expected(0x4000'0000)}});
    EXPECT_EQ(report.outcome, lab::Outcome::Complete);
    EXPECT_EQ(report.bytes, wanted_bytes);
    EXPECT_EQ(injected_.size(), 1u);
}

TEST_P(LabInjector, IgnoresOtherPorts) {
    EXPECT_EQ(download_with({.trigger = {.port = 443}}).outcome, lab::Outcome::Complete);
    EXPECT_TRUE(injected_.empty());
}

TEST_P(LabInjector, ArrivesNearerOrFromThePeersDistance) {
    for (const auto& [ttl, arriving] :
         {std::pair{lab::Ttl::absolute(64), 63}, {lab::Ttl::as_peer(), 61}}) {
        const lab::Capture at_client = require(lab::Capture::start(lab().client()));
        download_with({.trigger = {.after_server_bytes = inject_after}, .forgery = {.ttl = ttl}});
        const auto resets = at_client.wait_for(
            [](lab::Side, const lab::Segment& segment) { return segment.has(Rst); }, 1, 1s);
        ASSERT_EQ(resets.size(), 1u);
        EXPECT_EQ(lab::parse_segment(resets[0].frame)->ttl, arriving);
    }
}

TEST_P(LabInjector, CannotDropSegments) {
    EXPECT_FALSE(lab::Injector::start(lab().router(2), {.swallow = lab::Swallow::Trigger}));
}

/// A forgery that should equal the kernel's own reset must do so in every byte: here both answer
/// one segment for a closed socket, and arrive at the client one after the other.
TEST_P(LabInjector, StatelessForgeryEqualsTheKernelsReset) {
    make({.offloads = false});  // with them, the kernel leaves its checksum incomplete
    const lab::Server server =
        require(lab::Server::start(lab().server(), {.family = GetParam(),
                                                    .stop_after = 30'000,
                                                    .before_ending = 50ms,
                                                    .ending = lab::Ending::Vanish}));
    const lab::Injector injector = require(lab::Injector::start(
        lab().router(1),
        {.trigger = {.on = lab::Trigger::On::ClientData, .after_server_bytes = 30'000},
         .forgery = lab::as_stateless_reset()}));
    const lab::Capture at_client = require(lab::Capture::start(lab().client()));
    lab::DownloadOptions options = to_server(1'000'000);
    options.nudge_after = 200ms;
    EXPECT_EQ(lab::download(lab().client(), options).outcome, lab::Outcome::Reset);

    auto resets = at_client.wait_for(
        [](lab::Side, const lab::Segment& segment) { return segment.has(Rst); }, 2, 1s);
    ASSERT_EQ(resets.size(), 2u);
    const auto forged = injector.injected(1, 1s);
    ASSERT_EQ(forged.size(), 1u);
    EXPECT_TRUE(resets[0].frame == forged[0].frame || resets[1].frame == forged[0].frame);
    if (GetParam() == lab::Family::V6) {
        constexpr std::ptrdiff_t flow_label_at = 15;  // a hash keyed by the server's kernel
        for (lab::CapturedFrame& reset : resets) {
            std::fill_n(reset.frame.begin() + flow_label_at, 3, std::uint8_t{0});
        }
    }
    EXPECT_EQ(hex(resets[0].frame), hex(resets[1].frame));
}

INSTANTIATE_TEST_SUITE_P(Families, LabInjector, both_families(), family_name);

}  // namespace
}  // namespace flowstamp::lab
