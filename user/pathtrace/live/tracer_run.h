// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// A tracer's run, once its stations are attached. Not for includers outside user/pathtrace/live.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "user/base/fd.h"
#include "user/pathtrace/answer_matches.h"
#include "user/pathtrace/live/followed_netns.h"
#include "user/pathtrace/live/path_probe.h"
#include "user/pathtrace/live/reported.h"
#include "user/pathtrace/live/tracer.h"
#include "user/pathtrace/path_flow.h"
#include "user/pathtrace/station_counts.h"
#include "user/pathtrace/station_plan.h"

namespace flowstamp::pathtrace {

class Tracer::Run {
  public:
    /// The first of `planned` is the calling thread's own namespace.
    Run(const Dependencies& dependencies, std::vector<PlannedNetns> planned, PathProbe probe,
        std::vector<fst_path_match> matches);

    [[nodiscard]] Status listen();
    [[nodiscard]] int descriptor() const { return waiting_.get(); }
    [[nodiscard]] Status poll();
    [[nodiscard]] Status finish();
    [[nodiscard]] PathSample sample() const;
    [[nodiscard]] std::string where() const;

  private:
    /// The namespace that it happened in. A record may name none (a namespace that is gone): the own.
    [[nodiscard]] FollowedNetns& netns_of(std::uint32_t inode) const;
    /// Whether packets with this end were lost in the namespace of the last station that they passed: else
    /// no rule there can be the cause.
    [[nodiscard]] bool is_within(const FollowedNetns& its, const PathEnd& end) const;
    void tell_other_programs(const FollowedNetns& its) const;

    [[nodiscard]] Status read_records();
    void follow_answers(const fst_path_event& event);
    void settle(const PacketPath& packet_path);
    void ended(const PacketPath& packet_path);
    void inspect(FollowedNetns& its);
    void replan(FollowedNetns& its);
    [[nodiscard]] std::vector<std::string> move_stations(FollowedNetns& its,
                                                         netfilter::Ruleset& ruleset);
    void look_behind(FollowedNetns& its, Nanoseconds now);
    [[nodiscard]] std::optional<Delivery> behind(FollowedNetns& its, const PathFlows::Filed& filed,
                                                 const PacketPath& example);
    void report_ends();
    void report(const PathFlows::Filed& filed, const PacketPath& packet_path, bool again,
                std::optional<Delivery> delivery = std::nullopt);
    void explain(FollowedNetns& its, PathReport::Drop& drop, const PathEnd& end,
                 const fst_path_event& event);
    [[nodiscard]] bool was_told_in_vain(const fst_path_tuple& tuple) const;
    [[nodiscard]] std::optional<BridgePorts> bridge_of(const PacketPath& packet_path) const;
    [[nodiscard]] std::uint64_t answered() const;
    [[nodiscard]] PathStats final_stats() const;
    [[nodiscard]] PathStats stats() const;
    [[nodiscard]] std::optional<netfilter::DropAttribution> rule_of(const FlowEnd& whose) const {
        return netns_of(whose.end.netns).losses.of(whose);
    }

    Dependencies dependencies_;
    WallTime wall_;
    Nanoseconds started_;
    PathProbe probe_;
    AnswerMatches answers_;
    StationMap map_;
    StationCounts counts_;
    std::vector<std::unique_ptr<FollowedNetns>> followed_;  ///< the own one first
    PathAssembler packet_paths_;
    PathFlows flows_;
    PathStats stats_{};
    Reported reported_;
    std::uint64_t last_ns_ =
        UINT64_MAX;  ///< packets that come later are not followed; CLOCK_MONOTONIC
    std::optional<PathReader> reader_;
    Fd waiting_;  ///< an epoll: records, and changes of the rulesets
};

}  // namespace flowstamp::pathtrace
