// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Request and echo over real TCP, with pauses: for connections that idle and are kept alive by both
// sides.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "user/lab/download.h"

namespace flowstamp::lab {

struct ExchangeOptions {
    Endpoint server{};             ///< a server with Service::Echo
    std::uint16_t local_port = 0;  ///< the client's; 0: the kernel chooses
    unsigned rounds = 3;
    std::uint32_t bytes = 100;                                     ///< per round
    std::chrono::milliseconds pause{0};                            ///< between rounds
    std::chrono::milliseconds timeout = std::chrono::seconds(10);  ///< for the whole exchange
    /// Idle time before keepalive probes, and between them (SO_KEEPALIVE); whole seconds.
    std::optional<std::chrono::seconds> keepalive{};
    /// After the last round, with all data acknowledged, the client disappears silently, as if its
    /// host had crashed: see vanish().
    bool vanishes = false;
    const StopSignal* stop = nullptr;  ///< aborts the exchange when raised; must outlive it
};

/// Runs from a socket in `client`'s namespace; returns when done. Outcome::Complete: every round
/// came back correctly. `bytes` in the report counts those that came back.
DownloadReport exchange(const Namespace& client, const ExchangeOptions& options);

}  // namespace flowstamp::lab
