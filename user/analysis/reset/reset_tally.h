// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>

#include "user/analysis/observation.h"
#include "user/analysis/tracking/handshake_stage.h"

namespace flowstamp::analysis {

/// The resets of one flow: how many the end that reset first has sent, and how far the connection
/// had got when the first came.
struct ResetTally {
    std::uint8_t end = 0;                   ///< that reset first, as an index of the flow's key
    std::optional<HandshakeStage> stage{};  ///< before the first
    bool after_fin = false;                 ///< either end had sent a FIN before the first
    std::uint32_t bare = 0;                 ///< RSTs without ACK
    std::uint32_t with_ack = 0;             ///< RST+ACKs
    std::uint32_t ack = 0;                  ///< the acknowledgement field of the first without ACK
    bool acks_differ = false;               ///< among those without ACK
    bool ack_zero = false;                  ///< one of those without ACK has 0

    /// Of a flow's first reset: an FST_EVENT_RST with its slot.
    explicit ResetTally(const Observation& first);

    /// Whether the opener had gone on when this later FST_EVENT_RST came: a second or more after
    /// the first it had reached a later stage. Packets in flight when the first came do not count.
    [[nodiscard]] bool was_outlived(const Observation& reset) const;

    /// A later FST_EVENT_RST of the flow. One of the other end, or a frame seen before, changes
    /// nothing.
    void add(const Observation& reset);

  private:
    void count(const fst_packet& packet);

    std::uint8_t latest_flags_ = 0;
    std::uint32_t latest_ack_ = 0;
    std::uint64_t first_ns_;  ///< CLOCK_MONOTONIC of the first
};
static_assert(sizeof(ResetTally) <= 40, "each flow that was reset has one");

}  // namespace flowstamp::analysis
