// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
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

/// The number in "GET <bytes>\n". If `leave_unread`, the request stays in the socket buffer.
Result<std::uint64_t> read_request(const Fd& socket, bool leave_unread, const WaitLimit& limit) {
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
        if (Status ready = wait_for(socket, POLLIN, limit); !ready) {
            return std::unexpected(ready.error());
        }
    }
}

/// What a connection's thread goes by.
struct Application {
    const ServerOptions& options;
    const Gate& running;
    WaitLimit limit;
};

/// Sends the stream's first `bytes`, chunk by chunk, counting in `sent`.
Status stream(const Fd& socket, const Application& application, std::uint64_t bytes,
              std::uint64_t& sent) {
    const auto& [options, running, limit] = application;
    const Pattern pattern(options.seed);
    std::vector<std::uint8_t> chunk(std::max<std::uint32_t>(options.pace.chunk_bytes, 1));
    while (sent < bytes) {
        const std::span part = std::span(chunk).first(
            static_cast<std::size_t>(std::min<std::uint64_t>(chunk.size(), bytes - sent)));
        pattern.fill(sent, part);
        if (Status runs = running.wait(limit); !runs) {
            return runs;
        }
        if (Status done = send_all(socket, part, limit); !done) {
            return done;
        }
        sent += part.size();
        if (sent < bytes && !pause(options.pace.pause, limit)) {
            return fail_errno("pause", "server", ECANCELED);
        }
    }
    return {};
}

Status serve_download(const Fd& socket, const Application& application, bool leave_unread,
                      std::uint64_t& sent) {
    const Result<std::uint64_t> requested = read_request(socket, leave_unread, application.limit);
    if (!requested) {
        return std::unexpected(requested.error());
    }
    return stream(socket, application, std::min(*requested, application.options.stop_after), sent);
}

/// Reads what the client still sends until it closes.
Status await_close(const Fd& socket, const WaitLimit& limit) {
    std::uint8_t buffer[256];
    for (;;) {
        const Result<std::size_t> got = receive_some(socket, buffer, limit);
        if (!got) {
            return std::unexpected(got.error());
        }
        if (*got == 0) {
            return {};
        }
    }
}

Status end_connection(Fd socket, Ending ending, const WaitLimit& limit) {
    switch (ending) {
        case Ending::Finish:
            shutdown(socket.get(), SHUT_WR);
            return await_close(socket, limit);
        case Ending::CloseUnread:
            break;
        case Ending::LingerZero:
            close_with_reset(std::move(socket));
            break;
        case Ending::Vanish:
            return vanish(std::move(socket));
        case Ending::Silence:
            return await_close(socket, limit);
    }
    return {};
}

/// Echoes until the client closes or enough is sent, counting in `sent`. If `leave_unread`, the
/// last data stays in the socket buffer.
Status echo(const Fd& socket, const Application& application, bool leave_unread,
            std::uint64_t& sent) {
    const auto& [options, running, limit] = application;
    std::uint8_t buffer[4096];
    while (sent < options.stop_after) {
        Status ready = wait_for(socket, POLLIN, limit);
        if (ready) {
            ready = running.wait(limit);
        }
        if (!ready) {
            return ready;
        }
        const Result<std::size_t> got = receive_some(socket, buffer, limit);
        if (!got) {
            return std::unexpected(got.error());
        }
        if (*got == 0) {
            return {};
        }
        if (Status done = send_all(socket, std::span(buffer).first(*got), limit); !done) {
            return done;
        }
        sent += *got;
    }
    return leave_unread ? wait_for(socket, POLLIN, limit) : Status{};
}

Status serve_connection(Fd socket, const Application& application, std::uint64_t& sent) {
    const ServerOptions& options = application.options;
    const bool leave_unread = options.ending == Ending::CloseUnread;
    const Status served = options.service == Service::Echo
                              ? echo(socket, application, leave_unread, sent)
                              : serve_download(socket, application, leave_unread, sent);
    if (!served) {
        return served;
    }
    if (!pause(options.before_ending, application.limit)) {
        return fail_errno("pause", "server", ECANCELED);
    }
    return end_connection(std::move(socket), options.ending, application.limit);
}

}  // namespace

Result<Server> Server::start(const Namespace& host, const ServerOptions& options) {
    Result<Fd> listener = host.run_in([&] {
        return listen_tcp({IpAddress::any(options.family), options.port}, options.ttl,
                          options.backlog);
    });
    if (!listener) {
        return std::unexpected(listener.error());
    }
    return Server(std::make_unique<State>(options, std::move(*listener)));
}

Server::State::State(const ServerOptions& wanted, Fd listening)
    : options(wanted), listener(std::move(listening)), acceptor([this] { accept_all(); }) {}

void Server::State::accept_all() {
    std::list<std::jthread> connections;  // each ends at its timeout, or when stopped
    for (;;) {
        const WaitLimit forever{SteadyClock::now() + std::chrono::hours(24), &stop};
        if (!wait_for(listener, POLLIN, forever) || !running.wait(forever)) {
            return;
        }
        Result<Fd> socket = accept_tcp(listener, forever);
        if (!socket) {
            return;
        }
        connections.emplace_back(
            [this, socket = std::move(*socket)]() mutable { serve(std::move(socket)); });
    }
}

void Server::State::serve(Fd socket) {
    const WaitLimit limit{SteadyClock::now() + options.timeout, &stop};
    ServeReport report{.client = remote_endpoint(socket)};
    const Status done =
        serve_connection(std::move(socket), {options, running, limit}, report.bytes);
    report.errno_value = done ? 0 : done.error().errno_value;
    {
        const std::lock_guard lock(mutex);
        reports.push_back(report);
    }
    changed.notify_all();
}

std::vector<ServeReport> Server::reports(std::size_t count,
                                         std::chrono::milliseconds timeout) const {
    std::unique_lock lock(state_->mutex);
    state_->changed.wait_for(lock, timeout, [&] { return state_->reports.size() >= count; });
    return state_->reports;
}

}  // namespace flowstamp::lab
