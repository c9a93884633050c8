// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "user/pathtrace/path_flow.h"
#include "user/pathtrace/station_plan.h"

namespace flowstamp::pathtrace {

/// Packets that passed each station, and those lost after it, since the start.
class StationCounts {
  public:
    struct Lost {
        std::uint64_t packets = 0;
        std::map<std::string, std::size_t> by{};  ///< causes, in a few words: flows that have it

        /// "nft inet site c handle 3", "nft inet site c handle 3, and 2 more".
        [[nodiscard]] std::string by_text() const {
            if (by.size() <= 1) {
                return by.empty() ? std::string() : by.begin()->first;
            }
            return by.begin()->first + ", and " + std::to_string(by.size() - 1) + " more";
        }
    };
    /// Of one end so many causes are told.
    static constexpr std::size_t kCauses = 100;

    explicit StationCounts(std::size_t stations) : passed_(stations) {}

    /// There may be more stations now. A new one begins with as many as have passed its hook.
    void grow(const StationMap& map) {
        std::map<std::tuple<std::string, std::uint8_t, std::uint8_t>, std::uint64_t> most;
        for (std::uint32_t i = 0; map.knows(i); i++) {
            const Station& its = map.at(i).station;
            std::uint64_t& passed = most[{its.netns, its.pf, its.hook}];
            if (i < passed_.size()) {
                passed = std::max(passed, passed_[i]);
            } else {
                passed_.push_back(passed);
            }
        }
    }

    /// Called for every record, so it is only an addition.
    void passed(const fst_path_event& event) {
        if (event.header.kind == FST_PATH_STATION && event.station < passed_.size()) {
            passed_[event.station] += packets_of(event);
        }
    }
    /// A packet has reached its end.
    void ended(const PathEnd& end, const fst_path_event& last) {
        if (end.end == PacketPath::End::dropped) {
            lost_[end].packets += packets_of(last);
        }
    }
    /// A flow's packets with this end were lost for this cause. `before`: what was given for it last,
    /// or empty.
    void blamed(const PathEnd& end, const std::string& by, const std::string& before) {
        const auto found = lost_.find(end);
        if (found == lost_.end() || by == before) {
            return;
        }
        std::map<std::string, std::size_t>& causes = found->second.by;
        if (const auto wrong = causes.find(before); wrong != causes.end() && --wrong->second == 0) {
            causes.erase(wrong);
        }
        if (causes.size() < kCauses || causes.contains(by)) {
            causes[by]++;
        }
    }

    [[nodiscard]] std::uint64_t passed_at(std::size_t station) const { return passed_.at(station); }
    [[nodiscard]] const std::map<PathEnd, Lost>& lost() const { return lost_; }

  private:
    /// Packets on the wire.
    static std::uint64_t packets_of(const fst_path_event& event) {
        return event.segments == 0 ? 1 : event.segments;
    }

    std::vector<std::uint64_t> passed_;
    std::map<PathEnd, Lost> lost_;
};

}  // namespace flowstamp::pathtrace
