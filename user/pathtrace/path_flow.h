// SPDX-License-Identifier: Apache-2.0
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

/// Where and how packets come to their end.
struct PathEnd {
    PacketPath::End end = PacketPath::End::unknown;
    std::uint32_t station = FST_PATH_NO_STATION;  ///< the last one passed
    std::uint32_t drop_reason = 0;
    std::uint64_t location = 0;     ///< of the code that dropped it
    std::uint32_t ifindex_out = 0;  ///< of one that left

    friend auto operator<=>(const PathEnd&, const PathEnd&) = default;
};

/// One connection's packets on this host, whatever its addresses are translated to on the way.
struct PathFlow {
    /// The packets that go one way.
    struct Direction {
        std::uint64_t packets = 0;
        std::map<PathEnd, std::uint64_t> ends{};
        std::map<PathEnd, PacketPath> examples{};  ///< the latest of each
    };
    std::uint64_t id = 0;
    fst_path_tuple name{};                       ///< as its first packet bore it on arrival here
    std::optional<fst_path_tuple> translated{};  ///< the same packet's, as it leaves, if different
    std::array<Direction, 2> directions{};      ///< as it began; the answers
};

/// Files journeys under their flows. A flow is known by its conntrack entry, which bears both of its
/// names; before that table, and without it, by the addresses alone. Bounded: the flow that was
/// quiet longest is forgotten first.
class PathFlows {
  public:
    static constexpr std::size_t kMost = 4096;
    static constexpr std::size_t kEndsMost = 32;  ///< of one direction

    /// A journey in its place.
    struct Filed {
        const PathFlow& flow;
        unsigned direction;
        PathEnd end;
        std::uint64_t count;  ///< of that end, this one included, in packets on the wire
    };
    Filed record(const PacketPath& packet_path);

    [[nodiscard]] const std::list<PathFlow>& all() const { return flows_; }
    [[nodiscard]] std::uint64_t forgotten() const { return forgotten_; }

  private:
    using Tuple = std::array<std::uint8_t, sizeof(fst_path_tuple)>;
    struct Place {
        std::list<PathFlow>::iterator flow;
        unsigned direction;
    };
    static Tuple key_of(const fst_path_tuple& tuple);
    Place place_of(const PacketPath& packet_path);
    Place begin(const fst_path_tuple& name);
    void know(std::list<PathFlow>::iterator flow, unsigned direction, const fst_path_tuple& tuple);
    void forget_oldest();

    std::list<PathFlow> flows_;  ///< the longest quiet first
    std::map<Tuple, Place> known_;
    std::map<std::uint64_t, std::vector<Tuple>> names_;  ///< by the flow's id: its keys in known_
    std::uint64_t met_ = 0;
    std::uint64_t forgotten_ = 0;
};

/// Source and destination exchanged.
[[nodiscard]] fst_path_tuple reversed(const fst_path_tuple& tuple);

}  // namespace flowstamp::pathtrace
