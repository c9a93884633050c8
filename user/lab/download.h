// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A download over real TCP: the client requests a number of bytes, checks each byte received, and
// reports how the connection ended.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <string>

#include "user/base/result.h"
#include "user/lab/namespace.h"
#include "user/lab/socket.h"

namespace flowstamp::lab {

/// How an application saw its connection end.
enum class Outcome : std::uint8_t {
    Complete,   ///< every byte arrived, correctly
    Refused,    ///< ECONNREFUSED while connecting
    Reset,      ///< ECONNRESET (or EPIPE after it)
    Closed,     ///< the peer closed properly, but too early
    TimedOut,   ///< nothing came before the deadline; or the kernel's ETIMEDOUT
    Corrupted,  ///< a received byte differs from what was sent
    Failed,     ///< another errno
};

/// "complete", "reset by peer", ...
const char* outcome_text(Outcome outcome);
/// The outcome that an errno of a socket call means.
Outcome outcome_of(int errno_value);

struct DownloadOptions {
    Endpoint server{};
    std::uint64_t bytes = 1'000'000;
    std::uint64_t seed = 1;  ///< of the stream; the same as the server's
    std::chrono::milliseconds timeout = std::chrono::seconds(10);  ///< for the whole download
    /// After each such time without data, the client sends a byte. Unset: it sends its request and
    /// nothing more.
    std::optional<std::chrono::milliseconds> nudge_after{};
};

struct DownloadReport {
    Outcome outcome = Outcome::Failed;
    int errno_value = 0;      ///< of the call that failed; 0 if none did
    std::string operation;    ///< that call: "connect", "send", "receive"; empty if none failed
    std::uint64_t bytes = 0;  ///< correct bytes received
    Endpoint local{};         ///< the client's address and port
    std::chrono::microseconds connected_after{0};  ///< from the start; 0 if never connected
    std::chrono::microseconds elapsed{0};          ///< from the start to the end
};

/// Downloads from a socket in `client`'s namespace; returns when done.
DownloadReport download(const Namespace& client, const DownloadOptions& options);

/// A download in the background. The destructor aborts it.
class Download {
  public:
    /// `client` must outlive it.
    Download(const Namespace& client, const DownloadOptions& options)
        : state_(std::make_unique<State>(client, options)) {}

    std::uint64_t bytes() const { return state_->progress.bytes; }  ///< correct bytes so far
    bool done() const;
    /// Waits until it ends, at its timeout at the latest. Once only.
    DownloadReport wait() { return state_->report.get(); }

    /// Shared by the two threads.
    struct Progress {
        StopSignal stop;
        std::atomic<std::uint64_t> bytes = 0;
    };

  private:
    struct State {
        State(const Namespace& client, const DownloadOptions& options);
        ~State() { progress.stop.raise(); }

        Progress progress;
        std::future<DownloadReport> report;  ///< destroyed first, waiting for its thread
    };

    std::unique_ptr<State> state_;
};

}  // namespace flowstamp::lab
