// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "user/analysis/observation.h"
#include "user/net/endpoint.h"

namespace flowstamp::analysis {

/// Knows one packet again when a router shows it a second time, on its way out, with or without
/// address translation between: what a router leaves alone is equal (numbers, flags, window,
/// IP-ID), and the two flows have an end or both initial sequence numbers in common.
class SamePacket {
  public:
    /// No host keeps a packet longer between its hooks.
    static constexpr Nanoseconds kWithin = std::chrono::milliseconds(50);

    /// A number for the packet behind this observation, the same as before when it was seen before.
    [[nodiscard]] std::uint64_t number(const Observation& observation);

  private:
    struct Seen {
        std::uint64_t number;
        fst_packet packet;
        std::optional<std::uint64_t> isn_id;
        std::vector<std::uint32_t> ifindexes;
    };
    [[nodiscard]] static bool is_same(const Seen& seen, const Observation& observation);

    std::deque<Seen> recent_;
    bool several_ = false;  ///< interfaces have been seen: until then, a RST is known by nobody
    std::uint64_t last_number_ = 0;
};

}  // namespace flowstamp::analysis
