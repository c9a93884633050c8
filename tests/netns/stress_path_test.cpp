// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Genuine resets across paths that delay, lose, reorder, duplicate and reroute: none is reported as
// forged.
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <map>

#include "tests/netns/stress_fixture.h"
#include "user/lab/firewall.h"

namespace flowstamp::lab {
namespace {

struct ImpairedPath {
    const char* name;
    lab::Family family;
    lab::Impairment link;
};

void PrintTo(const ImpairedPath& path, std::ostream* out) {
    *out << path.name;
}

std::vector<ImpairedPath> impaired_paths() {
    std::vector<ImpairedPath> all;
    for (const lab::Family family : {lab::Family::V4, lab::Family::V6}) {
        all.push_back({"Steady", family, {.delay = 20ms}});
        all.push_back({"Jitter3ms", family, {.delay = 20ms, .jitter = 3ms}});
        all.push_back({"Jitter10ms", family, {.delay = 20ms, .jitter = 10ms}});
        all.push_back({"Jitter40ms", family, {.delay = 45ms, .jitter = 40ms}});
        all.push_back({"Loss5Percent", family, {.delay = 20ms, .loss = 0.05, .seed = 3}});
    }
    return all;
}

std::string impaired_path_name(const ::testing::TestParamInfo<ImpairedPath>& info) {
    return std::string(info.param.name) + (info.param.family == lab::Family::V4 ? "V4" : "V6");
}

class StressImpairedPath : public StressTest, public ::testing::WithParamInterface<ImpairedPath> {
  protected:
    lab::Forwarder impaired() {
        return require(lab::Forwarder::start(lab(), 2, {.link = GetParam().link}));
    }
};

/// The server aborts with 400 kB in flight: each of the client's ACKs for them gets a stateless
/// reset of its own, whose sequence numbers advance by segments.
TEST_P(StressImpairedPath, AbortWith400KilobytesInFlight) {
    widen_first_flight();
    const lab::Forwarder forwarder = impaired();
    watch();
    const lab::Server server =
        require(lab::Server::start(lab().server(), {.family = GetParam().family,
                                                    .pace = {.chunk_bytes = 400'000},
                                                    .stop_after = 400'000,
                                                    .before_ending = 5ms,
                                                    .ending = lab::Ending::LingerZero}));
    const lab::DownloadReport report =
        lab::download(lab().client(), to_server(1'000'000, GetParam().family));
    EXPECT_EQ(report.outcome, lab::Outcome::Reset);
    std::this_thread::sleep_for(2 * (GetParam().link.delay + GetParam().link.jitter) + 50ms);
    stop_without_suspects(20);
}

/// The same with a vanished socket: only stateless resets.
TEST_P(StressImpairedPath, VanishedSocketWith400KilobytesInFlight) {
    widen_first_flight();
    const lab::Forwarder forwarder = impaired();
    watch();
    const lab::Server server =
        require(lab::Server::start(lab().server(), {.family = GetParam().family,
                                                    .pace = {.chunk_bytes = 400'000},
                                                    .stop_after = 400'000,
                                                    .before_ending = 5ms,
                                                    .ending = lab::Ending::Vanish}));
    lab::DownloadOptions options = to_server(1'000'000, GetParam().family);
    options.nudge_after = 100ms;
    EXPECT_EQ(lab::download(lab().client(), options).outcome, lab::Outcome::Reset);
    std::this_thread::sleep_for(2 * (GetParam().link.delay + GetParam().link.jitter) + 50ms);
    stop_without_suspects(10);
}

/// The server's own firewall rejects a running download: its stack goes on sending, and receives
/// nothing.
TEST_P(StressImpairedPath, RejectedByThePeer) {
    const lab::Forwarder forwarder = impaired();
    watch();
    const lab::Server server =
        require(lab::Server::start(lab().server(), {.family = GetParam().family,
                                                    .pace = {.chunk_bytes = 1000, .pause = 5ms}}));
    lab::Download running(lab().client(), to_server(1'000'000, GetParam().family));
    while (!running.done() && running.bytes() < 20'000) {
        std::this_thread::sleep_for(5ms);
    }
    const lab::Firewall reject = require(
        lab::Firewall::apply(lab().server(), {.chain = lab::FirewallRule::Chain::Input,
                                              .action = lab::FirewallRule::Action::RejectWithReset,
                                              .family = GetParam().family,
                                              .to_port = 80}));
    EXPECT_EQ(running.wait().outcome, lab::Outcome::Reset);
    std::this_thread::sleep_for(200ms);
    stop_without_suspects(1);
}

INSTANTIATE_TEST_SUITE_P(ImpairedPaths, StressImpairedPath, ::testing::ValuesIn(impaired_paths()),
                         impaired_path_name);

/// The first answer is 150 ms late, and all later ACKs are delayed ones: the round trip looks
/// longer than it is. Then the server aborts, at once.
struct Stack {
    lab::Family family;
    bool timestamps;
};

void PrintTo(const Stack& stack, std::ostream* out) {
    *out << (stack.timestamps ? "with timestamps" : "without");
}

class StressSlowAcks : public StressTest, public ::testing::WithParamInterface<Stack> {};

TEST_P(StressSlowAcks, AbortFasterThanAnyAck) {
    constexpr int kRounds = 6;
    require_ok(
        lab().server().set_sysctl("net.ipv4.tcp_timestamps", GetParam().timestamps ? "1" : "0"));
    bool is_first = true;
    const lab::Forwarder forwarder = require(lab::Forwarder::start(
        lab(), 2, {.plan = [&](lab::Side from, lab::FrameView) -> std::vector<lab::Delivery> {
            const bool late = from == lab::Side::Server && is_first;
            is_first = is_first && !late;
            return {{.after = late ? 150ms : 0ms}};
        }}));
    watch();
    const ScriptedServer server(
        lab().server(), {lab::IpAddress::any(GetParam().family), 80},
        [](Fd socket, const lab::WaitLimit& limit) {
            std::vector<std::uint8_t> buffer(1000);
            for (int i = 0; i < kRounds; ++i) {
                lab::pause(50ms, limit);  // a late ACK makes the next one prompt: repeat
                const int off = 0;
                setsockopt(socket.get(), IPPROTO_TCP, TCP_QUICKACK, &off, sizeof(off));
                [[maybe_unused]] const auto got = lab::receive_some(socket, buffer, limit);
            }
            lab::close_with_reset(std::move(socket));
        });
    const Fd socket = require(connect_from(lab().client(), GetParam().family));
    for (int i = 0; i < kRounds; ++i) {
        std::this_thread::sleep_for(80ms);
        require_ok(lab::send_all(socket, some_bytes(100), limit()));
    }
    EXPECT_TRUE(ends_by_reset(socket));
    stop_without_suspects(1);
}

INSTANTIATE_TEST_SUITE_P(
    Stacks, StressSlowAcks,
    ::testing::Values(Stack{lab::Family::V4, true}, Stack{lab::Family::V4, false},
                      Stack{lab::Family::V6, true}, Stack{lab::Family::V6, false}),
    [](const auto& info) {
        return std::string(info.param.family == lab::Family::V4 ? "V4" : "V6") +
               (info.param.timestamps ? "Timestamps" : "Plain");
    });

/// The route changes by two routers in the middle of a download; then the server resets.
struct Reroute {
    const char* name;
    lab::Family family;
    bool farther;
    lab::Ending ending;
};

void PrintTo(const Reroute& reroute, std::ostream* out) {
    *out << reroute.name;
}

class StressReroute : public StressTest, public ::testing::WithParamInterface<Reroute> {};

TEST_P(StressReroute, InTheMiddle) {
    constexpr std::uint64_t kServed = 200'000;
    std::uint64_t bytes = 0;
    const lab::Forwarder forwarder = require(lab::Forwarder::start(
        lab(), 2, {.plan = [&](lab::Side from, lab::FrameView frame) -> std::vector<lab::Delivery> {
            bytes += from == lab::Side::Server ? frame.size() : 0;
            const bool detour = (bytes > kServed / 2) == GetParam().farther;
            return {{.after = 1ms, .more_hops = from == lab::Side::Server && detour ? 2u : 0u}};
        }}));
    watch();
    const lab::Server server =
        require(lab::Server::start(lab().server(), {.family = GetParam().family,
                                                    .pace = {.chunk_bytes = 16'384},
                                                    .stop_after = kServed,
                                                    .before_ending = 20ms,
                                                    .ending = GetParam().ending}));
    lab::DownloadOptions options = to_server(1'000'000, GetParam().family);
    options.nudge_after = 100ms;
    const lab::DownloadReport report = lab::download(lab().client(), options);
    EXPECT_EQ(report.outcome, lab::Outcome::Reset);
    EXPECT_EQ(report.bytes, kServed);
    stop_without_suspects(1);
}

std::vector<Reroute> reroutes() {
    std::vector<Reroute> all;
    for (const lab::Family family : {lab::Family::V4, lab::Family::V6}) {
        all.push_back({"FartherAbort", family, true, lab::Ending::LingerZero});
        all.push_back({"FartherVanished", family, true, lab::Ending::Vanish});
        all.push_back({"NearerAbort", family, false, lab::Ending::LingerZero});
        all.push_back({"NearerVanished", family, false, lab::Ending::Vanish});
    }
    return all;
}

INSTANTIATE_TEST_SUITE_P(Reroutes, StressReroute, ::testing::ValuesIn(reroutes()),
                         [](const auto& info) {
                             return std::string(info.param.name) +
                                    (info.param.family == lab::Family::V4 ? "V4" : "V6");
                         });

}  // namespace
}  // namespace flowstamp::lab
