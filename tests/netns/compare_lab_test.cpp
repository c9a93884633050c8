// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// `compare` of pairs that real kernels made: a connection through three routers, of which one forges
// or drops, recorded at both ends by tcpdump. Each recording is compared as it is, with the clock of
// one end off, and damaged: begun late, with losses, with unsteady times.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <ostream>
#include <set>
#include <string>
#include <thread>

#include "tests/netns/lab_fixture.h"
#include "tests/netns/recording.h"
#include "tests/support/recorded_frames.h"
#include "user/analysis/compare/comparison.h"
#include "user/lab/exchange.h"
#include "user/lab/firewall.h"
#include "user/lab/forwarder.h"
#include "user/lab/segment.h"

namespace flowstamp::lab {
namespace {

using analysis::FindingKind;
using analysis::PathDirection;
using analysis::compare::Compared;
using flowstamp::testing::RecordedFrames;

constexpr std::uint64_t kBytes = 400'000;
constexpr std::uint64_t kAfter = 150'000;  ///< what the box lets pass before it acts
constexpr std::uint16_t kPort = 80;        ///< of the connection that is meant
constexpr std::uint16_t kOtherPort = 81;   ///< of the connections beside it

enum class Nat : std::uint8_t { none, client, both };

/// What happens to the connection.
enum class Fate : std::uint8_t {
    none,
    forged_to_client,
    forged_to_server,
    forged_to_both,
    injected_to_client,  ///< data in the server's name
    lost_to_server,
    lost_to_client,
    lost_to_both,
    aborted_by_server,  ///< SO_LINGER 0
    unread_by_server,   ///< closed with data unread
    unknown_to_server,  ///< the socket is gone: a stateless reset
    aborted_by_client,
};

struct Scenario {
    const char* name;
    Fate fate = Fate::none;
    Family family = Family::V4;
    Nat nat = Nat::none;
    unsigned box = 2;  ///< the router that forges or drops
    Forgery forgery = {};
    Impairment link = {};  ///< at the box, which then forwards in user space
};

void PrintTo(const Scenario& scenario, std::ostream* out) {
    *out << scenario.name;
}

bool is_forged(Fate fate) {
    return fate == Fate::forged_to_client || fate == Fate::forged_to_server ||
           fate == Fate::forged_to_both || fate == Fate::injected_to_client;
}

/// What a comparison must say.
struct Truth {
    std::set<PathDirection> forged{};
    std::set<PathDirection> eaten{};
    std::set<PathDirection> injected{};
};

Truth truth_of(Fate fate) {
    constexpr auto kToServer = PathDirection::a_to_b;
    constexpr auto kToClient = PathDirection::b_to_a;
    switch (fate) {
        case Fate::forged_to_client:
            return {.forged = {kToClient}};
        case Fate::forged_to_server:
            return {.forged = {kToServer}};
        case Fate::forged_to_both:
            return {.forged = {kToServer, kToClient}};
        case Fate::injected_to_client:
            return {.injected = {kToClient}};
        case Fate::lost_to_server:
            return {.eaten = {kToServer}};
        case Fate::lost_to_client:
            return {.eaten = {kToClient}};
        case Fate::lost_to_both:
            return {.eaten = {kToServer, kToClient}};
        default:
            return {};
    }
}

/// Drops what comes from these ends, once the server has sent kAfter bytes.
class Dropper {
  public:
    explicit Dropper(Fate fate)
        : from_client_(fate == Fate::lost_to_server || fate == Fate::lost_to_both),
          from_server_(fate == Fate::lost_to_client || fate == Fate::lost_to_both) {}

    std::vector<Delivery> operator()(Side from, FrameView frame) {
        const auto segment = parse_segment(frame);
        const bool is_meant =
            segment && (segment->source.port == kPort || segment->destination.port == kPort);
        if (is_meant && from == Side::Server) {
            bytes_ += segment->payload_bytes;
        }
        const bool drops = from == Side::Server ? from_server_ : from_client_;
        return is_meant && drops && bytes_ > kAfter ? std::vector<Delivery>{}
                                                    : std::vector<Delivery>{{}};
    }

  private:
    bool from_client_;
    bool from_server_;
    std::uint64_t bytes_ = 0;
};

class CompareLab : public LabTest, public ::testing::WithParamInterface<Scenario> {
  protected:
    struct Pair {
        RecordedFrames client;
        RecordedFrames server;
    };

    Endpoint server_endpoint(std::uint16_t port) {
        const Scenario& its = GetParam();
        return {its.nat == Nat::both ? lab().router(3).toward(Side::Client).address(its.family)
                                     : lab().server().address(its.family),
                port};
    }

    void start_box() {
        const Scenario& its = GetParam();
        const Injection injection{
            .trigger = {.after_server_bytes = kAfter, .port = kPort},
            .target = its.fate == Fate::forged_to_client || its.fate == Fate::injected_to_client
                          ? Target::Client
                      : its.fate == Fate::forged_to_server ? Target::Server
                                                           : Target::Both,
            .forgery = its.forgery};
        const bool is_impaired = its.link.delay.count() != 0 || its.link.loss != 0;
        const bool drops = !truth_of(its.fate).eaten.empty();
        if (is_impaired || drops) {
            ForwarderOptions options{.link = its.link};
            if (drops) {
                options.plan = Dropper(its.fate);
            }
            if (is_forged(its.fate)) {
                options.injection = injection;
            }
            forwarder_.emplace(require(Forwarder::start(lab(), its.box, std::move(options))));
        } else if (is_forged(its.fate)) {
            injector_.emplace(require(Injector::start(lab().router(its.box), injection)));
        }
    }

    /// Another connection, of many small packets.
    DownloadReport talk_beside() {
        return exchange(lab().client(), {.server = server_endpoint(kOtherPort), .rounds = 150});
    }

    Pair record() {
        const Scenario& its = GetParam();
        make({.routers = 3,
              .masquerade_at = its.nat == Nat::none ? std::nullopt : std::optional(1U)});
        if (its.nat == Nat::both) {
            translation_.emplace(require(Firewall::apply(
                lab().router(3),
                "iptables -t nat -A PREROUTING -p tcp -d " + server_endpoint(kPort).address.text() +
                    " -j DNAT --to-destination " + lab().server().address(its.family).text())));
        }
        // So slow that all is acknowledged between two chunks: then the box forges.
        ServerOptions options{
            .family = its.family,
            .port = kPort,
            .pace = {20'000, std::max<std::chrono::microseconds>(20ms, 5ms + 3 * its.link.delay)}};
        if (its.fate == Fate::aborted_by_server || its.fate == Fate::unread_by_server ||
            its.fate == Fate::unknown_to_server) {
            options.stop_after = kAfter;
            options.before_ending = 30ms;
            options.ending = its.fate == Fate::aborted_by_server  ? Ending::LingerZero
                             : its.fate == Fate::unread_by_server ? Ending::CloseUnread
                                                                  : Ending::Vanish;
        }
        const Server server = require(Server::start(lab().server(), options));
        const Server others = require(Server::start(
            lab().server(), {.family = its.family, .port = kOtherPort, .service = Service::Echo}));
        Recording at_client(lab().client(), lab().client().toward(Side::Server).name);
        Recording at_server(lab().server(), lab().server().toward(Side::Client).name);
        start_box();
        EXPECT_EQ(talk_beside().outcome, Outcome::Complete);
        {
            Download meant(lab().client(), {.server = server_endpoint(kPort),
                                            .bytes = kBytes,
                                            .timeout = 1500ms,
                                            .nudge_after = 150ms});
            for (auto until = SteadyClock::now() + 2s;
                 !meant.done() && SteadyClock::now() < until &&
                 !(its.fate == Fate::aborted_by_client && meant.bytes() > kAfter);) {
                std::this_thread::sleep_for(2ms);
            }
        }
        std::this_thread::sleep_for(50ms);
        EXPECT_EQ(talk_beside().outcome, Outcome::Complete);
        EXPECT_TRUE(at_client.stop());
        EXPECT_TRUE(at_server.stop());
        return {flowstamp::testing::read_frames(at_client.file()),
                flowstamp::testing::read_frames(at_server.file())};
    }

    Compared compared(const RecordedFrames& client, const RecordedFrames& server) {
        using flowstamp::testing::pcap_of;
        using flowstamp::testing::recording_of;
        return compare(recording_of(pcap_of(client), "client.pcap"),
                       recording_of(pcap_of(server), "server.pcap"));
    }

    std::optional<Forwarder> forwarder_;
    std::optional<Injector> injector_;
    std::optional<Firewall> translation_;
};

/// Without what comes before the twelfth packet of the connection that is meant.
RecordedFrames begun_midway(const RecordedFrames& frames) {
    unsigned packets = 0;
    for (const flowstamp::testing::RecordedFrame& frame : frames) {
        const auto segment = parse_segment(frame.bytes);
        const bool is_meant =
            segment && (segment->source.port == kPort || segment->destination.port == kPort);
        packets += is_meant ? 1 : 0;
        if (packets == 12) {
            return flowstamp::testing::since(frames, frame.time);
        }
    }
    return {};
}

std::set<PathDirection> directions_of(const Compared& compared, FindingKind kind) {
    std::set<PathDirection> found;
    for (const analysis::Finding& finding : compared.findings) {
        if (finding.kind == kind) {
            EXPECT_EQ(finding.verdict, FST_VERDICT_PROVEN);
            found.insert(finding.direction.value());
        }
    }
    return found;
}

std::string told(const Compared& compared) {
    std::string text;
    for (const auto& [reason, count] : compared.comparison.unjudged) {
        text +=
            std::string(analysis::compare::name_of(reason)) + " " + std::to_string(count) + "; ";
    }
    for (const unsigned capture : {0U, 1U}) {
        const auto& coverage = compared.comparison.captures[capture].coverage;
        text += fmt::format("{}: sent {}/-{}, received {}/-{}; ",
                            compared.comparison.captures[capture].file, coverage.as_sender.has,
                            coverage.as_sender.lacks, coverage.as_receiver.has,
                            coverage.as_receiver.lacks);
    }
    for (const analysis::Finding& finding : compared.findings) {
        text += fmt::format("{} {} x{} frame {}; ", analysis::name_of(finding.kind),
                            finding.direction ? analysis::name_of(*finding.direction) : "",
                            finding.count, finding.sighting.frame.value_or(0));
    }
    return text;
}

/// Of a path that loses packets, losses are true.
bool loses() {
    return CompareLab::GetParam().link.loss != 0;
}

void expect_truth(const Compared& compared, const Truth& truth, const char* how) {
    EXPECT_EQ(directions_of(compared, FindingKind::forged_rst), truth.forged)
        << how << ": " << told(compared);
    EXPECT_EQ(directions_of(compared, FindingKind::injected_segment), truth.injected)
        << how << ": " << told(compared);
    if (!loses()) {
        EXPECT_EQ(directions_of(compared, FindingKind::eaten), truth.eaten)
            << how << ": " << told(compared);
    }
}

/// Nothing that is not true; what is may be missing.
void expect_no_blame(const Compared& compared, const Truth& truth, const char* how) {
    for (const auto& [kind, true_ones] : {std::pair{FindingKind::forged_rst, &truth.forged},
                                          std::pair{FindingKind::injected_segment, &truth.injected},
                                          std::pair{FindingKind::eaten, &truth.eaten}}) {
        if (kind == FindingKind::eaten && loses()) {
            continue;
        }
        for (const PathDirection direction : directions_of(compared, kind)) {
            EXPECT_TRUE(true_ones->contains(direction)) << how << ": " << told(compared);
        }
    }
}

TEST_P(CompareLab, SaysWhatHappened) {
    using namespace flowstamp::testing;
    const auto [client, server] = record();
    ASSERT_FALSE(client.empty() || server.empty());
    const Truth truth = truth_of(GetParam().fate);

    const Compared plain = compared(client, server);
    expect_truth(plain, truth, "as recorded");
    EXPECT_EQ(plain.comparison.joined, 3U);
    EXPECT_EQ(plain.comparison.only_a + plain.comparison.only_b, 0U);

    const Compared late = compared(client, on_other_clock(server, 5s, 80e-6));
    expect_truth(late, truth, "another clock");
    ASSERT_TRUE(late.comparison.clock && plain.comparison.clock);
    const double moved = late.comparison.clock->offset_ns - plain.comparison.clock->offset_ns - 5e9;
    EXPECT_LE(std::abs(moved), late.comparison.clock->uncertainty_ns + 1e6);

    // What a lossy path delays most may have been sent before the capture began.
    const auto expect_of_late = loses() ? expect_no_blame : expect_truth;
    expect_of_late(compared(begun_midway(client), server), truth, "begun late at the client");
    expect_of_late(compared(client, begun_midway(server)), truth, "begun late at the server");
    expect_truth(compared(unsteady(client, 20us, 1), unsteady(server, 20us, 2)), truth,
                 "unsteady times");
    expect_no_blame(compared(unsteady(client, 500us, 1), unsteady(server, 500us, 2)), truth,
                    "very unsteady times");
    expect_no_blame(compared(thinned(client, 0.5, 1), server), truth, "half of the client's");
    expect_no_blame(compared(client, thinned(server, 0.5, 2)), truth, "half of the server's");
    expect_no_blame(compared(thinned(client, 0.02, 3), server), truth, "some of the client's lost");
    expect_no_blame(compared(client, thinned(server, 0.02, 4)), truth, "some of the server's lost");
    expect_no_blame(compared(thinned(client, 0.001, 5), thinned(server, 0.001, 6)), truth,
                    "few of both lost");
}

const Scenario kScenarios[] = {
    {"Nothing"},
    {"NothingV6", Fate::none, Family::V6},
    {"NothingNat", Fate::none, Family::V4, Nat::both},
    {"ForgedToClient", Fate::forged_to_client},
    {"ForgedToClientAtFirstHop", Fate::forged_to_client, Family::V4, Nat::none, 1},
    {"ForgedToClientAtLastHop", Fate::forged_to_client, Family::V4, Nat::none, 3},
    {"ForgedToClientV6", Fate::forged_to_client, Family::V6},
    {"ForgedToClientExactCopy", Fate::forged_to_client, Family::V4, Nat::none, 2,
     as_stateless_reset()},
    {"ForgedToClientNat", Fate::forged_to_client, Family::V4, Nat::client},
    {"ForgedToServer", Fate::forged_to_server},
    {"ForgedToServerV6", Fate::forged_to_server, Family::V6},
    {"ForgedToServerNat", Fate::forged_to_server, Family::V4, Nat::client, 3},
    {"ForgedToBoth", Fate::forged_to_both},
    {"ForgedToBothNat", Fate::forged_to_both, Family::V4, Nat::both},
    {"ForgedToClientFar",
     Fate::forged_to_client,
     Family::V4,
     Nat::none,
     2,
     {},
     {.delay = 15ms, .jitter = 2ms}},
    {"InjectedToClient",
     Fate::injected_to_client,
     Family::V4,
     Nat::none,
     2,
     {.flags = Psh | Ack, .timestamps = TimestampTrait::copied(), .payload_bytes = 100}},
    {"InjectedToClientNatFar",
     Fate::injected_to_client,
     Family::V4,
     Nat::client,
     2,
     {.flags = Psh | Ack, .timestamps = TimestampTrait::copied(), .payload_bytes = 300},
     {.delay = 5ms}},
    {"NothingOnALossyPath",
     Fate::none,
     Family::V4,
     Nat::client,
     2,
     {},
     {.delay = 3ms, .jitter = 1ms, .loss = 0.02, .duplication = 0.01}},
    {"AbortedOnALossyPath",
     Fate::aborted_by_server,
     Family::V6,
     Nat::none,
     2,
     {},
     {.delay = 3ms, .jitter = 1ms, .loss = 0.02, .duplication = 0.01}},
    {"ForgedOnALossyPath",
     Fate::forged_to_client,
     Family::V4,
     Nat::both,
     2,
     {},
     {.delay = 3ms, .jitter = 1ms, .loss = 0.02, .duplication = 0.01}},
    {"LostToServer", Fate::lost_to_server},
    {"LostToServerV6", Fate::lost_to_server, Family::V6, Nat::none, 3},
    {"LostToClient", Fate::lost_to_client, Family::V4, Nat::none, 1},
    {"LostToClientNat", Fate::lost_to_client, Family::V4, Nat::both},
    {"LostToBoth", Fate::lost_to_both},
    {"AbortedByServer", Fate::aborted_by_server},
    {"AbortedByServerNat", Fate::aborted_by_server, Family::V4, Nat::both},
    {"AbortedByServerV6", Fate::aborted_by_server, Family::V6},
    {"UnreadByServer", Fate::unread_by_server},
    {"UnknownToServer", Fate::unknown_to_server},
    {"AbortedByClient", Fate::aborted_by_client},
    {"AbortedByClientNat", Fate::aborted_by_client, Family::V4, Nat::client},
    {"AbortedByServerFar",
     Fate::aborted_by_server,
     Family::V4,
     Nat::none,
     2,
     {},
     {.delay = 15ms, .jitter = 2ms}},
};

std::string scenario_name(const ::testing::TestParamInfo<Scenario>& info) {
    return info.param.name;
}
INSTANTIATE_TEST_SUITE_P(Scenarios, CompareLab, ::testing::ValuesIn(kScenarios), scenario_name);

}  // namespace
}  // namespace flowstamp::lab
