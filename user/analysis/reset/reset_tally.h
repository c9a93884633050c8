// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>

#include "user/analysis/observation.h"
#include "user/analysis/tracking/handshake_stage.h"

namespace flowstamp::analysis {

/// What is remembered of one flow's resets: those of the end that reset first, counted, and where
/// the connection stood when the first came.
struct ResetTally {
    unsigned end = 0;                       ///< who reset first, as an index of the flow's key
    std::optional<HandshakeStage> stage{};  ///< before the first
    bool after_fin = false;                 ///< either end had said FIN before the first
    std::uint32_t bare = 0;                 ///< RSTs without ACK
    std::uint32_t with_ack = 0;             ///< RST+ACKs
    std::uint32_t ack = 0;                  ///< the acknowledgement field of the first without ACK
    bool acks_differ = false;               ///< among those without ACK
    bool ack_zero = false;                  ///< one of those without ACK bears 0

    /// Of a flow's first reset: an FST_EVENT_RST with its slot.
    explicit ResetTally(const Observation& first);

    /// Whether the opener had gone on when this later FST_EVENT_RST came: it came further than it was at
    /// the first, a second and more after it. What was under way when the first came is none of it.
    [[nodiscard]] bool was_outlived(const Observation& reset) const;

    /// A later FST_EVENT_RST of the flow. One of the other end, or a frame seen before, changes
    /// nothing.
    void add(const Observation& reset);

  private:
    void count(const fst_packet& packet);

    std::uint64_t first_ns_;  ///< CLOCK_MONOTONIC of the first
    std::uint8_t latest_flags_ = 0;
    std::uint32_t latest_ack_ = 0;
};

}  // namespace flowstamp::analysis
