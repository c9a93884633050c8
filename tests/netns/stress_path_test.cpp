// SPDX-License-Identifier: Apache-2.0
//
// Genuine resets across paths that delay, lose, reorder, double and move packets: none is blamed.
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <map>

#include "tests/netns/stress_fixture.h"
#include "user/lab/firewall.h"

namespace flowstamp::lab {
namespace {

struct Road {
    const char* name;
    lab::Family family;
    lab::Impairment link;
};

void PrintTo(const Road& road, std::ostream* out) {
    *out << road.name;
}

std::vector<Road> roads() {
    std::vector<Road> all;
    for (const lab::Family family : {lab::Family::V4, lab::Family::V6}) {
        all.push_back({"Steady", family, {.delay = 20ms}});
        all.push_back({"Jitter3ms", family, {.delay = 20ms, .jitter = 3ms}});
        all.push_back({"Jitter10ms", family, {.delay = 20ms, .jitter = 10ms}});
        all.push_back({"Jitter40ms", family, {.delay = 45ms, .jitter = 40ms}});
        all.push_back({"Loss5Percent", family, {.delay = 20ms, .loss = 0.05, .seed = 3}});
    }
    return all;
}

std::string road_name(const ::testing::TestParamInfo<Road>& info) {
    return std::string(info.param.name) + (info.param.family == lab::Family::V4 ? "V4" : "V6");
}

class StressRoad : public StressTest, public ::testing::WithParamInterface<Road> {
  protected:
    lab::Forwarder road() { return require(lab::Forwarder::start(lab(), 2, {.link = GetParam().link})); }
};

/// The server aborts with 400 kB under way: each of the client's ACKs for them meets a stateless
/// reset of its own, and those step by segments.
TEST_P(StressRoad, AnAbortWith400KilobytesInFlight) {
    widen_first_flight();
    const lab::Forwarder forwarder = road();
    watch();
    const lab::Server server =
        require(lab::Server::start(lab().server(), {.family = GetParam().family,
                                               .pace = {.chunk_bytes = 400'000},
                                               .stop_after = 400'000,
                                               .before_farewell = 5ms,
                                               .farewell = lab::Farewell::LingerZero}));
    const lab::DownloadReport report = lab::download(lab().client(), to_server(1'000'000, GetParam().family));
    EXPECT_EQ(report.outcome, lab::Outcome::Reset);
    std::this_thread::sleep_for(2 * (GetParam().link.delay + GetParam().link.jitter) + 50ms);
    stop_unblamed(20);
}

/// The same where the socket vanishes: nothing but stateless resets.
TEST_P(StressRoad, ASocketThatVanishesWith400KilobytesInFlight) {
    widen_first_flight();
    const lab::Forwarder forwarder = road();
    watch();
    const lab::Server server = require(lab::Server::start(lab().server(), {.family = GetParam().family,
                                                                 .pace = {.chunk_bytes = 400'000},
                                                                 .stop_after = 400'000,
                                                                 .before_farewell = 5ms,
                                                                 .farewell = lab::Farewell::Vanish}));
    lab::DownloadOptions options = to_server(1'000'000, GetParam().family);
    options.nudge_after = 100ms;
    EXPECT_EQ(lab::download(lab().client(), options).outcome, lab::Outcome::Reset);
    std::this_thread::sleep_for(2 * (GetParam().link.delay + GetParam().link.jitter) + 50ms);
    stop_unblamed(10);
}

/// The server's own firewall rejects a download under way: its stack goes on sending, and is deaf.
TEST_P(StressRoad, RejectedByThePeer) {
    const lab::Forwarder forwarder = road();
    watch();
    const lab::Server server =
        require(lab::Server::start(lab().server(), {.family = GetParam().family,
                                               .pace = {.chunk_bytes = 1000, .pause = 5ms}}));
    lab::Download running(lab().client(), to_server(1'000'000, GetParam().family));
    while (!running.done() && running.bytes() < 20'000) {
        std::this_thread::sleep_for(5ms);
    }
    const lab::Firewall reject =
        require(lab::Firewall::apply(lab().server(), {.chain = lab::FirewallRule::Chain::Input,
                                                 .action = lab::FirewallRule::Action::RejectWithReset,
                                                 .family = GetParam().family,
                                                 .to_port = 80}));
    EXPECT_EQ(running.wait().outcome, lab::Outcome::Reset);
    std::this_thread::sleep_for(200ms);
    stop_unblamed(1);
}

INSTANTIATE_TEST_SUITE_P(Roads, StressRoad, ::testing::ValuesIn(roads()), road_name);

/// The first answer comes 150 ms late, and all later ACKs are delayed ones: the round trip looks
/// longer than it is. Then the server aborts, at once.
struct Stack {
    lab::Family family;
    bool timestamps;
};

void PrintTo(const Stack& stack, std::ostream* out) {
    *out << (stack.timestamps ? "with timestamps" : "without");
}

class StressSlowAcks : public StressTest, public ::testing::WithParamInterface<Stack> {};

TEST_P(StressSlowAcks, AnAbortThatIsFasterThanAnyAck) {
    constexpr int kRounds = 6;
    must(lab().server().set_sysctl("net.ipv4.tcp_timestamps", GetParam().timestamps ? "1" : "0"));
    bool is_first = true;
    const lab::Forwarder forwarder = require(
        lab::Forwarder::start(lab(), 2, {.plan = [&](lab::Side from, lab::FrameView) -> std::vector<lab::Passage> {
                             const bool late = from == lab::Side::Server && is_first;
                             is_first = is_first && !late;
                             return {{.after = late ? 150ms : 0ms}};
                         }}));
    watch();
    const ScriptedServer server(
        lab().server(), {lab::IpAddress::any(GetParam().family), 80},
        [](Fd socket, const lab::Patience& patience) {
            std::vector<std::uint8_t> buffer(1000);
            for (int i = 0; i < kRounds; ++i) {
                lab::pause(50ms, patience);  // an ACK that was late makes the next one prompt: ask again
                const int off = 0;
                setsockopt(socket.get(), IPPROTO_TCP, TCP_QUICKACK, &off, sizeof(off));
                [[maybe_unused]] const auto got = lab::receive_some(socket, buffer, patience);
            }
            lab::close_with_reset(std::move(socket));
        });
    const Fd socket = require(connect_from(lab().client(), GetParam().family));
    for (int i = 0; i < kRounds; ++i) {
        std::this_thread::sleep_for(80ms);
        must(lab::send_all(socket, some_bytes(100), patience()));
    }
    EXPECT_TRUE(ends_by_reset(socket));
    stop_unblamed(1);
}

INSTANTIATE_TEST_SUITE_P(Stacks, StressSlowAcks,
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
    lab::Farewell farewell;
};

void PrintTo(const Reroute& reroute, std::ostream* out) {
    *out << reroute.name;
}

class StressReroute : public StressTest, public ::testing::WithParamInterface<Reroute> {};

TEST_P(StressReroute, InTheMiddle) {
    constexpr std::uint64_t kServed = 200'000;
    std::uint64_t bytes = 0;
    const lab::Forwarder forwarder = require(lab::Forwarder::start(
        lab(), 2, {.plan = [&](lab::Side from, lab::FrameView frame) -> std::vector<lab::Passage> {
            bytes += from == lab::Side::Server ? frame.size() : 0;
            const bool detour = (bytes > kServed / 2) == GetParam().farther;
            return {{.after = 1ms, .more_hops = from == lab::Side::Server && detour ? 2u : 0u}};
        }}));
    watch();
    const lab::Server server = require(lab::Server::start(lab().server(), {.family = GetParam().family,
                                                                 .pace = {.chunk_bytes = 16'384},
                                                                 .stop_after = kServed,
                                                                 .before_farewell = 20ms,
                                                                 .farewell = GetParam().farewell}));
    lab::DownloadOptions options = to_server(1'000'000, GetParam().family);
    options.nudge_after = 100ms;
    const lab::DownloadReport report = lab::download(lab().client(), options);
    EXPECT_EQ(report.outcome, lab::Outcome::Reset);
    EXPECT_EQ(report.bytes, kServed);
    stop_unblamed(1);
}

std::vector<Reroute> reroutes() {
    std::vector<Reroute> all;
    for (const lab::Family family : {lab::Family::V4, lab::Family::V6}) {
        all.push_back({"FartherAbort", family, true, lab::Farewell::LingerZero});
        all.push_back({"FartherVanished", family, true, lab::Farewell::Vanish});
        all.push_back({"NearerAbort", family, false, lab::Farewell::LingerZero});
        all.push_back({"NearerVanished", family, false, lab::Farewell::Vanish});
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
