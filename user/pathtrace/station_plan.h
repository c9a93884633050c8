// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "user/netfilter/loss.h"
#include "user/netfilter/priorities.h"
#include "user/netfilter/ruleset.h"
#include "user/pathtrace/station.h"

namespace flowstamp::pathtrace {

/// Plans the stations so that a packet is seen before and after everything that may drop it: at the
/// interfaces, and around each priority that the ruleset or the kernel itself uses. A priority in
/// use is not shared: the order within one is undefined.
[[nodiscard]] std::vector<Station> plan_stations(const netfilter::Ruleset& ruleset,
                                                 const std::vector<std::string>& interfaces,
                                                 const std::string& netns = {});

/// What handles packets between the stations.
class StationMap {
  public:
    /// `stations` as actually attached; the ruleset is the one they were planned for, of the network
    /// namespace that the run is in.
    StationMap(std::vector<StationState> stations, const netfilter::Ruleset& ruleset);

    /// Stations have been attached or detached.
    void renew(std::vector<StationState> stations) { stations_ = std::move(stations); }
    /// The ruleset that the stations of a network namespace were planned for.
    void learn(const std::string& netns, const netfilter::Ruleset& ruleset);

    [[nodiscard]] const StationState& at(std::uint32_t index) const { return stations_.at(index); }
    [[nodiscard]] bool knows(std::uint32_t index) const { return index < stations_.size(); }

    /// "eth0 in", "prerouting", "eth1 out", in another namespace "web/prerouting": the part of the path that the station belongs to.
    [[nodiscard]] std::string part_of(std::uint32_t index) const;
    /// What lies between the previous station of its hook and this one: "raw", "connection
    /// tracking". Empty at the first of a hook.
    [[nodiscard]] std::vector<std::string> passed_before(std::uint32_t index) const;
    /// The same between this station and the next of its hook; empty at the last.
    [[nodiscard]] std::vector<std::string> passed_next(std::uint32_t index) const;
    /// Whether it is the last of its netfilter hook.
    [[nodiscard]] bool is_last(std::uint32_t index) const;
    /// What may have dropped packets that passed this station and no further one.
    [[nodiscard]] netfilter::Loss loss_behind(std::uint32_t index) const;
    /// The same while chains come: also those further on, before the next hook's first station.
    [[nodiscard]] netfilter::Loss loss_behind_with_new_chains(std::uint32_t index) const;
    /// The same while stations come and go: everything behind it.
    [[nodiscard]] netfilter::Loss loss_anywhere_behind(std::uint32_t index) const;

  private:
    [[nodiscard]] std::optional<int> first_in(const Station& other, std::uint8_t pf,
                                              std::uint8_t hook) const;
    [[nodiscard]] std::optional<int> neighbour(std::uint32_t index, bool before) const;
    [[nodiscard]] std::vector<std::string> names_between(const Station& its, int above,
                                                         int below) const;

    std::vector<StationState> stations_;
    /// What is at each reported priority, by pf and hook, in the order of kHooks; for each namespace.
    std::map<std::string, std::vector<std::map<int, std::vector<std::string>>>> in_use_;
};

[[nodiscard]] netfilter::TableFamily family_of(std::uint8_t pf);
[[nodiscard]] netfilter::NetfilterHook hook_of(std::uint8_t hook);

}  // namespace flowstamp::pathtrace
