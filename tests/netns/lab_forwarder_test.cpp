// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/lab/forwarder.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/netns/lab_fixture.h"
#include "user/lab/capture.h"

namespace flowstamp::lab {
namespace {

class LabForwarder : public LabFamilyTest {
  protected:
    /// A download of 2 MB through the user-space forwarder on router 2.
    lab::DownloadReport through(const lab::ForwarderOptions& options) {
        const lab::Server server = require(
            lab::Server::start(lab().server(), {.family = GetParam(), .pace = {65'536, 0us}}));
        const lab::Forwarder forwarder = require(lab::Forwarder::start(lab(), 2, options));
        return lab::download(lab().client(), to_server(2'000'000));
    }
};

TEST_P(LabForwarder, ForwardsAsTheKernelDoes) {
    const lab::Capture at_client = require(lab::Capture::start(lab().client()));
    EXPECT_EQ(through({}).outcome, lab::Outcome::Complete);
    const auto data = at_client.wait_for(
        [](lab::Side, const lab::Segment& segment) { return segment.payload_bytes != 0; }, 1, 1s);
    ASSERT_FALSE(data.empty());
    for (const lab::CapturedFrame& frame : data) {
        EXPECT_EQ(lab::parse_segment(frame.frame)->ttl, 61);
    }
}

TEST_P(LabForwarder, WithoutDecrementItIsNoHop) {
    const lab::Capture at_client = require(lab::Capture::start(lab().client()));
    EXPECT_EQ(through({.decrement_ttl = false}).outcome, lab::Outcome::Complete);
    const auto data = at_client.wait_for(
        [](lab::Side, const lab::Segment& segment) { return segment.payload_bytes != 0; }, 1, 1s);
    ASSERT_FALSE(data.empty());
    EXPECT_EQ(lab::parse_segment(data[0].frame)->ttl, 62);
}

TEST_P(LabForwarder, DelaysEachDirection) {
    const lab::DownloadReport report = through({.link = {.delay = 20ms}});
    EXPECT_EQ(report.outcome, lab::Outcome::Complete);
    EXPECT_GE(report.connected_after, 40ms);
}

TEST_P(LabForwarder, DeliversAcrossABadPath) {
    const lab::DownloadReport report =
        through({.link = {.delay = 20ms, .jitter = 10ms, .loss = 0.02, .seed = 6}});
    EXPECT_EQ(report.outcome, lab::Outcome::Complete);
    EXPECT_EQ(report.bytes, 2'000'000u);
}

TEST_P(LabForwarder, Duplicates) {
    const lab::Capture at_client = require(lab::Capture::start(lab().client()));
    EXPECT_EQ(through({.link = {.duplication = 0.5}}).outcome, lab::Outcome::Complete);
    std::map<std::uint32_t, int> copies;
    for (const lab::CapturedFrame& frame : at_client.wait_for(
             [](lab::Side, const lab::Segment& segment) { return segment.payload_bytes != 0; }, 1,
             1s)) {
        ++copies[lab::parse_segment(frame.frame)->seq];
    }
    std::size_t doubled = 0;
    for (const auto& [seq, count] : copies) {
        doubled += count > 1;
    }
    EXPECT_GT(doubled, copies.size() / 4);
}

TEST_P(LabForwarder, LosesAll) {
    lab::DownloadOptions options = to_server(1000);
    options.timeout = 300ms;
    const lab::Server server = require(lab::Server::start(lab().server(), {.family = GetParam()}));
    {
        const lab::Forwarder forwarder =
            require(lab::Forwarder::start(lab(), 2, {.link = {.loss = 1}}));
        EXPECT_EQ(lab::download(lab().client(), options).outcome, lab::Outcome::TimedOut);
    }
    EXPECT_EQ(lab::download(lab().client(), options).outcome, lab::Outcome::Complete)
        << "the kernel forwards again";
}

TEST_P(LabForwarder, BothEndsResetAndTheRequestDropped) {
    const lab::Server server = require(lab::Server::start(lab().server(), {.family = GetParam()}));
    const lab::Capture beyond = require(lab::Capture::start(lab().router(3)));
    const lab::Forwarder forwarder = require(lab::Forwarder::start(
        lab(), 2,
        {.injection = lab::Injection{.trigger = {.on = lab::Trigger::On::ClientData},
                                     .target = lab::Target::Both,
                                     .swallow = lab::Swallow::Trigger}}));
    EXPECT_EQ(lab::download(lab().client(), to_server(1000)).outcome, lab::Outcome::Reset);
    EXPECT_EQ(forwarder.injected(2, 1s).size(), 2u);
    const auto reports = server.reports(1, 1s);
    ASSERT_EQ(reports.size(), 1u);
    EXPECT_EQ(reports[0].errno_value, ECONNRESET);
    const auto requests = beyond.wait_for(
        [](lab::Side from, const lab::Segment& segment) {
            return from == lab::Side::Client && segment.payload_bytes != 0;
        },
        1, 0ms);
    EXPECT_TRUE(requests.empty());
}

TEST_P(LabForwarder, OnTheSynTheConnectionIsRefused) {
    const lab::Server server = require(lab::Server::start(lab().server(), {.family = GetParam()}));
    const lab::Capture at_client = require(lab::Capture::start(lab().client()));
    const lab::Forwarder forwarder = require(lab::Forwarder::start(
        lab(), 2, {.injection = lab::Injection{.trigger = {.on = lab::Trigger::On::Syn}}}));
    EXPECT_EQ(lab::download(lab().client(), to_server(1000)).outcome, lab::Outcome::Refused);
    const auto answers = at_client.wait_for(
        [](lab::Side, const lab::Segment& segment) { return segment.has(Rst | Syn); }, 2, 1s);
    ASSERT_GE(answers.size(), 2u);
    EXPECT_EQ(lab::parse_segment(answers[0].frame)->flags, Rst | Ack);
    EXPECT_EQ(lab::parse_segment(answers[1].frame)->flags, Syn | Ack) << "the SYN went on";
}

TEST_P(LabForwarder, ExactCopyAcrossALongPath) {
    const lab::Server server = require(lab::Server::start(
        lab().server(), {.family = GetParam(), .pace = {.chunk_bytes = 10'000, .pause = 60ms}}));
    const lab::Forwarder forwarder =
        require(lab::Forwarder::start(lab(), 1, {.link = {.delay = 20ms}}));
    const lab::Injector injector = require(
        lab::Injector::start(lab().router(2), {.trigger = {.on = lab::Trigger::On::ClientPacket,
                                                           .after_server_bytes = 50'000,
                                                           .times = lab::Trigger::always},
                                               .forgery = lab::as_stateless_reset()}));
    const lab::DownloadReport report = lab::download(lab().client(), to_server(1'000'000));
    EXPECT_EQ(report.outcome, lab::Outcome::Reset);
    EXPECT_GE(report.connected_after, 40ms);
    EXPECT_LT(report.bytes, 1'000'000u);
}

INSTANTIATE_TEST_SUITE_P(Families, LabForwarder, both_families(), family_name);

}  // namespace
}  // namespace flowstamp::lab
