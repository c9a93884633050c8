// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "flowstamp/path.h"
#include "user/base/clock.h"

namespace flowstamp::pathtrace {

/// One packet's way through this host, as far as it was seen.
struct PacketPath {
    enum class End {
        left,       ///< by an interface
        delivered,  ///< to a socket, or past the last station of INPUT
        dropped,    ///< the kernel gave it up, and said why
        unknown,    ///< it passed no further station, and nobody said why
    };
    std::vector<fst_path_event>
        stations{};  ///< in the order of its way; none: dropped before the first
    std::optional<fst_path_event> drop{};
    End end = End::unknown;

    /// On the wire: a buffer of GRO or TSO is several.
    [[nodiscard]] std::uint64_t packets() const {
        return std::max<std::uint64_t>(last().segments, 1);
    }
    /// What is known of the packet last.
    [[nodiscard]] const fst_path_event& last() const { return drop ? *drop : stations.back(); }
    [[nodiscard]] const fst_path_event& first() const {
        return stations.empty() ? *drop : stations.front();
    }
};

/// CLOCK_MONOTONIC.
[[nodiscard]] inline Nanoseconds time_of(const fst_path_event& event) {
    return Nanoseconds(static_cast<std::int64_t>(event.time_ns));
}

/// Joins the records of one packet.
class PathAssembler {
  public:
    using Sink = std::function<void(const PacketPath&)>;
    /// A packet of which nothing was heard for so long has come to its end: no queue of a host that
    /// works holds one longer, ...
    static constexpr Nanoseconds kPatience = std::chrono::milliseconds(200);
    /// ... but where it waits for the next hop's link-layer address: the kernel asks three times, a
    /// second apart (neigh/default/mcast_solicit, retrans_time_ms), and drops it then.
    static constexpr Nanoseconds kPatienceForNeighbours = std::chrono::milliseconds(4500);
    /// Packets followed at once.
    static constexpr std::size_t kMost = 65536;

    explicit PathAssembler(Sink sink) : sink_(std::move(sink)) {}

    void record(const fst_path_event& event);
    void advance(Nanoseconds now);
    /// Nothing more will come.
    void finish();

    /// Packets that were closed early, as too many were under way.
    [[nodiscard]] std::uint64_t overflow() const { return overflow_; }

  private:
    using Name = std::pair<__u64, __u64>;  ///< skb, began_ns
    struct Open {
        PacketPath packet_path{};
        bool is_delivered = false;  ///< a socket has it
        bool is_consumed = false;
        bool waits = false;  ///< for a neighbour
        std::list<Name>::iterator use{};
    };
    using Uses = std::list<Name>;
    Open& open(const Name& name);
    void close(std::map<Name, Open>::iterator place);
    void close_quiet(Uses& uses, Nanoseconds since);
    [[nodiscard]] Uses& uses_of(const Open& its) { return its.waits ? waiting_ : uses_; }

    Sink sink_;
    std::map<Name, Open> open_;
    Uses uses_;     ///< the longest quiet first
    Uses waiting_;  ///< for a neighbour, likewise
    std::uint64_t overflow_ = 0;
};

}  // namespace flowstamp::pathtrace
