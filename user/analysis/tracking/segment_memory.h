// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "flowstamp/packet.h"
#include "user/analysis/other_bytes.h"

namespace flowstamp::analysis {

/// The first bytes of each flow's latest segments, to recognize one that repeats a sequence range
/// with other bytes: a retransmission has the same bytes, an injected segment does not. The memory
/// is fixed: a flow that was forgotten is not compared.
class SegmentMemory {
  public:
    /// Bytes of a segment that are remembered, from its first.
    static constexpr std::size_t kKept = 40;

    SegmentMemory() : senders_(kSenders) {}

    /// Records a segment: `bytes` is its data as far as it was captured, `frame` its number.
    /// Returns what it contradicts of an earlier one.
    [[nodiscard]] std::optional<OtherBytes> record(const fst_packet& packet,
                                                   std::span<const std::uint8_t> bytes,
                                                   std::uint64_t frame);

  private:
    static constexpr std::size_t kSenders = 16384;  ///< a power of two
    static constexpr std::size_t kSegments = 8;     ///< remembered of each
    static constexpr std::uint32_t kFewest = 8;     ///< bytes that must overlap to be compared

    struct Segment {
        std::uint64_t frame = 0;  ///< 0: none
        std::uint32_t seq = 0;
        std::uint16_t ip_id = 0;
        std::uint8_t ttl = 0;
        std::uint8_t kept = 0;
        std::array<std::uint8_t, kKept> bytes{};
    };
    /// One direction of one flow.
    struct Sender {
        fst_flow_key key{};
        std::uint8_t direction = 0;
        std::uint8_t next = 0;
        bool has_sent = false;
        std::uint32_t edge = 0;  ///< one past the highest byte ever remembered
        std::array<Segment, kSegments> segments{};
    };

    [[nodiscard]] Sender& sender_of(const fst_packet& packet);
    [[nodiscard]] static std::optional<OtherBytes> compare(const Segment& before,
                                                           const Segment& now);

    std::vector<Sender> senders_;  ///< by hash; a new one replaces the one in its place
};

}  // namespace flowstamp::analysis
