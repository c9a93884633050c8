// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// TCP sockets on which every wait ends: at a deadline, or when stopped.
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

/// Ends the waits of other threads, once and permanently.
class StopSignal {
  public:
    StopSignal();
    void raise() const;
    bool raised() const;
    int fd() const { return event_.get(); }

  private:
    Fd event_;
};

/// What ends a wait besides its own event: error ETIMEDOUT at the deadline, ECANCELED when `stop`
/// is raised.
struct WaitLimit {
    Deadline deadline;
    const StopSignal* stop = nullptr;

    /// The same with an earlier deadline.
    WaitLimit until(Deadline other) const { return {std::min(deadline, other), stop}; }
};

/// A condition that threads wait for, open at first. They see it close only when they look again.
class Gate {
  public:
    Gate();
    void open() const;
    void close() const;
    Status wait(const WaitLimit& limit) const;  ///< until it is open

  private:
    Fd event_;  ///< readable while open
};

/// Waits until `fd` has one of poll(2)'s `events`, an error or a hang-up.
Status wait_for(const Fd& fd, short events, const WaitLimit& limit);
/// Sleeps; false if `stop` was raised or the deadline passed first.
bool pause(std::chrono::microseconds length, const WaitLimit& limit);

inline constexpr int kBacklog = 128;  ///< of a listener, unless it is given another

/// A listener in the calling thread's network namespace; `ttl` is its sockets' IP_TTL or hop limit.
/// They send at once what they are given (TCP_NODELAY): the rest of a write, held back until all
/// before it is acknowledged, would race a forgery that is made at that moment.
Result<Fd> listen_tcp(const Endpoint& local, std::optional<std::uint8_t> ttl = {},
                      int backlog = kBacklog);
Result<Fd> accept_tcp(const Fd& listener, const WaitLimit& limit);
/// Sends a SYN, and returns without waiting for an answer. `local_port` 0: the kernel chooses.
Result<Fd> begin_connect(const Endpoint& server, std::uint16_t local_port = 0);
/// The error's errno is how the connection failed: ECONNREFUSED, ETIMEDOUT, ...
Result<Fd> connect_tcp(const Endpoint& server, const WaitLimit& limit,
                       std::uint16_t local_port = 0);

Status send_all(const Fd& socket, std::span<const std::uint8_t> bytes, const WaitLimit& limit);
/// At least one byte; 0 if the peer has closed its side.
Result<std::size_t> receive_some(const Fd& socket, std::span<std::uint8_t> buffer,
                                 const WaitLimit& limit);

/// Keepalive probes after `idle` without a packet, and at that interval (SO_KEEPALIVE).
Status keep_alive(const Fd& socket, std::chrono::seconds idle);

Endpoint local_endpoint(const Fd& socket);
Endpoint remote_endpoint(const Fd& socket);

/// Closes with a RST: SO_LINGER on, zero seconds.
void close_with_reset(Fd socket);
/// Closes the socket silently, as if its host had crashed: in TCP_REPAIR. Needs CAP_NET_ADMIN.
Status vanish(Fd socket);

}  // namespace flowstamp::lab
