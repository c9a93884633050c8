// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Some 2,000 connections that their server resets, in every possible way, across good and bad
// paths, with a watch that only observes: none is suspected, live or in a replay.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "tests/netns/recording.h"
#include "tests/netns/stress_fixture.h"
#include "tests/support/replayed.h"
#include "user/lab/firewall.h"
#include "user/net/endpoint.h"

namespace flowstamp::lab {
namespace {

constexpr std::size_t kConnections = 2000;

enum class Ending {
    CloseUnread,
    LingerZero,
    Vanish,
    ClosedPort,
    AcceptThenReset,
    Reject,
    InFlight
};
constexpr Ending kEndings[] = {Ending::CloseUnread,    Ending::LingerZero, Ending::Vanish,
                               Ending::ClosedPort,     Ending::Reject,     Ending::InFlight,
                               Ending::AcceptThenReset};

constexpr unsigned connections_of(Ending ending) {
    return ending == Ending::InFlight ? 2 : 14;  // one of these gets dozens of resets
}

/// A port of the server, and the connections to it, which all end in the same way.
struct Group {
    Ending ending;
    Endpoint server;
    std::optional<lab::Server> serving{};
    std::optional<ScriptedServer> script{};
    std::optional<lab::Firewall> firewall{};
    std::vector<lab::Download> downloads{};
};

class StressMany : public StressTest {
  protected:
    static constexpr std::uint32_t kSeed = 20'240'817;

    /// All endings over both families, at once.
    void run_all(const lab::Impairment& link) {
        const lab::Forwarder forwarder = require(lab::Forwarder::start(lab(), 2, {.link = link}));
        std::vector<Group> groups;
        for (const lab::Family family : {lab::Family::V4, lab::Family::V6}) {
            for (const Ending ending : kEndings) {
                groups.push_back(open(ending, family));
            }
        }
        for (Group& group : groups) {
            for (unsigned i = 0; i < connections_of(group.ending); ++i) {
                group.downloads.emplace_back(lab().client(),
                                             lab::DownloadOptions{.server = group.server,
                                                                  .bytes = 10'000'000,
                                                                  .timeout = 6s,
                                                                  .nudge_after = 100ms});
            }
        }
        for (Group& group : groups) {
            if (group.ending == Ending::Reject) {
                reject(group);
            }
        }
        for (Group& group : groups) {
            for (lab::Download& running : group.downloads) {
                outcomes_[running.wait().outcome]++;
            }
        }
        std::this_thread::sleep_for(2 * (link.delay + link.jitter) + 50ms);
    }

    /// A server that ends its connections in that way, on its own port.
    Group open(Ending ending, lab::Family family) {
        constexpr std::optional<std::uint8_t> kTtls[] = {std::nullopt, 35, 100, 200, 255};
        Group group{.ending = ending, .server = {lab().server().address(family), next_port_++}};
        const auto ttl = kTtls[random_() % std::size(kTtls)];
        lab::ServerOptions options{.family = family,
                                   .port = group.server.port,
                                   .ttl = ttl,
                                   .pace = {.chunk_bytes = 16'384, .pause = 2ms},
                                   .stop_after = 60'000,
                                   .before_ending = std::chrono::milliseconds(random_() % 80)};
        switch (ending) {
            case Ending::ClosedPort:
                return group;
            case Ending::AcceptThenReset:
                group.script.emplace(
                    lab().server(), Endpoint{lab::IpAddress::any(family), group.server.port},
                    [](Fd socket, const lab::WaitLimit&) {
                        lab::close_with_reset(std::move(socket));
                    },
                    ttl);
                return group;
            case Ending::CloseUnread:
                options.ending = lab::Ending::CloseUnread;
                break;
            case Ending::LingerZero:
                options.ending = lab::Ending::LingerZero;
                break;
            case Ending::Vanish:
                options.ending = lab::Ending::Vanish;
                break;
            case Ending::Reject:
                options.pace = {.chunk_bytes = 1000, .pause = 15ms};
                options.stop_after = 200'000;  // it goes on for a while, ignoring answers
                break;
            case Ending::InFlight:
                options.ending = lab::Ending::LingerZero;
                options.pace.chunk_bytes = 400'000;
                options.stop_after = 400'000;
                options.before_ending = 2ms;
                break;
        }
        group.serving.emplace(require(lab::Server::start(lab().server(), options)));
        return group;
    }

    /// Once its downloads are running, the server's firewall rejects their packets.
    void reject(Group& group) {
        const lab::Deadline latest = lab::SteadyClock::now() + 1500ms;
        for (lab::Download& running : group.downloads) {
            while (!running.done() && running.bytes() < 5000 && lab::SteadyClock::now() < latest) {
                std::this_thread::sleep_for(5ms);
            }
        }
        group.firewall.emplace(require(lab::Firewall::apply(
            lab().server(), {.chain = lab::FirewallRule::Chain::Input,
                             .action = lab::FirewallRule::Action::RejectWithReset,
                             .family = group.server.address.family,
                             .to_port = group.server.port})));
    }

    std::mt19937 random_{kSeed};
    std::uint16_t next_port_ = 1000;
    std::map<Outcome, std::size_t> outcomes_;
};

bool names_a_middlebox(const Updates<analysis::Finding>& finding) {
    return finding.last.kind == analysis::FindingKind::forged_rst ||
           finding.last.kind == analysis::FindingKind::injected_segment;
}

std::size_t resets_in(const std::string& file) {
    const auto reader = require(net::CaptureReader::open(require(net::open_file(file)), file));
    std::size_t resets = 0;
    for (auto frame = require(reader->next()); frame; frame = require(reader->next())) {
        const auto segment = lab::parse_segment(frame->bytes);
        resets += segment && segment->has(Rst);
    }
    return resets;
}

void expect_no_blame_in_replay(const std::string& file, std::size_t resets) {
    const auto path = require(cmd::make_host_path(1 << 15));
    const testing::Replayed replayed = testing::replay(require(net::open_file(file)), *path);
    EXPECT_TRUE(replayed.read);
    EXPECT_EQ(replayed.stats.counters[FST_COUNT_RST], resets);
    std::size_t suspected = 0;
    for (const auto& event : replayed.events) {
        const bool not_genuine =
            event["event_type"] == "reset" && event["reset"]["verdict"] != "genuine";
        const bool found =
            event["event_type"] == "finding" && (event["finding"]["kind"] == "forged-rst" ||
                                                 event["finding"]["kind"] == "injected-segment");
        if ((not_genuine || found) && ++suspected <= 10) {
            ADD_FAILURE() << event.dump();
        }
    }
    EXPECT_EQ(suspected, 0u);
}

TEST_F(StressMany, NoneOfThousandsIsSuspected) {
    widen_first_flight();
    const lab::Namespace& client = lab().client();
    Recording recording(client, client.toward(lab::Side::Server).name);
    watch();
    for (const auto jitter : {0ms, 3ms, 10ms, 40ms}) {
        for (const double loss : {0.0, 0.01, 0.05}) {
            run_all({.delay = jitter + 5ms,
                     .jitter = jitter,
                     .loss = loss,
                     .seed = static_cast<std::uint32_t>(random_())});
        }
    }
    // Servers still retransmit what was not acknowledged: not between these two.
    const lab::Namespace& router = lab().router(1);
    require_ok(
        router.require({"ip", "link", "set", router.toward(lab::Side::Client).name, "down"}));
    const WatchLog log = watch_->stop();
    EXPECT_TRUE(recording.stop());

    std::set<std::string> connections;
    WatchLog suspected;
    for (const auto& reset : log.resets) {
        const fst_packet& packet = reset.first.sighting.packet;
        if (net::sender_of(packet).port < next_port_) {
            connections.insert(net::sender_of(packet).text() + net::receiver_of(packet).text());
        }
        if (reset.last.judgement.verdict != FST_VERDICT_GENUINE) {
            suspected.resets.push_back(reset);
        }
    }
    std::ranges::copy_if(log.findings, std::back_inserter(suspected.findings), names_a_middlebox);
    EXPECT_TRUE(suspected.resets.empty() && suspected.findings.empty()) << suspected.text();
    const std::size_t made = resets_in(recording.file());
    fmt::print("{} resets of {} connections judged; made: {} resets\n", log.resets.size(),
               connections.size(), made);
    for (const auto& [outcome, count] : outcomes_) {
        fmt::print("  {}: {}\n", lab::outcome_text(outcome), count);
    }
    EXPECT_GE(connections.size(), kConnections);
    EXPECT_EQ(log.resets.size(), made);
    EXPECT_EQ(log.count(FST_COUNT_RST), made);
    EXPECT_EQ(log.count(FST_COUNT_EVENT_LOST), 0u);
    expect_no_blame_in_replay(recording.file(), made);
}

}  // namespace
}  // namespace flowstamp::lab
