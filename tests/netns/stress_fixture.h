// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Shared by the stress tests: scripted servers, and the check that no genuine reset is suspected.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <thread>

#include "tests/netns/watch_fixture.h"
#include "user/lab/forwarder.h"

namespace flowstamp::lab {

/// Serves each connection by a script, in a thread of its own, until destroyed.
class ScriptedServer {
  public:
    /// Handles an accepted connection; its waits end when the server is destroyed.
    using Script = std::function<void(Fd socket, const lab::WaitLimit& limit)>;

    /// Listens on all addresses of `host`.
    ScriptedServer(const lab::Namespace& host, const lab::Endpoint& local, Script script,
                   std::optional<std::uint8_t> ttl = {});
    /// On a socket that is already listening.
    ScriptedServer(Fd listener, Script script);

  private:
    struct Works {
        Works(Fd listening, Script wanted);
        ~Works() { stop.raise(); }
        void accept_all();

        const Fd listener;
        const Script script;
        const lab::StopSignal stop;
        std::jthread acceptor;
    };

    std::unique_ptr<Works> works_;
};

/// A watch that only observes, and resets that are all genuine.
class StressTest : public WatchTest {
  protected:
    static lab::WaitLimit limit(std::chrono::milliseconds length = 8s) {
        return {lab::SteadyClock::now() + length};
    }

    /// A connection from a lab host to the server, from the given local port, if any.
    Result<Fd> connect_from(const lab::Namespace& host, lab::Family family,
                            std::uint16_t local_port = 0);

    /// A listener on port 80 of the server's host; `protocol` as in socket(2).
    Fd listen_at_server(lab::Family family, int protocol = 0);

    /// Whether the connection ends by a reset within `within`; data until then is read.
    static bool ends_by_reset(const Fd& socket, std::chrono::milliseconds within = 5s);

    /// Stops the watch once it has reported `resets` in the server's name. None was ever suspected,
    /// and nothing was reported as forged or injected.
    WatchLog stop_without_suspects(std::size_t resets = 1);

    static void expect_no_suspects(const WatchLog& log);

    /// Lets the server's first flight be as large as 400 kB: wide initial windows at both ends.
    void widen_first_flight();
};

class StressFamilyTest : public StressTest, public ::testing::WithParamInterface<lab::Family> {};

/// Ends the test with the error's text.
void require_ok(const Status& status);

/// A few bytes, all the same.
std::vector<std::uint8_t> some_bytes(std::size_t count);

}  // namespace flowstamp::lab
