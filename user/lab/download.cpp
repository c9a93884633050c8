// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/lab/download.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>

#include "user/lab/pattern.h"

namespace flowstamp::lab {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;

/// The client's side of a download, from connecting to the report.
class Client {
  public:
    Client(const DownloadOptions& options, Download::Progress& progress)
        : options_(options),
          progress_(progress),
          limit_{started_ + options.timeout, &progress.stop} {}

    DownloadReport run() {
        if (Status done = transfer(); !done) {
            report_.errno_value = done.error().errno_value;
            report_.operation = done.error().operation;
            report_.outcome = outcome_of(report_.errno_value);
        }
        report_.bytes = progress_.bytes;
        report_.elapsed = duration_cast<microseconds>(SteadyClock::now() - started_);
        return report_;
    }

  private:
    Status transfer() {
        Result<Fd> socket = connect_tcp(options_.server, limit_);
        if (!socket) {
            return std::unexpected(socket.error());
        }
        report_.connected_after = duration_cast<microseconds>(SteadyClock::now() - started_);
        report_.local = local_endpoint(*socket);
        const std::string request = fmt::format("GET {}\n", options_.bytes);
        if (Status sent = send_text(*socket, request); !sent) {
            return sent;
        }
        while (progress_.bytes < options_.bytes) {
            const Result<std::size_t> got = receive(*socket);
            if (!got) {
                return std::unexpected(got.error());
            }
            if (*got == 0) {
                report_.outcome = Outcome::Closed;
                return {};
            }
            const std::span arrived = std::span(buffer_).first(*got);
            if (const auto wrong = pattern_.mismatch(progress_.bytes, arrived)) {
                progress_.bytes += *wrong;
                report_.outcome = Outcome::Corrupted;
                return {};
            }
            progress_.bytes += *got;
        }
        report_.outcome = Outcome::Complete;
        return {};
    }

    /// Receives, and sends the server a byte whenever it has been silent for long (nudge_after).
    Result<std::size_t> receive(const Fd& socket) {
        for (;;) {
            if (!options_.nudge_after) {
                return receive_some(socket, buffer_, limit_);
            }
            const Deadline silent = SteadyClock::now() + *options_.nudge_after;
            const Result<std::size_t> got = receive_some(socket, buffer_, limit_.until(silent));
            if (got || got.error().errno_value != ETIMEDOUT || silent > limit_.deadline) {
                return got;
            }
            if (Status sent = send_text(socket, "."); !sent) {
                return std::unexpected(sent.error());
            }
        }
    }

    Status send_text(const Fd& socket, const std::string& text) {
        return send_all(socket, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()},
                        limit_);
    }

    const DownloadOptions& options_;
    Download::Progress& progress_;
    const SteadyClock::time_point started_ = SteadyClock::now();
    const WaitLimit limit_;
    const Pattern pattern_{options_.seed};
    std::array<std::uint8_t, 65536> buffer_;
    DownloadReport report_;
};

}  // namespace

const char* outcome_text(Outcome outcome) {
    switch (outcome) {
        case Outcome::Complete:
            return "complete";
        case Outcome::Refused:
            return "connection refused";
        case Outcome::Reset:
            return "connection reset by peer";
        case Outcome::Closed:
            return "closed by peer too early";
        case Outcome::TimedOut:
            return "timed out";
        case Outcome::Corrupted:
            return "corrupted";
        case Outcome::Failed:
            return "failed";
    }
    return "unknown";
}

Outcome outcome_of(int errno_value) {
    switch (errno_value) {
        case 0:
            return Outcome::Complete;
        case ECONNREFUSED:
            return Outcome::Refused;
        case ECONNRESET:
        case EPIPE:
            return Outcome::Reset;
        case ETIMEDOUT:
            return Outcome::TimedOut;
        default:
            return Outcome::Failed;
    }
}

DownloadReport download(const Namespace& client, const DownloadOptions& options) {
    Download::Progress progress;
    return client.run_in([&] { return Client(options, progress).run(); });
}

Download::State::State(const Namespace& client, const DownloadOptions& options)
    : report(std::async(std::launch::async, [this, &client, options] {
          client.enter();
          return Client(options, progress).run();
      })) {}

bool Download::done() const {
    return state_->report.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

}  // namespace flowstamp::lab
