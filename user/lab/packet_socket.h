// SPDX-License-Identifier: Apache-2.0
//
// Whole frames of a host's interfaces, in and out.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>

#include "user/base/fd.h"
#include "user/base/result.h"
#include "user/lab/namespace.h"
#include "user/lab/segment.h"

namespace flowstamp::lab {

/// An AF_PACKET socket, non-blocking. One for both of a router's interfaces, so that what arrives
/// keeps its order across them. Needs CAP_NET_RAW.
class PacketSocket {
  public:
    static Result<PacketSocket> open(const Namespace& host);

    struct Received {
        Side from = Side::Client;  ///< the end toward which the interface looks
        FrameView frame;           ///< inside the buffer that was given
    };
    /// The next frame that arrived and bears this host's MAC address as its destination, cut to
    /// the buffer; nothing when there is none.
    std::optional<Received> receive(std::span<std::uint8_t> buffer) const;
    /// Sends out of the interface toward that end.
    Status send(Side toward, FrameView frame) const;

    int fd() const { return socket_.get(); }

  private:
    PacketSocket(Fd socket, int to_client, int to_server)
        : socket_(std::move(socket)), to_client_(to_client), to_server_(to_server) {}

    Fd socket_;
    int to_client_;  ///< interface indexes
    int to_server_;
};

}  // namespace flowstamp::lab
