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
#include "user/analysis/tracking/recent_names.h"
#include "user/net/endpoint.h"

namespace flowstamp::analysis {

/// Recent connection attempts, and how each was answered. One attempt may be seen at several
/// interfaces, and under several addresses if they are translated: its initial sequence number
/// stays the same. Several attempts may have one sequence number: old stacks take it from a clock,
/// scanners use a single one.
class SynTracker {
  public:
    /// How long after its latest SYN an attempt is remembered: Linux sends its last SYN after 63 s
    /// and gives up after 127 s.
    static constexpr Nanoseconds kRemember = std::chrono::seconds(130);
    static constexpr std::size_t kMost = 65536;
    /// An attempt that has opened a connection is remembered for this long after its third packet, and
    /// only the latest so many: most attempts are such, and little is asked about them. Longer if its
    /// SYN-ACK has copied the SYN's IP-ID, which its data may explain.
    static constexpr Nanoseconds kAfterOpening = std::chrono::seconds(10);
    static constexpr std::size_t kMostOpened = 4096;
    /// One packet passes no more interfaces than this. Further SYNs with the same sequence number
    /// are those of other senders (a flood often uses a single one), and are not kept.
    static constexpr std::size_t kMostPlaces = 16;
    /// So many attempts with one sequence number are kept.
    static constexpr std::size_t kMostAlike = 64;

    enum class Answer {
        none,
        accepted,    ///< a SYN-ACK from where the SYN went
        refused,     ///< a RST
        mismatched,  ///< a SYN-ACK from elsewhere
        rejected,    ///< an ICMP error
        stale,       ///< an ACK of an older connection on the same ports
        looping,     ///< no answer, but the SYN passed here again and again
    };

    /// Where an attempt is seen, and under which addresses.
    struct Place {
        ViewKey view;
        net::Endpoint client;
        net::Endpoint server;
    };

    using Id = std::uint64_t;

    struct Attempt {
        Id id = 0;
        std::uint32_t seq = 0;
        std::vector<Place> places{};
        unsigned sent = 0;  ///< SYNs, at the first place
        Nanoseconds first{0};
        Sighting latest{};  ///< the latest SYN, at the first place
        Answer answer = Answer::none;
        unsigned stale_answers = 0;     ///< ACKs of an older connection on the same ports
        bool answer_copies_id = false;  ///< a SYN-ACK had the SYN's IP-ID, other than 0 and 1
        bool has_opened = false;        ///< the third packet came
    };

    /// Records a SYN, or what answers one. Pointers to attempts are valid until the next call.
    void record(const Observation& observation);

    /// Whether this observation, just recorded, is the first SYN of an attempt, at its first place.
    [[nodiscard]] bool begins_attempt(const Observation& observation);

    /// The attempt that a SYN-ACK or a RST+ACK answers by its acknowledgement number, if there are
    /// several that between its ends; null if none is known.
    [[nodiscard]] Attempt* answered_by(const fst_packet& packet);
    /// The attempt of a view; null if none is known.
    [[nodiscard]] Attempt* of_view(const ViewKey& view);
    [[nodiscard]] Attempt* by_id(Id id);

    /// Whether a SYN from `client` to `server` was seen lately, whatever its sequence number.
    [[nodiscard]] bool was_contacted(const net::Endpoint& client,
                                     const net::Endpoint& server) const {
        return contacted_.find(name_of_ends(client, server)) != nullptr;
    }

    /// Whether the attempt was seen between these two ends, at any interface.
    [[nodiscard]] static bool goes_between(const Attempt& attempt, const net::Endpoint& client,
                                           const net::Endpoint& server);

    /// Forgets attempts after kRemember, or kAfterOpening.
    void advance(Nanoseconds now);
    [[nodiscard]] std::size_t attempts() const { return attempts_.size(); }

  private:
    [[nodiscard]] static std::uint32_t name_of_ends(const net::Endpoint& client,
                                                    const net::Endpoint& server);
    void saw_syn(const Observation& observation);
    void saw_opening(const Observation& observation);
    /// The attempt that a SYN with this sequence number repeats, or passes on; null: a new one.
    Attempt* known_as(std::uint32_t seq, const Place& place);
    struct Due {
        Nanoseconds at;
        Id id;
    };
    void forget(Id id);
    void forget_opened();
    void make_room();
    void drop_forgotten();

    std::unordered_map<Id, Attempt> attempts_;
    std::unordered_map<std::uint32_t, std::vector<Id>>
        alike_;  ///< by sequence number, oldest first
    Id latest_id_ = 0;
    std::unordered_map<ViewKey, Id, ViewKeyHash> views_;
    std::deque<Due> order_;   ///< by when to forget; some are forgotten already
    std::deque<Due> opened_;  ///< the same of those that have opened a connection
    struct Contacted {};
    RecentNames<Contacted, kMost> contacted_{};  ///< by name_of_ends()
};

}  // namespace flowstamp::analysis
