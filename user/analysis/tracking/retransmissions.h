// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "user/analysis/observation.h"
#include "user/net/endpoint.h"

namespace flowstamp::analysis {

/// What one end of a flow retransmits by timer, until it is acknowledged: data, or probes of a
/// closed window. What follows an idle period belongs to IdlePeriods.
class Retransmissions {
  public:
    static constexpr std::size_t kMost = 65536;
    /// Nobody retransmits after so long (Linux: two minutes between two tries at the most).
    static constexpr Nanoseconds kForget = std::chrono::minutes(5);

    /// Smaller segments pass every link (RFC 791: 576 bytes with the headers).
    static constexpr std::uint32_t kLarge = 512;

    using Side = std::pair<ViewKey, unsigned>;  ///< a view and the direction that retransmits

    struct Wait {
        unsigned times = 0;          ///< retransmissions, the latest included
        Nanoseconds since{0};        ///< when the newest byte that waits was first sent
        Nanoseconds latest{0};       ///< the latest retransmission
        std::uint32_t payload = 0;   ///< of the latest, bytes
        std::uint32_t ip_bytes = 0;  ///< of the latest, by its IP header
        unsigned same_size = 0;      ///< of the latest retransmissions, how many had that payload
        std::uint32_t shrunk_from =
            0;                 ///< its payload before the sender tried smaller ones; 0: it has not
        unsigned lost_so = 0;  ///< retransmissions of that size
        bool window_closed = false;          ///< the receiver's window was 0 at the latest
        bool seen_acked = false;             ///< here the receiver has acknowledged it
        std::uint32_t seq = 0;               ///< of the latest
        bool sacked = false;                 ///< the receiver has something that was sent after it
        bool still_sacked = false;           ///< it has said so since the first retransmission
        std::uint16_t sacked_bytes = 0;      ///< of that, at most 65535
        std::optional<std::uint16_t> mtu{};  ///< by an ICMP error; 0: it does not say
        net::Endpoint router{};              ///< who sent that

        /// The sender has gone over to smaller segments.
        [[nodiscard]] bool has_shrunk() const { return shrunk_from != 0; }
        /// The size that is lost, bytes of payload, and how often it was sent again.
        [[nodiscard]] std::uint32_t lost_payload() const {
            return has_shrunk() ? shrunk_from : payload;
        }
        [[nodiscard]] unsigned lost_times() const { return has_shrunk() ? lost_so : same_size; }
        /// Something smaller than this segment has arrived.
        [[nodiscard]] bool smaller_passed() const {
            return sacked && lost_payload() >= kLarge && sacked_bytes < lost_payload();
        }
        /// A router has said that segments of this size are too big for its next link.
        [[nodiscard]] bool is_too_big() const {
            return mtu && payload >= kLarge && ip_bytes > *mtu;
        }
    };

    void record(const Observation& observation);
    void advance(Nanoseconds now);

    /// Null if that side does not wait.
    [[nodiscard]] const Wait* of(const ViewKey& view, unsigned direction) const;
    /// The wait that the latest observation ended by an acknowledgement, and its side.
    [[nodiscard]] const std::optional<std::pair<Side, Wait>>& acknowledged() const {
        return acknowledged_;
    }

  private:
    void retransmitted(const Observation& observation);

    /// What the receiver lacks, by its latest report of a gap.
    struct Gap {
        std::uint32_t seq = 0;
        std::uint16_t bytes_behind = 0;
    };
    std::map<Side, Wait> waits_;
    struct TooBig {
        std::uint16_t mtu = 0;
        net::Endpoint router{};
    };
    std::map<Side, TooBig> too_big_;  ///< by the side whose segments are
    std::map<Side, Gap> gaps_;        ///< by the side that sent what is missing
    std::optional<std::pair<Side, Wait>> acknowledged_{};
    Nanoseconds swept_{0};
};

/// When the newest byte of this direction was first sent, by its slot before the observation.
[[nodiscard]] Nanoseconds newest_byte_sent(const Observation& observation,
                                           const fst_direction& own);

}  // namespace flowstamp::analysis
