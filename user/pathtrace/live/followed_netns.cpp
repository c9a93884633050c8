// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/live/followed_netns.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "user/kernel/attach/interface.h"
#include "user/netfilter/set_lookup.h"

namespace flowstamp::pathtrace {

Result<PlannedNetns> PlannedNetns::plan(NetnsEntry entry,
                                        const std::vector<std::string>& interfaces) {
    for (const std::string& name : interfaces) {
        if (auto found = kernel::find_interface(name); !found) {
            Error error = std::move(found).error();
            if (!entry.name().empty()) {
                error.object = within_netns(entry.name(), error.object);
                error.hint = fmt::format("list them with `{} ip link`", entry.command());
            }
            return fail(std::move(error));
        }
    }
    PlannedNetns planned{.entry = std::move(entry)};
    auto ruleset = planned.others.read_ruleset();
    if (!ruleset) {
        return std::unexpected(std::move(ruleset).error());
    }
    planned.ruleset = *std::move(ruleset);
    planned.stations = plan_stations(planned.ruleset, interfaces, planned.entry.name());
    return planned;
}

Status PlannedNetns::attached(const std::vector<StationState>& all,
                              const std::vector<net::PacketMatch>* traced) {
    others.attached(stations_in(entry.name(), all), ruleset);
    changes.planned(ruleset);
    if (traced != nullptr) {
        auto started = netfilter::NftTrace::start(*traced);
        if (!started) {
            return std::unexpected(std::move(started).error());
        }
        trace.emplace(*std::move(started));
    }
    return {};
}

FollowedNetns::FollowedNetns(PlannedNetns planned, const StationMap& map, const Clock& clock)
    : entry(std::move(planned.entry)),
      others(std::move(planned.others)),
      changes(std::move(planned.changes)),
      trace(std::move(planned.trace)),
      losses(std::move(planned.ruleset), map,
             {.read = [this] { return read_ruleset(); },
              .ask = netfilter::look_up,
              .take_traced = trace ? Losses::TakeTraced([this] { return trace->take_drops(); })
                                   : Losses::TakeTraced(),
              .changes = [this](const netfilter::Ruleset& now) { return changes_until(now); }}),
      netfilter_drops(map),
      kernel_drops(clock) {}

Result<netfilter::Ruleset> FollowedNetns::read_ruleset() {
    auto ruleset = others.read_ruleset();
    if (ruleset) {
        changes.compare(*ruleset);
    }
    return ruleset;
}

Losses::Changes FollowedNetns::changes_until(const netfilter::Ruleset& now) {
    changes.listen();
    return {.announced = changes.announced(), .other_places = changes.needs_other_stations(now)};
}

std::vector<StationState> stations_in(const std::string& netns,
                                      const std::vector<StationState>& all) {
    std::vector<StationState> found;
    std::ranges::copy_if(all, std::back_inserter(found),
                         [&](const StationState& its) { return its.station.netns == netns; });
    return found;
}

}  // namespace flowstamp::pathtrace
