// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/netns/stress_fixture.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

namespace flowstamp::lab {
namespace {

constexpr std::uint16_t kServerPort = 80;

Fd require_bound(lab::Family family, int protocol, std::uint16_t port) {
    Fd socket(
        ::socket(lab::socket_family(family), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
    const int on = 1;
    const lab::SocketAddress local({lab::IpAddress::any(family), port});
    if (!socket || setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(socket.get(), local.get(), local.length) != 0) {
        throw std::runtime_error(fmt::format("bind port {}: errno {}", port, errno));
    }
    return socket;
}

Result<Fd> connected(Fd socket, const lab::Endpoint& server, const lab::WaitLimit& limit) {
    const lab::SocketAddress address(server);
    if (connect(socket.get(), address.get(), address.length) != 0 && errno != EINPROGRESS) {
        return fail_errno("connect", server.text(), errno);
    }
    if (Status ready = lab::wait_for(socket, POLLOUT, limit); !ready) {
        return std::unexpected(ready.error());
    }
    int failure = 0;
    socklen_t length = sizeof(failure);
    getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &failure, &length);
    if (failure != 0) {
        return fail_errno("connect", server.text(), failure);
    }
    return socket;
}

}  // namespace

ScriptedServer::ScriptedServer(const lab::Namespace& host, const lab::Endpoint& local,
                               Script script, std::optional<std::uint8_t> ttl)
    : ScriptedServer(require(host.run_in([&] { return lab::listen_tcp(local, ttl); })),
                     std::move(script)) {}

ScriptedServer::ScriptedServer(Fd listener, Script script)
    : works_(std::make_unique<Works>(std::move(listener), std::move(script))) {}

ScriptedServer::Works::Works(Fd listening, Script wanted)
    : listener(std::move(listening)),
      script(std::move(wanted)),
      acceptor([this] { accept_all(); }) {}

void ScriptedServer::Works::accept_all() {
    std::list<std::jthread> connections;
    const lab::WaitLimit forever{lab::SteadyClock::now() + 1h, &stop};
    for (;;) {
        Result<Fd> socket = lab::accept_tcp(listener, forever);
        if (!socket) {
            return;
        }
        connections.emplace_back([this, forever, socket = std::move(*socket)]() mutable {
            script(std::move(socket), forever);
        });
    }
}

Result<Fd> StressTest::connect_from(const lab::Namespace& host, lab::Family family,
                                    std::uint16_t local_port) {
    const lab::Endpoint server{lab().server().address(family), kServerPort};
    return host.run_in(
        [&] { return connected(require_bound(family, 0, local_port), server, limit()); });
}

Fd StressTest::listen_at_server(lab::Family family, int protocol) {
    return lab().server().run_in([&] {
        Fd socket = require_bound(family, protocol, kServerPort);
        if (listen(socket.get(), 128) != 0) {
            throw std::runtime_error(fmt::format("listen: errno {}", errno));
        }
        return socket;
    });
}

bool StressTest::ends_by_reset(const Fd& socket, std::chrono::milliseconds within) {
    std::vector<std::uint8_t> buffer(65'536);
    for (;;) {
        const Result<std::size_t> got = lab::receive_some(socket, buffer, limit(within));
        if (!got || *got == 0) {
            return !got && got.error().errno_value == ECONNRESET;
        }
    }
}

void StressTest::expect_no_suspects(const WatchLog& log) {
    for (const auto& [first, last] : log.resets) {
        EXPECT_EQ(first.judgement.verdict, FST_VERDICT_GENUINE) << log.text();
        EXPECT_EQ(last.judgement.verdict, FST_VERDICT_GENUINE) << log.text();
    }
    for (const auto& [first, last] : log.findings) {
        EXPECT_NE(last.kind, analysis::FindingKind::forged_rst) << log.text();
        EXPECT_NE(last.kind, analysis::FindingKind::injected_segment) << log.text();
    }
    EXPECT_EQ(log.count(FST_COUNT_EVENT_LOST), 0u);
}

WatchLog StressTest::stop_without_suspects(std::size_t resets) {
    wait_for_resets(resets);
    std::this_thread::sleep_for(50ms);  // packets in flight may still change the verdict
    WatchLog log = watch_->stop();
    EXPECT_GE(log.server_resets().size(), resets) << log.text();
    expect_no_suspects(log);
    return log;
}

void StressTest::widen_first_flight() {
    const lab::Namespace& client = lab().client();
    const lab::Namespace& server = lab().server();
    const auto widen = [](const lab::Namespace& host, const lab::Interface& link) {
        for (const auto& [ip, neighbour] : {std::pair{"-4", link.neighbour_ipv4.text()},
                                            std::pair{"-6", link.neighbour_ipv6.text()}}) {
            require_ok(host.require({"ip", ip, "route", "change", "default", "via", neighbour,
                                     "dev", link.name, "initcwnd", "300", "initrwnd", "300"}));
        }
    };
    require_ok(client.set_sysctl("net.ipv4.tcp_rmem", "4096 4000000 8000000"));
    require_ok(server.set_sysctl("net.ipv4.tcp_wmem", "4096 4000000 8000000"));
    widen(client, client.toward(lab::Side::Server));
    widen(server, server.toward(lab::Side::Client));
}

void require_ok(const Status& status) {
    if (!status) {
        throw std::runtime_error(status.error().message());
    }
}

std::vector<std::uint8_t> some_bytes(std::size_t count) {
    return std::vector<std::uint8_t>(count, 'x');
}

}  // namespace flowstamp::lab
