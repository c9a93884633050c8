// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

#include "user/analysis/finding.h"
#include "user/analysis/observation.h"
#include "user/net/endpoint.h"

namespace flowstamp::analysis {

/// Attempts to connect that are still to be answered. One attempt may be seen at several interfaces,
/// under several addresses where they are translated: its initial sequence number stays the same.
class SynTracker {
  public:
    /// An attempt is forgotten so long after its latest SYN: Linux gives up after 127 s, at 63 s
    /// intervals.
    static constexpr Nanoseconds kRemember = std::chrono::seconds(130);
    static constexpr std::size_t kMost = 65536;
    /// One packet passes no more interfaces than these. More SYNs with one sequence number are another
    /// sender's (floods often bear but one), and are not kept.
    static constexpr std::size_t kMostPlaces = 16;

    enum class Answer {
        none,
        accepted,    ///< a SYN-ACK from where the SYN went
        refused,     ///< a RST
        mismatched,  ///< a SYN-ACK from elsewhere
        rejected,    ///< an ICMP error
    };

    /// Where an attempt is seen, and under which addresses.
    struct Place {
        ViewKey view;
        net::Endpoint client;
        net::Endpoint server;
    };

    struct Attempt {
        std::uint32_t seq = 0;
        std::vector<Place> places{};
        unsigned sent = 0;  ///< SYNs, at the first place
        Nanoseconds first{0};
        Sighting latest{};  ///< the latest SYN, at the first place
        Answer answer = Answer::none;
    };

    /// Files a SYN, or what answers one. Attempts stay where they are until the next call.
    void record(const Observation& observation);

    /// Whether this observation, just filed, is the first SYN of an attempt, at its first place.
    [[nodiscard]] bool begins_attempt(const Observation& observation) const;

    /// The attempt that a SYN-ACK or a RST+ACK answers by its acknowledgement number; null if none is
    /// known.
    [[nodiscard]] Attempt* answered_by(const fst_packet& packet);
    /// The attempt of a view; null if none is known.
    [[nodiscard]] Attempt* of_view(const ViewKey& view);
    [[nodiscard]] Attempt* by_seq(std::uint32_t seq);

    /// Whether the attempt was made between just these ends, anywhere.
    [[nodiscard]] static bool goes_between(const Attempt& attempt, const net::Endpoint& client,
                                           const net::Endpoint& server);

    /// Forgets what is over.
    void advance(Nanoseconds now);

  private:
    void saw_syn(const Observation& observation);
    struct Due {
        Nanoseconds at;
        std::uint32_t seq;
    };
    void forget(std::uint32_t seq);
    void make_room();

    std::unordered_map<std::uint32_t, Attempt> attempts_;  ///< by sequence number
    std::unordered_map<ViewKey, std::uint32_t, ViewKeyHash> views_;
    std::deque<Due> order_;
};

}  // namespace flowstamp::analysis
