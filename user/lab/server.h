// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// The lab's TCP server: serves downloads at a set pace, and ends each connection as configured.
// Every kind of genuine reset is available, produced by a real kernel.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "user/base/result.h"
#include "user/lab/namespace.h"
#include "user/lab/socket.h"

namespace flowstamp::lab {

/// How the server ends a connection when it has sent everything.
enum class Ending : std::uint8_t {
    Finish,       ///< waits for the client to close, then closes: FIN both ways
    CloseUnread,  ///< close() with data still unread: the kernel sends RST+ACK
    LingerZero,   ///< close() with SO_LINGER 0: RST+ACK
    Vanish,       ///< the socket disappears silently; later segments get a stateless RST
    Silence,      ///< stays open and sends nothing more
};

/// What the server does before that.
enum class Service : std::uint8_t {
    Download,  ///< streams as many bytes as the request asks for: see download.h
    Echo,      ///< echoes until the client closes: see exchange.h
};

/// Chunks with pauses in between. The default is 8 MB/s, each chunk acknowledged before the next.
struct Pace {
    std::uint32_t chunk_bytes = 32'768;
    std::chrono::microseconds pause = std::chrono::milliseconds(4);
};

struct ServerOptions {
    Family family = Family::V4;
    std::uint16_t port = 80;
    Service service = Service::Download;
    int backlog = kBacklog;             ///< Linux queues one connection more than that
    std::optional<std::uint8_t> ttl{};  ///< IP_TTL or hop limit of its sockets
    std::uint64_t seed = 1;             ///< of the stream
    Pace pace{};
    /// Ends the connection after this many bytes, even if the client requested more.
    std::uint64_t stop_after = std::numeric_limits<std::uint64_t>::max();
    /// Pause before the end, so that what was sent is acknowledged.
    std::chrono::milliseconds before_ending{0};
    Ending ending = Ending::Finish;
    std::chrono::milliseconds timeout = std::chrono::seconds(20);  ///< per connection
};

/// How a connection ended for the server.
struct ServeReport {
    Endpoint client{};
    std::uint64_t bytes = 0;  ///< passed to the kernel
    int errno_value = 0;      ///< of the call that failed; 0 if none did
};

/// Serves any number of connections at once, until destroyed.
class Server {
  public:
    /// Listens in `host`'s namespace, on all addresses.
    static Result<Server> start(const Namespace& host, const ServerOptions& options);

    /// Suspends the application, as SIGSTOP would: it accepts no connection and serves none. Its
    /// kernel goes on.
    void suspend() const { state_->running.close(); }
    void resume() const { state_->running.open(); }

    /// The reports so far, once there are `count` of them or `timeout` has passed.
    std::vector<ServeReport> reports(std::size_t count, std::chrono::milliseconds timeout) const;

  private:
    /// State of its threads; the acceptor is destroyed first, and with it the connections.
    struct State {
        State(const ServerOptions& wanted, Fd listening);
        ~State() { stop.raise(); }
        void accept_all();
        void serve(Fd socket);

        const ServerOptions options;
        const Fd listener;
        const StopSignal stop;
        const Gate running;
        std::mutex mutex;
        std::condition_variable changed;
        std::vector<ServeReport> reports;
        std::jthread acceptor;
    };

    explicit Server(std::unique_ptr<State> works) : state_(std::move(works)) {}

    std::unique_ptr<State> state_;
};

}  // namespace flowstamp::lab
