// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "user/pathtrace/live/losses.h"
#include "user/pathtrace/path_flow.h"
#include "user/pathtrace/path_report.h"
#include "user/pathtrace/station_plan.h"

namespace flowstamp::pathtrace {

/// What was reported last of packets with one end: bounded; after that, some of it is reported once
/// more.
class Reported {
  public:
    [[nodiscard]] bool contains(const FlowEnd& whose) const { return last_.contains(whose); }
    /// Packets in the last report; 0: there was none.
    [[nodiscard]] std::uint64_t packets(const FlowEnd& whose) const {
        const auto found = last_.find(whose);
        return found == last_.end() ? 0 : found->second.packets;
    }
    /// The cause in the last report, in a few words; empty: none.
    [[nodiscard]] std::string cause(const FlowEnd& whose) const {
        const auto found = last_.find(whose);
        return found == last_.end() ? "" : found->second.cause;
    }
    /// Where they were dropped according to the last report, if not where their last station shows; else empty.
    [[nodiscard]] std::string place(const FlowEnd& whose) const {
        const auto found = last_.find(whose);
        return found == last_.end() ? "" : found->second.place;
    }
    void note(const FlowEnd& whose, std::uint64_t packets, std::string cause, std::string place) {
        last_[whose] = {.packets = packets, .cause = std::move(cause), .place = std::move(place)};
    }
    void forget_if_many() {
        if (last_.size() >= kMost) {
            last_.clear();
        }
    }

  private:
    static constexpr std::size_t kMost = 65536;
    struct Last {
        std::uint64_t packets = 0;
        std::string cause{};
        std::string place{};
    };
    std::map<FlowEnd, Last> last_;
};

/// What was dropped, by place and cause as reported, of the flows that are remembered.
[[nodiscard]] std::vector<PathStats::Loss> reported_losses(const PathFlows& flows,
                                                           const Reported& reported,
                                                           const StationMap& map);

/// Counts a packet that has reached its end.
void add_to(PathStats& sums, const PacketPath& packet_path);

}  // namespace flowstamp::pathtrace
