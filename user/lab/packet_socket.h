// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Sends and receives whole frames on a host's interfaces.
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

/// A non-blocking AF_PACKET socket. One for both of a router's interfaces, so that frames keep
/// their order of arrival across them. Needs CAP_NET_RAW.
class PacketSocket {
  public:
    static Result<PacketSocket> open(const Namespace& host);

    struct Received {
        Side from = Side::Client;  ///< the end that the interface faces
        FrameView frame;           ///< inside the given buffer
    };
    /// The next frame that arrived for this host's MAC address, cut to the buffer; nothing if there
    /// is none.
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
