// SPDX-License-Identifier: Apache-2.0
//
// A conversation over real TCP, with pauses: the client says something, the echo server says it
// back, and so on. For connections that idle, and that both sides keep alive.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "user/lab/download.h"

namespace flowstamp::lab {

struct ExchangeOptions {
    Endpoint server{};  ///< one with Service::Echo
    unsigned rounds = 3;
    std::uint32_t bytes = 100;                                     ///< in each round
    std::chrono::milliseconds pause{0};                            ///< between rounds
    std::chrono::milliseconds timeout = std::chrono::seconds(10);  ///< for the whole of it
    /// Keepalive probes (SO_KEEPALIVE) after so long a rest, and again after as long; whole seconds.
    std::optional<std::chrono::seconds> keepalive{};
    const StopSignal* stop = nullptr;  ///< breaks it off when raised; outlives it
};

/// Converses from a socket in `client`'s namespace, and returns at the end. Outcome::Complete: every
/// round came back right. `bytes` in the report are those that came back.
DownloadReport exchange(const Namespace& client, const ExchangeOptions& options);

}  // namespace flowstamp::lab
