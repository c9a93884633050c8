// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
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

/// One packet's path through this host, as far as it was seen.
struct PacketPath {
    enum class End {
        left,       ///< through an interface
        delivered,  ///< to a socket, or past the last station of INPUT
        dropped,    ///< by the kernel, with a reason
        unknown,    ///< it passed no further station, and no drop was reported
    };
    std::vector<fst_path_event> stations{};  ///< in order; none: dropped before the first
    std::optional<fst_path_event> drop{};
    End end = End::unknown;

    /// Packets on the wire: a GRO or TSO buffer holds several.
    [[nodiscard]] std::uint64_t packets() const {
        return std::max<std::uint64_t>(last().segments, 1);
    }
    /// The latest record of the packet.
    [[nodiscard]] const fst_path_event& last() const { return drop ? *drop : stations.back(); }
    [[nodiscard]] const fst_path_event& first() const {
        return stations.empty() ? *drop : stations.front();
    }
};

/// CLOCK_MONOTONIC.
[[nodiscard]] inline Nanoseconds time_of(const fst_path_event& event) {
    return Nanoseconds(static_cast<std::int64_t>(event.time_ns));
}

/// Assembles the records of each packet into its path.
class PathAssembler {
  public:
    using Sink = std::function<void(const PacketPath&)>;
    /// A packet without records for this long has reached its end: no queue of a working host holds
    /// one longer, ...
    static constexpr Nanoseconds kMaxWait = std::chrono::milliseconds(200);
    /// ... unless it waits for the next hop's link-layer address: the kernel solicits three times,
    /// a second apart (neigh/default/mcast_solicit, retrans_time_ms), then drops it.
    static constexpr Nanoseconds kMaxWaitForNeighbours = std::chrono::milliseconds(4500);
    /// Maximum number of packets followed at once.
    static constexpr std::size_t kMost = 65536;

    /// `is_last`: whether nothing follows a station in its netfilter hook. Empty: not known.
    explicit PathAssembler(Sink sink, std::function<bool(std::uint32_t)> is_last = {})
        : sink_(std::move(sink)), is_last_(std::move(is_last)) {}

    void record(const fst_path_event& event);
    void advance(Nanoseconds now);
    /// Closes all open paths: no more records will come.
    void finish();

    /// Paths closed early because too many were open.
    [[nodiscard]] std::uint64_t overflow() const { return overflow_; }

  private:
    using Name = std::pair<__u64, __u64>;  ///< skb, began_ns
    struct Open {
        PacketPath path{};
        bool is_delivered = false;  ///< a socket has received it
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
    std::function<bool(std::uint32_t)> is_last_;
    std::map<Name, Open> open_;
    Uses uses_;     ///< the longest idle first
    Uses waiting_;  ///< waiting for a neighbour, likewise
    std::uint64_t overflow_ = 0;
};

}  // namespace flowstamp::pathtrace
