// SPDX-License-Identifier: Apache-2.0
//
// What the tests that try to break the rules share: servers that do anything, paths that do
// anything, and the one thing that must never happen.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <thread>

#include "tests/netns/watch_fixture.h"
#include "user/lab/forwarder.h"

namespace flowstamp::lab {

/// Serves each connection by a script, in a thread of its own, until it goes out of scope.
class ScriptedServer {
  public:
    /// What is done with an accepted connection; its waits end when the server goes.
    using Script = std::function<void(Fd socket, const lab::Patience& patience)>;

    /// Listens on all addresses of `host`.
    ScriptedServer(const lab::Namespace& host, const lab::Endpoint& local, Script script,
                   std::optional<std::uint8_t> ttl = {});
    /// At a socket that listens already.
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

/// A watch that only looks, and resets that are all genuine.
class StressTest : public WatchTest {
  protected:
    static lab::Patience patience(std::chrono::milliseconds length = 8s) {
        return {lab::SteadyClock::now() + length};
    }

    /// A connection from a host of the lab to the server, from a port of its own if one is given.
    Result<Fd> connect_from(const lab::Namespace& host, lab::Family family, std::uint16_t local_port = 0);

    /// A listener on port 80 of the server's host; `protocol` as in socket(2).
    Fd listen_at_server(lab::Family family, int protocol = 0);

    /// Whether the connection ends by a reset before `within` is over; what comes until then is
    /// read.
    static bool ends_by_reset(const Fd& socket, std::chrono::milliseconds within = 5s);

    /// Stops the watch once it has told of `resets` in the server's name. Not one was doubted, from
    /// the first to the last, and nothing says that a box forged or injected anything.
    WatchLog stop_unblamed(std::size_t resets = 1);

    static void expect_no_blame(const WatchLog& log);

    /// The server's first flight holds as much as 400 kB: wide initial windows at both ends.
    void widen_first_flight();
};

class StressFamilyTest : public StressTest, public ::testing::WithParamInterface<lab::Family> {};

/// Stops the test with the error's text.
void must(const Status& status);

/// A few bytes, all the same.
std::vector<std::uint8_t> some_bytes(std::size_t count);

}  // namespace flowstamp::lab
