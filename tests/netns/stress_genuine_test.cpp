// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Ways in which connections between real kernels end. Rules once reported these resets as forged.
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
        [](Fd socket, const lab::WaitLimit&) { lab::close_with_reset(std::move(socket)); });
    for (std::size_t i = 0; i < kTimes; ++i) {
        const Result<Fd> socket = connect_from(lab().client(), GetParam());
        EXPECT_TRUE(socket ? ends_by_reset(*socket) : socket.error().errno_value == ECONNRESET);
    }
    stop_without_suspects(kTimes);
}

/// 20 ms after a reset the same port is reused. The new connection continues, which proves nothing
/// about the old one's end.
TEST_P(StressGenuine, PortReusedAtOnce) {
    constexpr std::size_t kTimes = 5;
    constexpr std::uint16_t kPort = 40'000;
    watch();
    const lab::Server server = require(lab::Server::start(
        lab().server(),
        {.family = GetParam(), .stop_after = 50'000, .ending = lab::Ending::LingerZero}));
    for (std::size_t i = 0; i < kTimes; ++i) {
        const Fd socket = require(connect_from(lab().client(), GetParam(), kPort));
        const std::string request = "GET 1000000\n";
        require_ok(lab::send_all(socket, std::vector<std::uint8_t>(request.begin(), request.end()),
                                 limit()));
        EXPECT_TRUE(ends_by_reset(socket));
        std::this_thread::sleep_for(20ms);
    }
    stop_without_suspects(kTimes);
}

/// The client has lost its state, and connects anew from the same port: the server answers with a
/// challenge ACK, the client resets the unknown connection, and sends its SYN again (RFC 9293,
/// section 3.5.1).
TEST_P(StressGenuine, HalfOpenConnectionRecovers) {
    constexpr std::uint16_t kPort = 40'001;
    watch();
    const ScriptedServer server(
        lab().server(), {lab::IpAddress::any(GetParam()), 80},
        [](Fd socket, const lab::WaitLimit& limit) {
            std::vector<std::uint8_t> buffer(1000);
            while (lab::receive_some(socket, buffer, limit).value_or(0) > 0) {
                if (!lab::send_all(socket, buffer, limit)) {
                    return;
                }
            }
        });
    const auto say_and_hear = [&](const Fd& socket) {
        std::vector<std::uint8_t> buffer(1000);
        for (int i = 0; i < 5; ++i) {
            require_ok(lab::send_all(socket, some_bytes(100), limit()));
            EXPECT_GT(require(lab::receive_some(socket, buffer, limit())), 0u);
        }
    };
    Fd first = require(connect_from(lab().client(), GetParam(), kPort));
    say_and_hear(first);
    require_ok(lab().client().run_in([&] { return lab::vanish(std::move(first)); }));
    const Fd second = require(connect_from(lab().client(), GetParam(), kPort));
    say_and_hear(second);
    wait_for_resets(0);
    const WatchLog log = stop_without_suspects(0);
    EXPECT_GE(log.resets.size(), 1u) << "the client's own reset\n" << log.text();
}

/// The server has lost its state: the client's data provokes a reset, and the next connection from
/// the same port works.
TEST_P(StressGenuine, RestartedServer) {
    constexpr std::uint16_t kPort = 40'002;
    watch();
    const ScriptedServer server(
        lab().server(), {lab::IpAddress::any(GetParam()), 80},
        [&](Fd socket, const lab::WaitLimit& limit) {
            std::vector<std::uint8_t> buffer(1000);
            for (int i = 0; i < 5; ++i) {
                [[maybe_unused]] const auto got = lab::receive_some(socket, buffer, limit);
                [[maybe_unused]] const auto sent = lab::send_all(socket, buffer, limit);
            }
            [[maybe_unused]] const Status gone = lab::vanish(std::move(socket));
        });
    for (int life = 0; life < 3; ++life) {
        const Fd socket = require(connect_from(lab().client(), GetParam(), kPort));
        std::vector<std::uint8_t> buffer(10'000);
        Status sent;
        for (int i = 0; sent && i < 5; ++i) {
            sent = lab::send_all(socket, some_bytes(100), limit());
            [[maybe_unused]] const auto got = lab::receive_some(socket, buffer, limit());
        }
        std::this_thread::sleep_for(20ms);
        [[maybe_unused]] const Status last = lab::send_all(socket, some_bytes(100), limit());
        EXPECT_TRUE(ends_by_reset(socket));
    }
    stop_without_suspects(3);
}

INSTANTIATE_TEST_SUITE_P(Families, StressGenuine, both_families(), family_name);

/// Listeners whose sockets have their own TTL; their host's stateless resets have its default.
struct OwnTtl {
    lab::Family family;
    std::uint8_t ttl;
};

void PrintTo(const OwnTtl& own, std::ostream* out) {
    *out << int{own.ttl};
}

class StressOwnTtl : public StressTest, public ::testing::WithParamInterface<OwnTtl> {
  protected:
    /// Two downloads that the server resets: by a vanished socket, and by an abort. Both end soon.
    void download_both(const lab::Namespace& client, cmd::WatchOptions options) {
        watch(client, {client.toward(lab::Side::Server).name}, std::move(options));
        for (const lab::Ending ending : {lab::Ending::Vanish, lab::Ending::LingerZero}) {
            const lab::Server server =
                require(lab::Server::start(lab().server(), {.family = GetParam().family,
                                                            .ttl = GetParam().ttl,
                                                            .stop_after = 50'000,
                                                            .before_ending = 30ms,
                                                            .ending = ending}));
            lab::DownloadOptions wanted = to_server(1'000'000, GetParam().family);
            wanted.nudge_after = 100ms;
            const lab::DownloadReport report = lab::download(client, wanted);
            EXPECT_EQ(report.outcome, lab::Outcome::Reset);
            EXPECT_LT(report.elapsed, 4s);
        }
    }
    /// A TTL of 1 reaches only the next hop, where the client is (as with eBGP).
    const lab::Namespace& client() {
        return GetParam().ttl == 1 ? lab().router(lab().routers()) : lab().client();
    }
};

TEST_P(StressOwnTtl, IsNotSuspected) {
    lab();
    download_both(client(), {});
    stop_without_suspects(2);
}

TEST_P(StressOwnTtl, IsFinallyAccepted) {
    lab();
    download_both(client(), acting(FST_DROP_SUSPECTED, FST_CHALLENGE_ALL));
    stop_without_suspects(2);
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

/// MPTCP subflows, refused and torn down (RFC 8684, sections 3.2 and 3.6).
class StressMptcp : public StressTest {
  protected:
    void SetUp() override {
        StressTest::SetUp();
        const lab::Namespace& client = lab().client();
        const std::string& interface = client.toward(lab::Side::Server).name;
        require_ok(client.set_sysctl("net.mptcp.enabled", "1"));
        require_ok(lab().server().set_sysctl("net.mptcp.enabled", "1"));
        require_ok(client.require({"ip", "addr", "add", "198.51.100.3/24", "dev", interface}));
        require_ok(client.require({"ip", "mptcp", "limits", "set", "subflow", "2"}));
        require_ok(client.require(
            {"ip", "mptcp", "endpoint", "add", "198.51.100.3", "dev", interface, "subflow"}));
    }

    /// An MPTCP client that reads until its connection ends.
    void read_all() {
        lab().client().run_in([&] {
            Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_MPTCP));
            const lab::SocketAddress address(lab::Endpoint{lab().server().address(), 80});
            (void)connect(socket.get(), address.get(), address.length);
            require_ok(lab::wait_for(socket, POLLOUT, limit()));
            require_ok(lab::send_all(socket, some_bytes(10), limit()));
            ends_by_reset(socket);
        });
    }

    ScriptedServer serve() {
        return {listen_at_server(lab::Family::V4, IPPROTO_MPTCP),
                [](Fd socket, const lab::WaitLimit& limit) {
                    for (int i = 0; i < 20; ++i) {
                        [[maybe_unused]] const auto sent =
                            lab::send_all(socket, some_bytes(5000), limit);
                        lab::pause(10ms, limit);
                    }
                    lab::close_with_reset(std::move(socket));
                }};
    }
};

TEST_F(StressMptcp, RefusedSubflow) {
    require_ok(lab().server().require({"ip", "mptcp", "limits", "set", "subflow", "0"}));
    watch();
    const ScriptedServer server = serve();
    read_all();
    stop_without_suspects(1);
}

TEST_F(StressMptcp, AllSubflowsTornDown) {
    require_ok(lab().server().require({"ip", "mptcp", "limits", "set", "subflow", "2"}));
    watch();
    const ScriptedServer server = serve();
    read_all();
    stop_without_suspects(1);
}

}  // namespace
}  // namespace flowstamp::lab
