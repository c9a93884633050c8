// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "user/base/fd.h"
#include "user/base/result.h"
#include "user/locate/hop_trace.h"
#include "user/net/endpoint.h"

namespace flowstamp::locate {

/// Sends whole IP packets, and receives ICMP's "time exceeded", in the calling thread's network
/// namespace. Needs CAP_NET_RAW.
class RawSockets {
  public:
    [[nodiscard]] static Result<RawSockets> open(bool is_v4);

    /// Sends `packet`, from its IP header on, as this host's routes lead to `destination`.
    [[nodiscard]] Status send(std::span<const std::uint8_t> packet,
                              const net::Endpoint& destination) const;
    /// The next message that quotes a TCP segment, without waiting; nothing if there is none.
    [[nodiscard]] std::optional<IcmpAnswer> receive() const;
    /// Readable when receive() may return something.
    [[nodiscard]] int descriptor() const { return icmp_.get(); }

  private:
    RawSockets(bool is_v4, Fd sender, Fd icmp)
        : is_v4_(is_v4), sender_(std::move(sender)), icmp_(std::move(icmp)) {}

    bool is_v4_;
    Fd sender_;
    Fd icmp_;
};

}  // namespace flowstamp::locate
