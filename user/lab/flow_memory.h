// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// What a middlebox in the path remembers of one TCP connection. Pure: segments in, state out.
#pragma once

#include <cstdint>
#include <optional>

#include "user/lab/segment.h"

namespace flowstamp::lab {

/// What one side of a connection has sent so far. Its RSTs change nothing.
struct SideMemory {
    std::optional<Segment> last;      ///< its latest segment
    std::uint32_t next_seq = 0;       ///< one past the highest sequence number that it sent
    std::uint32_t acknowledged = 0;   ///< its latest acknowledgement number
    std::uint64_t payload_bytes = 0;  ///< sent so far, each byte counted once
};

/// Both sides of a connection.
class FlowMemory {
  public:
    /// Updates from a segment that `from` sent.
    void observe(Side from, const Segment& segment);

    const SideMemory& side(Side side) const { return side == Side::Client ? client_ : server_; }

    /// Whether the client has acknowledged everything that the server has been seen to send.
    bool all_acknowledged() const {
        return server_.last && client_.last && client_.acknowledged == server_.next_seq;
    }

  private:
    SideMemory client_;
    SideMemory server_;
};

}  // namespace flowstamp::lab
