// SPDX-License-Identifier: Apache-2.0
//
// Genuine resets of which some rule or other has once said that they were forged: how connections
// end, between real kernels.
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>

#include "tests/netns/stress_fixture.h"
#include "user/lab/firewall.h"

namespace flowstamp::lab {
namespace {

using StressGenuine = StressFamilyTest;

TEST_P(StressGenuine, AcceptThenReset) {
    constexpr std::size_t kTimes = 20;
    watch();
    const ScriptedServer server(
        lab().server(), {lab::IpAddress::any(GetParam()), 80},
        [](Fd socket, const lab::Patience&) { lab::close_with_reset(std::move(socket)); });
    for (std::size_t i = 0; i < kTimes; ++i) {
        const Result<Fd> socket = connect_from(lab().client(), GetParam());
        EXPECT_TRUE(socket ? ends_by_reset(*socket) : socket.error().errno_value == ECONNRESET);
    }
    stop_unblamed(kTimes);
}

/// 20 ms after a reset the same port is in use again, and the new connection goes on: that says
/// nothing of the old one's end.
TEST_P(StressGenuine, ThePortUsedAgainAtOnce) {
    constexpr std::size_t kTimes = 5;
    constexpr std::uint16_t kPort = 40'000;
    watch();
    const lab::Server server = require(lab::Server::start(
        lab().server(),
        {.family = GetParam(), .stop_after = 50'000, .farewell = lab::Farewell::LingerZero}));
    for (std::size_t i = 0; i < kTimes; ++i) {
        const Fd socket = require(connect_from(lab().client(), GetParam(), kPort));
        const std::string request = "GET 1000000\n";
        must(lab::send_all(socket, std::vector<std::uint8_t>(request.begin(), request.end()),
                      patience()));
        EXPECT_TRUE(ends_by_reset(socket));
        std::this_thread::sleep_for(20ms);
    }
    stop_unblamed(kTimes);
}

/// The client has lost its state, and asks anew from the same port: the server answers with a
/// challenge ACK, the client resets what it does not know, and asks again (RFC 9293, section 3.5.1).
TEST_P(StressGenuine, AHalfOpenConnectionRecovers) {
    constexpr std::uint16_t kPort = 40'001;
    watch();
    const ScriptedServer server(lab().server(), {lab::IpAddress::any(GetParam()), 80},
                                [](Fd socket, const lab::Patience& patience) {
                                    std::vector<std::uint8_t> buffer(1000);
                                    while (lab::receive_some(socket, buffer, patience).value_or(0) > 0) {
                                        if (!lab::send_all(socket, buffer, patience)) {
                                            return;
                                        }
                                    }
                                });
    const auto say_and_hear = [&](const Fd& socket) {
        std::vector<std::uint8_t> buffer(1000);
        for (int i = 0; i < 5; ++i) {
            must(lab::send_all(socket, some_bytes(100), patience()));
            EXPECT_GT(require(lab::receive_some(socket, buffer, patience())), 0u);
        }
    };
    Fd first = require(connect_from(lab().client(), GetParam(), kPort));
    say_and_hear(first);
    must(lab().client().run_in([&] { return lab::vanish(std::move(first)); }));
    const Fd second = require(connect_from(lab().client(), GetParam(), kPort));
    say_and_hear(second);
    wait_for_resets(0);
    const WatchLog log = stop_unblamed(0);
    EXPECT_GE(log.resets.size(), 1u) << "the client's own reset\n" << log.text();
}

/// The server has lost its state: what the client says draws a reset, and the next connection, from
/// the same port, lives.
TEST_P(StressGenuine, AServerThatWasRestarted) {
    constexpr std::uint16_t kPort = 40'002;
    watch();
    const ScriptedServer server(
        lab().server(), {lab::IpAddress::any(GetParam()), 80}, [&](Fd socket, const lab::Patience& patience) {
            std::vector<std::uint8_t> buffer(1000);
            for (int i = 0; i < 5; ++i) {
                [[maybe_unused]] const auto got = lab::receive_some(socket, buffer, patience);
                [[maybe_unused]] const auto sent = lab::send_all(socket, buffer, patience);
            }
            [[maybe_unused]] const Status gone = lab::vanish(std::move(socket));
        });
    for (int life = 0; life < 3; ++life) {
        const Fd socket = require(connect_from(lab().client(), GetParam(), kPort));
        std::vector<std::uint8_t> buffer(10'000);
        Status sent;
        for (int i = 0; sent && i < 5; ++i) {
            sent = lab::send_all(socket, some_bytes(100), patience());
            [[maybe_unused]] const auto got = lab::receive_some(socket, buffer, patience());
        }
        std::this_thread::sleep_for(20ms);
        [[maybe_unused]] const Status last = lab::send_all(socket, some_bytes(100), patience());
        EXPECT_TRUE(ends_by_reset(socket));
    }
    stop_unblamed(3);
}

INSTANTIATE_TEST_SUITE_P(Families, StressGenuine, both_families(), family_name);

/// Listeners whose sockets have a TTL of their own; their host's stateless resets have its default.
struct OwnTtl {
    lab::Family family;
    std::uint8_t ttl;
};

void PrintTo(const OwnTtl& own, std::ostream* out) {
    *out << int{own.ttl};
}

class StressOwnTtl : public StressTest, public ::testing::WithParamInterface<OwnTtl> {
  protected:
    /// Two downloads that the server resets: without a word, and by an abort. Both end soon.
    void meet_both(const lab::Namespace& client, cmd::WatchOptions options) {
        watch(client, {client.toward(lab::Side::Server).name}, std::move(options));
        for (const lab::Farewell farewell : {lab::Farewell::Vanish, lab::Farewell::LingerZero}) {
            const lab::Server server =
                require(lab::Server::start(lab().server(), {.family = GetParam().family,
                                                       .ttl = GetParam().ttl,
                                                       .stop_after = 50'000,
                                                       .before_farewell = 30ms,
                                                       .farewell = farewell}));
            lab::DownloadOptions wanted = to_server(1'000'000, GetParam().family);
            wanted.nudge_after = 100ms;
            const lab::DownloadReport report = lab::download(client, wanted);
            EXPECT_EQ(report.outcome, lab::Outcome::Reset);
            EXPECT_LT(report.elapsed, 4s);
        }
    }
    /// A TTL of 1 reaches the next hop only: there the client is (as eBGP has it).
    const lab::Namespace& client() {
        return GetParam().ttl == 1 ? lab().router(lab().routers()) : lab().client();
    }
};

TEST_P(StressOwnTtl, IsNotBlamed) {
    lab();
    meet_both(client(), {});
    stop_unblamed(2);
}

TEST_P(StressOwnTtl, IsBelievedAtLast) {
    lab();
    meet_both(client(), acting(FST_DROP_SUSPECTED, FST_CHALLENGE_ALL));
    stop_unblamed(2);
}

std::vector<OwnTtl> own_ttls() {
    std::vector<OwnTtl> all;
    for (const lab::Family family : {lab::Family::V4, lab::Family::V6}) {
        for (const std::uint8_t ttl : {1, 35, 100, 255}) {
            all.push_back({family, ttl});
        }
    }
    return all;
}

INSTANTIATE_TEST_SUITE_P(Ttls, StressOwnTtl, ::testing::ValuesIn(own_ttls()), [](const auto& info) {
    return std::string(info.param.family == lab::Family::V4 ? "V4" : "V6") +
           std::to_string(info.param.ttl);
});

/// Subflows of MPTCP, refused and torn down (RFC 8684, sections 3.2 and 3.6).
class StressMptcp : public StressTest {
  protected:
    void SetUp() override {
        StressTest::SetUp();
        const lab::Namespace& client = lab().client();
        const std::string& interface = client.toward(lab::Side::Server).name;
        must(client.set_sysctl("net.mptcp.enabled", "1"));
        must(lab().server().set_sysctl("net.mptcp.enabled", "1"));
        must(client.require({"ip", "addr", "add", "198.51.100.3/24", "dev", interface}));
        must(client.require({"ip", "mptcp", "limits", "set", "subflow", "2"}));
        must(client.require(
            {"ip", "mptcp", "endpoint", "add", "198.51.100.3", "dev", interface, "subflow"}));
    }

    /// A client of MPTCP that reads until its connection ends.
    void read_all() {
        lab().client().run_in([&] {
            Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_MPTCP));
            const lab::SocketAddress address(lab::Endpoint{lab().server().address(), 80});
            connect(socket.get(), address.get(), address.length);
            must(lab::wait_for(socket, POLLOUT, patience()));
            must(lab::send_all(socket, some_bytes(10), patience()));
            ends_by_reset(socket);
        });
    }

    ScriptedServer serve() {
        return {
            listen_at_server(lab::Family::V4, IPPROTO_MPTCP), [](Fd socket, const lab::Patience& patience) {
                for (int i = 0; i < 20; ++i) {
                    [[maybe_unused]] const auto sent = lab::send_all(socket, some_bytes(5000), patience);
                    lab::pause(10ms, patience);
                }
                lab::close_with_reset(std::move(socket));
            }};
    }
};

TEST_F(StressMptcp, ARefusedSubflow) {
    must(lab().server().require({"ip", "mptcp", "limits", "set", "subflow", "0"}));
    watch();
    const ScriptedServer server = serve();
    read_all();
    stop_unblamed(1);
}

TEST_F(StressMptcp, AllSubflowsTornDown) {
    must(lab().server().require({"ip", "mptcp", "limits", "set", "subflow", "2"}));
    watch();
    const ScriptedServer server = serve();
    read_all();
    stop_unblamed(1);
}

}  // namespace
}  // namespace flowstamp::lab
