// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/lab/socket.h"

#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace flowstamp::lab {
namespace {

/// Time left until `deadline`, 0 if it has passed, for ppoll(2).
timespec left_until(Deadline deadline) {
    const auto left =
        std::max<std::chrono::nanoseconds>(deadline - SteadyClock::now(), std::chrono::seconds(0));
    return {.tv_sec = left.count() / 1'000'000'000, .tv_nsec = left.count() % 1'000'000'000};
}

}  // namespace

StopSignal::StopSignal() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void StopSignal::raise() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(event_.get(), &one, sizeof(one));
}

bool StopSignal::raised() const {
    pollfd event{.fd = event_.get(), .events = POLLIN, .revents = 0};
    return poll(&event, 1, 0) > 0;
}

Gate::Gate() : event_(eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void Gate::open() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(event_.get(), &one, sizeof(one));
}

void Gate::close() const {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = read(event_.get(), &count, sizeof(count));
}

Status Gate::wait(const WaitLimit& limit) const {
    return wait_for(event_, POLLIN, limit);
}

Status wait_for(const Fd& fd, short events, const WaitLimit& limit) {
    for (;;) {
        pollfd fds[2] = {
            {.fd = fd ? fd.get() : -1, .events = events, .revents = 0},
            {.fd = limit.stop ? limit.stop->fd() : -1, .events = POLLIN, .revents = 0}};
        const timespec left = left_until(limit.deadline);
        const int ready = ppoll(fds, 2, &left, nullptr);
        if (ready < 0 && errno != EINTR) {
            return fail_errno("wait", "socket", errno);
        }
        if (ready == 0) {
            return fail_errno("wait", "socket", ETIMEDOUT);
        }
        if (ready > 0 && fds[1].revents != 0) {
            return fail_errno("wait", "socket", ECANCELED);
        }
        if (ready > 0) {
            return {};
        }
    }
}

bool pause(std::chrono::microseconds length, const WaitLimit& limit) {
    const Deadline end = SteadyClock::now() + length;
    if (length.count() <= 0) {
        return true;
    }
    const Status waited = wait_for(Fd(), 0, limit.until(end));
    return waited.error().errno_value == ETIMEDOUT && end <= limit.deadline;
}

Result<Fd> listen_tcp(const Endpoint& local, std::optional<std::uint8_t> ttl, int backlog) {
    const int family = socket_family(local.address.family);
    Fd socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int on = 1;
    const int hops = ttl.value_or(0);
    const bool ipv4 = family == AF_INET;
    const SocketAddress address(local);
    if (!socket || setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        (ttl && setsockopt(socket.get(), ipv4 ? IPPROTO_IP : IPPROTO_IPV6,
                           ipv4 ? IP_TTL : IPV6_UNICAST_HOPS, &hops, sizeof(hops)) != 0) ||
        bind(socket.get(), address.get(), address.length) != 0 ||
        listen(socket.get(), backlog) != 0) {
        return fail_errno("listen", local.text(), errno);
    }
    return socket;
}

Result<Fd> accept_tcp(const Fd& listener, const WaitLimit& limit) {
    for (;;) {
        Fd socket(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (socket) {
            return socket;
        }
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
            return fail_errno("accept", "listener", errno);
        }
        if (Status ready = wait_for(listener, POLLIN, limit); !ready) {
            return std::unexpected(ready.error());
        }
    }
}

Result<Fd> begin_connect(const Endpoint& server, std::uint16_t local_port) {
    const Family family = server.address.family;
    Fd socket(::socket(socket_family(family), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const SocketAddress address(server), local({IpAddress::any(family), local_port});
    if (!socket || (local_port != 0 && bind(socket.get(), local.get(), local.length) != 0) ||
        (connect(socket.get(), address.get(), address.length) != 0 && errno != EINPROGRESS)) {
        return fail_errno("connect", server.text(), errno);
    }
    return socket;
}

Result<Fd> connect_tcp(const Endpoint& server, const WaitLimit& limit, std::uint16_t local_port) {
    Result<Fd> socket = begin_connect(server, local_port);
    if (!socket) {
        return socket;
    }
    if (Status ready = wait_for(*socket, POLLOUT, limit); !ready) {
        return fail_errno("connect", server.text(), ready.error().errno_value);
    }
    int failure = 0;
    socklen_t length = sizeof(failure);
    getsockopt(socket->get(), SOL_SOCKET, SO_ERROR, &failure, &length);
    if (failure != 0) {
        return fail_errno("connect", server.text(), failure);
    }
    return socket;
}

Status send_all(const Fd& socket, std::span<const std::uint8_t> bytes, const WaitLimit& limit) {
    while (!bytes.empty()) {
        const ssize_t sent = send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent >= 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(sent));
        } else if (errno != EAGAIN && errno != EINTR) {
            return fail_errno("send", remote_endpoint(socket).text(), errno);
        } else if (Status ready = wait_for(socket, POLLOUT, limit); !ready) {
            return ready;
        }
    }
    return {};
}

Result<std::size_t> receive_some(const Fd& socket, std::span<std::uint8_t> buffer,
                                 const WaitLimit& limit) {
    for (;;) {
        const ssize_t got = recv(socket.get(), buffer.data(), buffer.size(), 0);
        if (got >= 0) {
            return static_cast<std::size_t>(got);
        }
        if (errno != EAGAIN && errno != EINTR) {
            return fail_errno("receive", remote_endpoint(socket).text(), errno);
        }
        if (Status ready = wait_for(socket, POLLIN, limit); !ready) {
            return std::unexpected(ready.error());
        }
    }
}

Status keep_alive(const Fd& socket, std::chrono::seconds idle) {
    const int on = 1, seconds = static_cast<int>(idle.count());
    const int fd = socket.get();
    if (setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds)) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof(seconds)) != 0) {
        return fail_errno("keep alive", "socket", errno);
    }
    return {};
}

Endpoint local_endpoint(const Fd& socket) {
    SocketAddress address;
    getsockname(socket.get(), address.get(), &address.length);
    return address.endpoint();
}

Endpoint remote_endpoint(const Fd& socket) {
    SocketAddress address;
    getpeername(socket.get(), address.get(), &address.length);
    return address.endpoint();
}

void close_with_reset(Fd socket) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

Status vanish(Fd socket) {
    const int on = 1;
    if (setsockopt(socket.get(), IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)) != 0) {
        return fail_errno("vanish", "socket", errno, "TCP_REPAIR needs CAP_NET_ADMIN");
    }
    return {};
}

}  // namespace flowstamp::lab
