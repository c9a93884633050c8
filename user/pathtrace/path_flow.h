// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "user/pathtrace/packet_path.h"

namespace flowstamp::pathtrace {

/// Where and how packets end.
struct PathEnd {
    PacketPath::End end = PacketPath::End::unknown;
    std::uint32_t station = FST_PATH_NO_STATION;  ///< the last one passed
    std::uint32_t drop_reason = 0;
    std::uint64_t location = 0;     ///< code address of the drop
    std::uint32_t ifindex_out = 0;  ///< interface through which it left
    bool is_untranslated = false;   ///< it left as it came, but its connection is translated
    std::uint32_t netns = 0;        ///< inode of the network namespace
    bool is_made_here = false;      ///< it left, and was made on this host

    friend auto operator<=>(const PathEnd&, const PathEnd&) = default;
};

/// One connection's packets on this host, before and after NAT.
struct PathFlow {
    /// The packets of one direction.
    struct Direction {
        std::uint64_t packets = 0;
        std::map<PathEnd, std::uint64_t> ends{};
        std::map<PathEnd, PacketPath> examples{};  ///< the latest of each
    };
    std::uint64_t id = 0;
    fst_path_tuple name{};                       ///< of its first packet, as it arrived
    std::optional<fst_path_tuple> translated{};  ///< of the same packet as it leaves, if different
    std::uint32_t translated_in = 0;        ///< inode of the network namespace that did it last
    std::array<Direction, 2> directions{};  ///< original direction; replies
};

/// Groups packet paths by flow. A flow is identified by its conntrack entry, which has both tuples;
/// before conntrack, and without it, by the addresses alone. Each network namespace that a packet passes
/// has an entry of its own; all belong to the flow. Bounded: the flow idle longest is
/// forgotten first.
class PathFlows {
  public:
    static constexpr std::size_t kMost = 4096;
    static constexpr std::size_t kEndsMost = 32;  ///< per direction

    /// Where a packet path was recorded.
    struct Filed {
        const PathFlow& flow;
        unsigned direction;
        PathEnd end;
        std::uint64_t count;  ///< packets on the wire with that end, this one included
    };
    Filed record(const PacketPath& path);

    [[nodiscard]] const std::list<PathFlow>& all() const { return flows_; }
    /// Calls `visit(filed, example)` for each end of each flow; `example` is the latest packet with
    /// that end.
    template <class Visit>
    void each_end(Visit visit) const {
        for (const PathFlow& flow : flows_) {
            for (const unsigned direction : {0U, 1U}) {
                for (const auto& [end, packets] : flow.directions[direction].ends) {
                    visit(Filed{flow, direction, end, packets},
                          flow.directions[direction].examples.at(end));
                }
            }
        }
    }
    [[nodiscard]] std::uint64_t forgotten() const { return forgotten_; }

  private:
    using Tuple = std::array<std::uint8_t, sizeof(fst_path_tuple)>;
    struct Place {
        std::list<PathFlow>::iterator flow;
        unsigned direction;
    };
    static Tuple key_of(const fst_path_tuple& tuple);
    Place place_of(const PacketPath& path);
    Place begin(const fst_path_tuple& name);
    void know(std::list<PathFlow>::iterator flow, unsigned direction, const fst_path_tuple& tuple);
    /// Entries that belong to the flow, in the order of its first packet.
    void learn(std::list<PathFlow>::iterator flow,
               const std::vector<const fst_path_event*>& entries);
    void forget_oldest();

    std::list<PathFlow> flows_;  ///< the longest idle first
    std::map<Tuple, Place> known_;
    std::map<std::uint64_t, std::vector<Tuple>> names_;  ///< by the flow's id: its keys in known_
    std::uint64_t met_ = 0;
    std::uint64_t forgotten_ = 0;
};

/// Source and destination swapped.
[[nodiscard]] fst_path_tuple reversed(const fst_path_tuple& tuple);

}  // namespace flowstamp::pathtrace
