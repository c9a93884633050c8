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

/// Recognizes a packet that this host shows a second time, as it leaves another interface, with or
/// without address translation: the fields that a router does not change are equal (sequence
/// numbers, flags, window, IP-ID), and the two flows share an end or both initial sequence numbers.
class SamePacket {
  public:
    /// The longest time between a packet's observations.
    static constexpr Nanoseconds kWithin = std::chrono::milliseconds(50);

    /// The number of the observed packet: a new one, or its own if it was seen before.
    [[nodiscard]] std::uint64_t number(const Observation& observation);

  private:
    struct Seen {
        std::uint64_t number;
        fst_packet packet;
        std::uint8_t action;  ///< enum fst_action
        std::optional<std::uint64_t> isn_id;
        std::vector<std::uint32_t> ifindexes;
    };
    [[nodiscard]] static bool is_same(const Seen& seen, const Observation& observation);

    std::deque<Seen> recent_;
    bool several_ = false;  ///< several interfaces were seen; before, no RST can repeat
    std::uint64_t last_number_ = 0;
};

}  // namespace flowstamp::analysis
