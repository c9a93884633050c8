// SPDX-License-Identifier: Apache-2.0
#include "user/lab/server.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <list>
#include <string>
#include <utility>

#include "user/lab/pattern.h"

namespace flowstamp::lab {
namespace {

/// The number in "GET <bytes>\n". It stays unread in the socket when `leave_unread`.
Result<std::uint64_t> read_request(const Fd& socket, bool leave_unread, const Patience& patience) {
    for (;;) {
        char text[64];
        const ssize_t got = recv(socket.get(), text, sizeof(text), MSG_PEEK);
        if (got == 0) {
            return fail_errno("read request", "client", ENODATA);
        }
        if (got < 0 && errno != EAGAIN && errno != EINTR) {
            return fail_errno("read request", "client", errno);
        }
        const char* end = got > 0 ? std::find(text, text + got, '\n') : text;
        if (got > 0 && end != text + got) {
            std::uint64_t bytes = 0;
            if (got < 5 || std::from_chars(text + 4, end, bytes).ec != std::errc{}) {
                return fail_errno("read request", "client", EPROTO);
            }
            if (!leave_unread) {
                [[maybe_unused]] const ssize_t consumed =
                    recv(socket.get(), text, static_cast<std::size_t>(end + 1 - text), 0);
            }
            return bytes;
        }
        if (Status ready = wait_for(socket, POLLIN, patience); !ready) {
            return std::unexpected(ready.error());
        }
    }
}

/// Sends the stream's first `bytes`, chunk by chunk, counting in `sent`.
Status stream(const Fd& socket, const ServerOptions& options, std::uint64_t bytes,
              const Patience& patience, std::uint64_t& sent) {
    const Pattern pattern(options.seed);
    std::vector<std::uint8_t> chunk(std::max<std::uint32_t>(options.pace.chunk_bytes, 1));
    while (sent < bytes) {
        const std::span part = std::span(chunk).first(
            static_cast<std::size_t>(std::min<std::uint64_t>(chunk.size(), bytes - sent)));
        pattern.fill(sent, part);
        if (Status done = send_all(socket, part, patience); !done) {
            return done;
        }
        sent += part.size();
        if (sent < bytes && !pause(options.pace.pause, patience)) {
            return fail_errno("pause", "server", ECANCELED);
        }
    }
    return {};
}

/// Reads what the client still says until it closes.
Status await_close(const Fd& socket, const Patience& patience) {
    std::uint8_t buffer[256];
    for (;;) {
        const Result<std::size_t> got = receive_some(socket, buffer, patience);
        if (!got) {
            return std::unexpected(got.error());
        }
        if (*got == 0) {
            return {};
        }
    }
}

Status bid_farewell(Fd socket, Farewell farewell, const Patience& patience) {
    switch (farewell) {
        case Farewell::Finish:
            shutdown(socket.get(), SHUT_WR);
            return await_close(socket, patience);
        case Farewell::CloseUnread:
            break;
        case Farewell::LingerZero:
            close_with_reset(std::move(socket));
            break;
        case Farewell::Vanish:
            return vanish(std::move(socket));
        case Farewell::Silence:
            return await_close(socket, patience);
    }
    return {};
}

Status converse(Fd socket, const ServerOptions& options, const Patience& patience,
                std::uint64_t& sent) {
    const bool leave_unread = options.farewell == Farewell::CloseUnread;
    const Result<std::uint64_t> asked = read_request(socket, leave_unread, patience);
    if (!asked) {
        return std::unexpected(asked.error());
    }
    const std::uint64_t bytes = std::min(*asked, options.stop_after);
    if (Status done = stream(socket, options, bytes, patience, sent); !done) {
        return done;
    }
    if (!pause(options.before_farewell, patience)) {
        return fail_errno("pause", "server", ECANCELED);
    }
    return bid_farewell(std::move(socket), options.farewell, patience);
}

}  // namespace

Result<Server> Server::start(const Namespace& host, const ServerOptions& options) {
    auto shared = std::make_unique<Shared>();
    shared->options = options;
    Result<Fd> listener = host.run_in([&] {
        return listen_tcp({IpAddress::any(options.family), options.port}, options.ttl);
    });
    if (!listener) {
        return std::unexpected(listener.error());
    }
    shared->listener = std::move(*listener);
    return Server(std::move(shared));
}

Server::Server(std::unique_ptr<Shared> shared)
    : shared_(std::move(shared)), acceptor_([shared = shared_.get()] { accept_all(*shared); }) {}

Server::~Server() {
    if (shared_) {
        shared_->stop.raise();
        acceptor_.join();
    }
}

void Server::accept_all(Shared& shared) {
    std::list<std::jthread> connections;  // each ends at its timeout, or when told to stop
    for (;;) {
        const Patience forever{SteadyClock::now() + std::chrono::hours(24), &shared.stop};
        Result<Fd> socket = accept_tcp(shared.listener, forever);
        if (!socket) {
            return;
        }
        connections.emplace_back(
            [&shared, socket = std::move(*socket)]() mutable { serve(shared, std::move(socket)); });
    }
}

void Server::serve(Shared& shared, Fd socket) {
    const Patience patience{SteadyClock::now() + shared.options.timeout, &shared.stop};
    ServeReport report{.client = remote_endpoint(socket)};
    const Status done = converse(std::move(socket), shared.options, patience, report.bytes);
    report.errno_value = done ? 0 : done.error().errno_value;
    {
        const std::lock_guard lock(shared.mutex);
        shared.reports.push_back(report);
    }
    shared.changed.notify_all();
}

std::vector<ServeReport> Server::reports(std::size_t count,
                                         std::chrono::milliseconds timeout) const {
    std::unique_lock lock(shared_->mutex);
    shared_->changed.wait_for(lock, timeout, [&] { return shared_->reports.size() >= count; });
    return shared_->reports;
}

}  // namespace flowstamp::lab
