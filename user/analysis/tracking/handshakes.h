// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <unordered_map>

#include "user/analysis/finding.h"
#include "user/analysis/observation.h"
#include "user/analysis/reset/reset_observation.h"

namespace flowstamp::analysis {

/// Connections that have just begun, each as one interface sees it; the oldest are forgotten first.
class Handshakes {
  public:
    /// A connection whose SYN-ACK has not been repeated, and does not copy the SYN's IP-ID, is
    /// forgotten so long after its third packet: nothing more is asked about it. Of these, only the
    /// latest so many are remembered.
    static constexpr Nanoseconds kAfterOpening = std::chrono::seconds(10);
    static constexpr std::size_t kMostOpened = 4096;

    struct Handshake {
        fst_packet syn{};
        unsigned syns = 0;                         ///< with that sequence number
        std::optional<Sighting> syn_ack{};         ///< the first
        std::optional<Nanoseconds> established{};  ///< when the opener had acknowledged it
        unsigned repeated = 0;        ///< SYN-ACKs with that sequence number, sent again
        unsigned repeated_after = 0;  ///< of them, sent after the opener had acknowledged it

        /// Whether the answerer has still not accepted the connection, though its opener has: it
        /// repeats its SYN-ACK and has acknowledged nothing after the SYN.
        [[nodiscard]] bool is_half_accepted(const fst_flow& flow) const {
            const unsigned opener = syn.direction & 1U;
            return repeated_after != 0 &&
                   flow.direction[opener ^ 1U].ack_edge == flow.isn[opener] + 1;
        }
    };

    /// Records a SYN, a SYN-ACK, or that the handshake is complete.
    void record(const Observation& observation);

    /// Forgets what has opened undisturbed.
    void advance(Nanoseconds now);

    /// Null if it is not known, or forgotten.
    [[nodiscard]] const Handshake* of(const ViewKey& view) const;

    /// The SYN-ACK that answered the same SYN as `rst` does (SYN_RST in Weaver, Sommer, Paxson,
    /// NDSS 2009); nullopt if there was none, or if both may be genuine: the SYN was retransmitted,
    /// its sender had acknowledged something before, or it opened an MPTCP subflow.
    [[nodiscard]] std::optional<fst_packet> other_answer(const ResetObservation& rst) const;

  private:
    struct Opened {
        Nanoseconds at;
        ViewKey view;
    };
    void answered(Handshake& handshake, const Observation& observation);
    void forget_opened();
    void drop_forgotten();

    static constexpr std::size_t kRemembered = 16384;
    std::unordered_map<ViewKey, Handshake, ViewKeyHash> handshakes_;
    std::deque<ViewKey> order_;  ///< the oldest first; some are forgotten already
    std::deque<Opened> opened_;  ///< those whose third packet came
};

}  // namespace flowstamp::analysis
