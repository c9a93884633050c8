// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Forged resets against a watched client: each kind is found; confirmed or challenged ones do not
// end the download.
#include <fmt/format.h>

#include <algorithm>

#include "tests/netns/watch_fixture.h"
#include "user/lab/capture.h"
#include "user/lab/forwarder.h"
#include "user/lab/injector.h"

namespace flowstamp::lab {
namespace {

constexpr std::uint64_t kWanted = 400'000;
constexpr std::uint64_t kInjectAfter = 100'000;
constexpr lab::MacAddress kOtherMac{{0x02, 0, 0, 0, 0xbe, 0xef}};
// Differs in every one of the probe's 32 profile bits from Linux' scaled windows, 500 to 512.
constexpr lab::Window kForeign = lab::Window::constant(1000);

/// A forgery and its evidence. The injector is on router 2, two hops nearer than the server.
struct Case {
    const char* name;
    lab::Family family;
    lab::Forgery forgery;
    fst_verdict on_arrival;  ///< by the RST and the packets before it
    std::vector<fst_signal> signals{};
    unsigned router = 2;
    unsigned count = 1;
    fst_verdict in_the_end = FST_VERDICT_CONFIRMED;  ///< when the server has gone on
};

void PrintTo(const Case& forged, std::ostream* out) {
    *out << forged.name;
}

const Case kConfirmed[] = {
    {"NearerAndForeignWindow",
     lab::Family::V4,
     {.flags = Rst, .window = kForeign},
     FST_VERDICT_CONFIRMED,
     {FST_SIGNAL_NEARER, FST_SIGNAL_WINDOW_FOREIGN}},
    {"IdEchoFromThePeersDistance",
     lab::Family::V4,
     {.ttl = lab::Ttl::as_peer(), .ip_id = lab::IpId::echo_receiver()},
     FST_VERDICT_CONFIRMED,
     {FST_SIGNAL_ID_ECHO, FST_SIGNAL_NO_TIMESTAMPS}},
    {"KnownIdFromThePeersDistance",
     lab::Family::V4,
     {.ttl = lab::Ttl::as_peer(), .ip_id = lab::IpId::constant(0x3412)},
     FST_VERDICT_CONFIRMED,
     {FST_SIGNAL_ID_CONSTANT, FST_SIGNAL_NO_TIMESTAMPS}},
    {"HopLimitAndForeignWindow",
     lab::Family::V6,
     {.window = kForeign},
     FST_VERDICT_CONFIRMED,
     {FST_SIGNAL_NEARER, FST_SIGNAL_WINDOW_FOREIGN}},
    {"HopLimitAndPayload",
     lab::Family::V6,
     {.payload_bytes = 12},
     FST_VERDICT_CONFIRMED,
     {FST_SIGNAL_NEARER, FST_SIGNAL_DATA}},
    {"ThreeAtOnce",
     lab::Family::V4,
     {.window = kForeign},
     FST_VERDICT_CONFIRMED,
     {FST_SIGNAL_NEARER, FST_SIGNAL_WINDOW_FOREIGN, FST_SIGNAL_NO_TIMESTAMPS},
     2,
     3},
};

const Case kSuspected[] = {
    {"NearerAlone", lab::Family::V4, {.flags = Rst}, FST_VERDICT_SUSPECTED, {FST_SIGNAL_NEARER}},
    {"HopLimitAlone", lab::Family::V6, {.flags = Rst}, FST_VERDICT_SUSPECTED, {FST_SIGNAL_NEARER}},
    {"KnownIdAlone",
     lab::Family::V4,
     {.flags = Rst, .ttl = lab::Ttl::as_peer(), .ip_id = lab::IpId::constant(0x3412)},
     FST_VERDICT_SUSPECTED,
     {FST_SIGNAL_ID_CONSTANT},
     2,
     1,
     FST_VERDICT_SUSPECTED},  // a second host behind the address would look like this
    {"OtherMacAndForeignWindow",
     lab::Family::V4,
     {.flags = Rst, .ttl = lab::Ttl::as_peer(), .window = kForeign, .source_mac = kOtherMac},
     FST_VERDICT_SUSPECTED,
     {FST_SIGNAL_MAC_FOREIGN, FST_SIGNAL_WINDOW_FOREIGN},
     1},
    {"NoTimestampsAndForeignWindow",
     lab::Family::V4,
     {.ttl = lab::Ttl::as_peer(), .window = kForeign},
     FST_VERDICT_SUSPECTED,
     {FST_SIGNAL_NO_TIMESTAMPS, FST_SIGNAL_WINDOW_FOREIGN}},
    {"PayloadAndForeignWindow",
     lab::Family::V4,
     {.flags = Rst, .ttl = lab::Ttl::as_peer(), .window = kForeign, .payload_bytes = 12},
     FST_VERDICT_SUSPECTED,
     {FST_SIGNAL_DATA, FST_SIGNAL_WINDOW_FOREIGN}},
};

/// No evidence on arrival: only the peer that goes on proves them forged.
const Case kWithoutEvidence[] = {
    {"NextIdOfThePeer",
     lab::Family::V4,
     {.ttl = lab::Ttl::as_peer(), .ip_id = lab::IpId::continue_sender()},
     FST_VERDICT_GENUINE},
    {"NextIdAndTimestampsOfThePeer",
     lab::Family::V4,
     {.ttl = lab::Ttl::as_peer(),
      .ip_id = lab::IpId::continue_sender(),
      .timestamps = lab::TimestampTrait::copied()},
     FST_VERDICT_GENUINE,
     {FST_SIGNAL_TIMESTAMPS_VALID}},
};

class WatchForged : public WatchTest, public ::testing::WithParamInterface<Case> {
  protected:
    /// A download through the injector. The server pauses 40 ms after each chunk, so the forgery is
    /// exact, and the server's next packet is later by its own clock.
    lab::DownloadReport download_with_forgery(unsigned times = 1) {
        const Case& forged = GetParam();
        const lab::Server server = require(lab::Server::start(
            lab().server(),
            {.family = forged.family, .pace = {.chunk_bytes = 16'384, .pause = 40ms}}));
        const lab::Injector injector = require(lab::Injector::start(
            lab().router(forged.router),
            {.trigger = {.after_server_bytes = kInjectAfter, .times = times, .id_gap = kIdGap},
             .forgery = forged.forgery,
             .count = forged.count}));
        lab::DownloadReport report{};
        for (int attempt = 0; attempt < 3 && injected_.empty(); ++attempt) {
            report = lab::download(lab().client(), to_server(kWanted, forged.family));
            injected_ = injector.injected(std::size_t{times} * forged.count, 1s);
            // It goes on until it hears that the client has left: that is the sign of its life.
            (void)server.reports(static_cast<std::size_t>(attempt) + 1, 1s);
        }
        return report;
    }

    /// More than the probe's tolerance for the next value of a counter, and than one download
    /// sends. If the two ends' counters are that close by chance, nothing is forged: then try
    /// again.
    static constexpr std::uint16_t kIdGap = 600;

    void expect_signals(const analysis::Reset& reset, const WatchLog& log) {
        for (const fst_signal signal : GetParam().signals) {
            EXPECT_TRUE(reset.judgement.signals & FST_SIGNAL_BIT(signal))
                << analysis::name_of(analysis::signal_of(signal)) << " is missing:\n"
                << log.text();
        }
    }

    std::vector<lab::InjectedFrame> injected_;
};

/// Reported on arrival, and confirmed when the server goes on.
bool all_confirmed(const WatchLog& log) {
    return std::ranges::all_of(log.server_resets(), [](const Updates<analysis::Reset>& reset) {
        return reset.last.judgement.verdict == FST_VERDICT_CONFIRMED;
    });
}

TEST_P(WatchForged, IsReportedWithoutChangingPackets) {
    const lab::Capture at_client = require(lab::Capture::start(lab().client()));
    watch();
    EXPECT_EQ(download_with_forgery().outcome, lab::Outcome::Reset)
        << "only observed, it ends the download";
    ASSERT_EQ(injected_.size(), GetParam().count);
    ASSERT_TRUE(wait_for_resets(GetParam().count));
    watch_->wait_for(all_confirmed, 1s);
    const WatchLog log = watch_->stop();

    const auto resets = log.server_resets();
    ASSERT_EQ(resets.size(), GetParam().count) << log.text();
    for (const auto& [first, last] : resets) {
        EXPECT_EQ(first.judgement.verdict, GetParam().on_arrival) << log.text();
        EXPECT_EQ(last.judgement.verdict, GetParam().in_the_end) << log.text();
        EXPECT_EQ(last.judgement.action, FST_ACTION_OBSERVED);
        expect_signals(first, log);
    }
    ASSERT_EQ(log.findings.size(), 1u) << log.text();
    EXPECT_EQ(log.findings[0].last.verdict, GetParam().in_the_end);
    EXPECT_EQ(log.findings[0].last.resets, GetParam().count) << log.text();
    EXPECT_EQ(log.count(FST_COUNT_DROPPED), 0u);
    EXPECT_EQ(log.count(FST_COUNT_CHALLENGED), 0u);

    const auto seen = at_client.wait_for(
        [](lab::Side from, const lab::Segment& segment) {
            return from == lab::Side::Server && segment.has(Rst);
        },
        GetParam().count, 1s);
    ASSERT_EQ(seen.size(), GetParam().count);
    for (std::size_t i = 0; i < seen.size(); ++i) {
        constexpr std::ptrdiff_t kIpv4 = 34, kIpv6 = 54;  // offset of the TCP header
        const std::ptrdiff_t tcp = GetParam().family == lab::Family::V4 ? kIpv4 : kIpv6;
        EXPECT_TRUE(std::equal(seen[i].frame.begin() + tcp, seen[i].frame.end(),
                               injected_[i].frame.begin() + tcp, injected_[i].frame.end()))
            << "the segment was changed on the path";
    }
}

class WatchForgedActing : public WatchForged {};

TEST_P(WatchForgedActing, DoesNotEndTheDownload) {
    const fst_drop_mode drop =
        GetParam().on_arrival == FST_VERDICT_CONFIRMED ? FST_DROP_CONFIRMED : FST_DROP_SUSPECTED;
    watch(acting(drop));
    const lab::DownloadReport report = download_with_forgery(3);
    EXPECT_EQ(report.outcome, lab::Outcome::Complete);
    EXPECT_EQ(report.bytes, kWanted);
    ASSERT_EQ(injected_.size(), 3 * GetParam().count);
    const WatchLog log = watch_->stop();
    const auto resets = log.server_resets();
    EXPECT_EQ(resets.size(), injected_.size()) << log.text();
    for (const auto& [first, last] : resets) {
        EXPECT_NE(last.judgement.action, FST_ACTION_OBSERVED) << log.text();
        expect_signals(first, log);
    }
    ASSERT_FALSE(log.findings.empty());
    EXPECT_EQ(log.findings[0].last.verdict, FST_VERDICT_CONFIRMED) << log.text();
    EXPECT_EQ(log.count(FST_COUNT_DROPPED) + log.count(FST_COUNT_CHALLENGED), injected_.size());
}

std::string case_name(const ::testing::TestParamInfo<Case>& info) {
    return fmt::format("{}{}", info.param.name, info.param.family == lab::Family::V4 ? "" : "V6");
}

INSTANTIATE_TEST_SUITE_P(Confirmed, WatchForged, ::testing::ValuesIn(kConfirmed), case_name);
INSTANTIATE_TEST_SUITE_P(Suspected, WatchForged, ::testing::ValuesIn(kSuspected), case_name);
INSTANTIATE_TEST_SUITE_P(WithoutEvidence, WatchForged, ::testing::ValuesIn(kWithoutEvidence),
                         case_name);
INSTANTIATE_TEST_SUITE_P(Confirmed, WatchForgedActing, ::testing::ValuesIn(kConfirmed), case_name);
INSTANTIATE_TEST_SUITE_P(Suspected, WatchForgedActing, ::testing::ValuesIn(kSuspected), case_name);

/// Byte for byte what the server's kernel would send: only a challenge distinguishes them.
class WatchExactCopy : public WatchTest, public ::testing::WithParamInterface<lab::Family> {
  protected:
    lab::Server serve(lab::Pace pace) {
        return require(lab::Server::start(lab().server(), {.family = GetParam(), .pace = pace}));
    }
    lab::Injector forge(unsigned router, lab::Trigger trigger, unsigned count) {
        return require(lab::Injector::start(
            lab().router(router),
            {.trigger = trigger, .forgery = lab::as_stateless_reset(), .count = count}));
    }
    void expect_complete(std::uint64_t bytes) {
        lab::DownloadOptions options = to_server(bytes, GetParam());
        options.timeout = 15s;
        const lab::DownloadReport report = lab::download(lab().client(), options);
        const WatchLog log = watch_->stop();
        EXPECT_EQ(report.outcome, lab::Outcome::Complete) << report.bytes << " bytes\n"
                                                          << log.text();
        EXPECT_EQ(report.bytes, bytes);
        EXPECT_GT(log.count(FST_COUNT_CHALLENGED), 0u);
        EXPECT_EQ(log.count(FST_COUNT_DROPPED), 0u);
        EXPECT_GT(log.summary.challenges.refuted, 0u) << log.text();
        EXPECT_EQ(log.summary.challenges.upheld, 0u) << log.text();
        ASSERT_FALSE(log.findings.empty()) << log.text();
    }
    static constexpr lab::Pace kPausing{.chunk_bytes = 16'384, .pause = 40ms};
    /// Pauses of several round trips of the long path, so that the forgery is exact.
    static constexpr lab::Pace kSlow{.chunk_bytes = 10'000, .pause = 250ms};
    static constexpr lab::Trigger kEachPacket{.on = lab::Trigger::On::ClientPacket,
                                              .after_server_bytes = 20'000,
                                              .times = lab::Trigger::always};
};

TEST_P(WatchExactCopy, Singly) {
    watch(acting(FST_DROP_OFF, FST_CHALLENGE_ALL));
    const lab::Server server = serve(kPausing);
    const lab::Injector injector = forge(2, {.after_server_bytes = kInjectAfter, .times = 3}, 1);
    expect_complete(kWanted);
}

TEST_P(WatchExactCopy, InThrees) {
    watch(acting(FST_DROP_OFF, FST_CHALLENGE_ALL));
    const lab::Server server = serve(kPausing);
    const lab::Injector injector = forge(2, {.after_server_bytes = kInjectAfter}, 3);
    expect_complete(kWanted);
}

/// The injector is nearer: its answers to the client's packets come too soon.
TEST_P(WatchExactCopy, AnsweringEachPacketBeforeALongPath) {
    const lab::Server server = serve(kSlow);
    const lab::Forwarder forwarder =
        require(lab::Forwarder::start(lab(), 3, {.link = {.delay = 40ms}}));
    watch(acting(FST_DROP_OFF, FST_CHALLENGE_ALL));
    const lab::Injector injector = forge(2,
                                         {.on = lab::Trigger::On::ClientPacket,
                                          .after_server_bytes = 50'000,
                                          .times = lab::Trigger::always},
                                         1);
    expect_complete(200'000);
}

/// The injector is as far away as the server, in time too. With a stream that pauses for longer
/// than a round trip the client could not distinguish it from the server; with a flowing one, the
/// number it copies is out of date when it arrives.
TEST_P(WatchExactCopy, AnsweringEachPacketOfAContinuousStreamAfterALongPath) {
    const lab::Server server = serve({.chunk_bytes = 10'000, .pause = 20ms});
    const lab::Forwarder forwarder =
        require(lab::Forwarder::start(lab(), 1, {.link = {.delay = 40ms}}));
    watch(acting(FST_DROP_OFF, FST_CHALLENGE_ALL));
    const lab::Injector injector = forge(2, kEachPacket, 1);
    EXPECT_EQ(lab::download(lab().client(), to_server(kWanted, GetParam())).outcome,
              lab::Outcome::Complete);
    const WatchLog log = watch_->stop();
    EXPECT_FALSE(log.server_resets().empty());
    EXPECT_EQ(log.summary.challenges.upheld, 0u) << log.text();
}

INSTANTIATE_TEST_SUITE_P(Families, WatchExactCopy, both_families(), family_name);

}  // namespace
}  // namespace flowstamp::lab
