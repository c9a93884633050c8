// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/lab/exchange.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <utility>
#include <vector>

#include "user/lab/pattern.h"

namespace flowstamp::lab {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;

/// One round trip. False if the server has closed.
Result<bool> round_trip(const Fd& socket, std::span<const std::uint8_t> payload,
                        const WaitLimit& limit) {
    if (Status sent = send_all(socket, payload, limit); !sent) {
        return std::unexpected(sent.error());
    }
    std::vector<std::uint8_t> answer(payload.size());
    for (std::size_t have = 0; have < answer.size();) {
        const Result<std::size_t> got =
            receive_some(socket, std::span(answer).subspan(have), limit);
        if (!got) {
            return std::unexpected(got.error());
        }
        if (*got == 0) {
            return false;
        }
        have += *got;
    }
    if (!std::ranges::equal(answer, payload)) {
        return fail_errno("receive", "echo", EBADMSG);
    }
    return true;
}

/// Vanishes with all data acknowledged: the server has nothing to send again.
Status vanish_in_silence(Fd socket) {
    const int on = 1;  // sends a delayed ACK now
    if (setsockopt(socket.get(), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on)) != 0) {
        return fail_errno("acknowledge", "socket", errno);
    }
    return vanish(std::move(socket));
}

Status run_rounds(const ExchangeOptions& options, const WaitLimit& limit, DownloadReport& report) {
    const auto started = SteadyClock::now();
    Result<Fd> socket = connect_tcp(options.server, limit, options.local_port);
    if (!socket) {
        return std::unexpected(socket.error());
    }
    report.connected_after = duration_cast<microseconds>(SteadyClock::now() - started);
    report.local = local_endpoint(*socket);
    if (options.keepalive) {
        if (Status kept = keep_alive(*socket, *options.keepalive); !kept) {
            return kept;
        }
    }
    std::vector<std::uint8_t> payload(options.bytes);
    for (unsigned round = 0; round < options.rounds; ++round) {
        if (round != 0 && !pause(options.pause, limit)) {
            return fail_errno("pause", "client", ETIMEDOUT);
        }
        Pattern(round).fill(0, payload);
        const Result<bool> back = round_trip(*socket, payload, limit);
        if (!back) {
            return std::unexpected(back.error());
        }
        if (!*back) {
            report.outcome = Outcome::Closed;
            return {};
        }
        report.bytes += payload.size();
    }
    report.outcome = Outcome::Complete;
    return options.vanishes ? vanish_in_silence(std::move(*socket)) : Status{};
}

}  // namespace

DownloadReport exchange(const Namespace& client, const ExchangeOptions& options) {
    return client.run_in([&] {
        const auto started = SteadyClock::now();
        DownloadReport report;
        if (Status done = run_rounds(options, {started + options.timeout, options.stop}, report);
            !done) {
            report.errno_value = done.error().errno_value;
            report.operation = done.error().operation;
            report.outcome =
                report.errno_value == EBADMSG ? Outcome::Corrupted : outcome_of(report.errno_value);
        }
        report.elapsed = duration_cast<microseconds>(SteadyClock::now() - started);
        return report;
    });
}

}  // namespace flowstamp::lab
