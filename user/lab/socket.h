// SPDX-License-Identifier: Apache-2.0
//
// TCP sockets whose every wait ends: at a deadline, or when told to stop.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "user/base/fd.h"
#include "user/base/result.h"
#include "user/lab/address.h"

namespace flowstamp::lab {

using SteadyClock = std::chrono::steady_clock;
using Deadline = SteadyClock::time_point;

/// A way to end the waits of other threads, once and for good.
class StopSignal {
  public:
    StopSignal();
    void raise() const;
    bool raised() const;
    int fd() const { return event_.get(); }

  private:
    Fd event_;
};

/// What a wait ends by besides its own event: error ETIMEDOUT at the deadline, ECANCELED when
/// `stop` is raised.
struct Patience {
    Deadline deadline;
    const StopSignal* stop = nullptr;

    /// The same with an earlier end.
    Patience until(Deadline other) const { return {std::min(deadline, other), stop}; }
};

/// Waits until `fd` has one of poll(2)'s `events`, an error or a hang-up.
Status wait_for(const Fd& fd, short events, const Patience& patience);
/// Waits for nothing but time: false when `stop` was raised or the deadline came before.
bool pause(std::chrono::microseconds length, const Patience& patience);

/// A listener in the calling thread's network namespace; `ttl` is its sockets' IP_TTL or hop limit.
Result<Fd> listen_tcp(const Endpoint& local, std::optional<std::uint8_t> ttl = {});
Result<Fd> accept_tcp(const Fd& listener, const Patience& patience);
/// The error's errno is what the connection ended with: ECONNREFUSED, ETIMEDOUT, ...
Result<Fd> connect_tcp(const Endpoint& server, const Patience& patience);

Status send_all(const Fd& socket, std::span<const std::uint8_t> bytes, const Patience& patience);
/// Some bytes, at least one; 0 when the peer has closed its side.
Result<std::size_t> receive_some(const Fd& socket, std::span<std::uint8_t> buffer,
                                 const Patience& patience);

/// Keepalive probes after `rest` without a packet, and again after as long (SO_KEEPALIVE).
Status keep_alive(const Fd& socket, std::chrono::seconds rest);

Endpoint local_endpoint(const Fd& socket);
Endpoint remote_endpoint(const Fd& socket);

/// Closes with a RST: SO_LINGER on, zero seconds.
void close_with_reset(Fd socket);
/// Makes the socket disappear without a word to its peer, as if its host had crashed: closed in
/// TCP_REPAIR. Needs CAP_NET_ADMIN.
Status vanish(Fd socket);

}  // namespace flowstamp::lab
