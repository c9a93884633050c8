// SPDX-License-Identifier: Apache-2.0
//
// A download over real TCP: the client asks for so many bytes, gets them, checks each, and tells
// how it ended.
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
    Complete,   ///< every byte arrived, and was right
    Refused,    ///< ECONNREFUSED while connecting
    Reset,      ///< ECONNRESET (or EPIPE after it)
    Closed,     ///< the peer closed in good order, but too early
    TimedOut,   ///< nothing came until the deadline; or ETIMEDOUT of the kernel
    Corrupted,  ///< a byte was not the one that was sent
    Failed,     ///< another errno
};

/// "complete", "reset by peer", ...
const char* outcome_text(Outcome outcome);
/// What an errno of a socket call amounts to.
Outcome outcome_of(int errno_value);

struct DownloadOptions {
    Endpoint server{};
    std::uint64_t bytes = 1'000'000;
    std::uint64_t seed = 1;  ///< of the stream; must be the server's
    std::chrono::milliseconds timeout = std::chrono::seconds(10);  ///< for the whole of it
    /// When nothing has arrived for so long, send a byte, and again: a client that does not only
    /// listen. Unset: it sends its request and nothing more.
    std::optional<std::chrono::milliseconds> nudge_after{};
};

struct DownloadReport {
    Outcome outcome = Outcome::Failed;
    int errno_value = 0;      ///< of the call that failed; 0 if none did
    std::string operation;    ///< that call: "connect", "send", "receive"; empty if none failed
    std::uint64_t bytes = 0;  ///< right ones received
    Endpoint local{};         ///< the client's end, as it sees itself
    std::chrono::microseconds connected_after{0};  ///< from the start; 0 if it never was
    std::chrono::microseconds elapsed{0};          ///< from the start to the end
};

/// Downloads from a socket in `client`'s namespace, and returns at its end.
DownloadReport download(const Namespace& client, const DownloadOptions& options);

/// A download in the background. Going out of scope breaks it off.
class Download {
  public:
    /// `client` must outlive it.
    Download(const Namespace& client, const DownloadOptions& options)
        : works_(std::make_unique<Works>(client, options)) {}

    std::uint64_t bytes() const { return works_->progress.bytes; }  ///< right ones so far
    bool done() const;
    /// Waits for its end, which comes at its timeout at the latest. Once only.
    DownloadReport wait() { return works_->report.get(); }

    /// What both threads look at.
    struct Progress {
        StopSignal stop;
        std::atomic<std::uint64_t> bytes = 0;
    };

  private:
    struct Works {
        Works(const Namespace& client, const DownloadOptions& options);
        ~Works() { progress.stop.raise(); }

        Progress progress;
        std::future<DownloadReport> report;  ///< goes first, and waits for its thread
    };

    std::unique_ptr<Works> works_;
};

}  // namespace flowstamp::lab
