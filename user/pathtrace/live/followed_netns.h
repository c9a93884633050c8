// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "user/base/clock.h"
#include "user/base/result.h"
#include "user/net/packet_match.h"
#include "user/netfilter/nft_trace.h"
#include "user/netfilter/ruleset.h"
#include "user/pathtrace/live/deliveries.h"
#include "user/pathtrace/live/kernel_drops.h"
#include "user/pathtrace/live/losses.h"
#include "user/pathtrace/live/netfilter_drops.h"
#include "user/pathtrace/live/netns_entry.h"
#include "user/pathtrace/live/other_programs.h"
#include "user/pathtrace/live/ruleset_changes.h"
#include "user/pathtrace/station.h"
#include "user/pathtrace/station_plan.h"

namespace flowstamp::pathtrace {

/// A network namespace before the stations are attached there: its ruleset, and the stations that are
/// wanted for it.
struct PlannedNetns {
    NetnsEntry entry;
    RulesetChanges changes{};
    OtherPrograms others{};
    netfilter::Ruleset ruleset{};
    std::vector<Station> stations{};
    std::optional<netfilter::NftTrace> trace{};

    /// Called inside; fails if there is no such interface, or the ruleset cannot be read.
    [[nodiscard]] static Result<PlannedNetns> plan(NetnsEntry entry,
                                                   const std::vector<std::string>& interfaces);
    /// Called inside, once the stations are attached. `traced`: what nft traces; null: nothing.
    [[nodiscard]] Status attached(const std::vector<StationState>& all,
                                  const std::vector<net::PacketMatch>* traced);
};

/// What one of the followed namespaces says of packets that ended there. All members are to be used
/// inside; `entry` leads there.
class FollowedNetns {
  public:
    /// Called inside.
    FollowedNetns(PlannedNetns planned, const StationMap& map, const Clock& clock);
    FollowedNetns(const FollowedNetns&) = delete;
    FollowedNetns& operator=(const FollowedNetns&) = delete;

    /// The ruleset as it is now; notices if it is another.
    [[nodiscard]] Result<netfilter::Ruleset> read_ruleset();
    /// What has changed since the stations were planned, `now` being the ruleset that was just read.
    [[nodiscard]] Losses::Changes changes_until(const netfilter::Ruleset& now);

    NetnsEntry entry;
    OtherPrograms others;
    RulesetChanges changes;
    std::optional<netfilter::NftTrace> trace;
    Losses losses;
    NetfilterDrops netfilter_drops;
    KernelDrops kernel_drops;
    Deliveries deliveries;
};

/// Those in one namespace.
[[nodiscard]] std::vector<StationState> stations_in(const std::string& netns,
                                                    const std::vector<StationState>& all);

}  // namespace flowstamp::pathtrace
