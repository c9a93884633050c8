// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/live/path_probe.h"

#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/netfilter.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <limits>
#include <set>
#include <utility>

#include "flowstamp/path.h"
#include "path.skel.h"
#include "user/kernel/features/capabilities.h"
#include "user/kernel/maps/counter_reader.h"
#include "user/pathtrace/kernel_matches.h"
#include "user/pathtrace/live/path_state.h"
#include "user/pathtrace/path_prefilters.h"

namespace flowstamp::pathtrace {

namespace {

Status refuse(std::string object, std::string reason) {
    return fail({.operation = "follow packets through this host",
                 .object = std::move(object),
                 .errno_value = EINVAL,
                 .reason = std::move(reason)});
}

/// Of a run, with those that were detached because the ruleset has changed.
constexpr std::size_t kStationsMost = 4096;

Status check_station(const Station& station) {
    if (station.kind != Station::Kind::netfilter) {
        return {};
    }
    if ((station.pf != NFPROTO_IPV4 && station.pf != NFPROTO_IPV6) ||
        station.hook > NF_INET_POST_ROUTING) {
        return refuse(station.text(), "no such netfilter hook");
    }
    if (station.priority == std::numeric_limits<std::int32_t>::min() ||
        station.priority == std::numeric_limits<std::int32_t>::max()) {
        return refuse(station.text(), "the kernel takes no BPF program at this priority");
    }
    return {};
}

bool is_ipv4(const Station& station) {
    return station.kind == Station::Kind::netfilter && station.pf == NFPROTO_IPV4;
}

bool is_ipv6(const Station& station) {
    return station.kind == Station::Kind::netfilter && station.pf == NFPROTO_IPV6;
}

/// Those of one network namespace.
Status check(const std::vector<Station>& stations) {
    for (const Station& station : stations) {
        if (Status checked = check_station(station); !checked) {
            return checked;
        }
    }
    const auto ipv4 = std::ranges::count_if(stations, &is_ipv4);
    const auto ipv6 = std::ranges::count_if(stations, &is_ipv6);
    const auto all = std::ssize(stations);
    if (std::max(ipv4, ipv6) > FST_PATH_NETFILTER_MAX || all - ipv4 - ipv6 > FST_PATH_TC_MAX) {
        return refuse(fmt::format("{} stations", all),
                      fmt::format("at most {} in netfilter hooks of either family and {} at tc",
                                  FST_PATH_NETFILTER_MAX, FST_PATH_TC_MAX));
    }
    return {};
}

Status check(const PathProbeOptions& options) {
    if (options.others.size() > FST_PATH_OTHER_NETNS_MAX) {
        return refuse(fmt::format("{} other network namespaces", options.others.size()),
                      fmt::format("at most {}", FST_PATH_OTHER_NETNS_MAX));
    }
    if (Status checked = check(options.stations); !checked) {
        return checked;
    }
    for (const OtherNetns& other : options.others) {
        if (Status checked = check(other.stations); !checked) {
            return checked;
        }
    }
    if (options.matches.size() > FST_PATH_MATCHES_MAX) {
        return refuse(fmt::format("{} matches", options.matches.size()),
                      fmt::format("at most {}", FST_PATH_MATCHES_MAX));
    }
    return options.max_packet_paths > 0 ? Status{} : refuse("0 packet paths", "at least one");
}

/// Loads and attaches the stations of another network namespace, whose indices follow.
Status follow_other(PathProbeState& state, const OtherNetns& other) {
    Status loaded;
    other.inside([&] {
        loaded = load_added(state, other.stations);
        if (loaded) {
            attach_added(state, other.stations);
        }
    });
    return loaded;
}

/// Appends an entry before the programs see the new count.
template <typename Entry, std::size_t most>
void append(Entry (&entries)[most], __u32& count, const Entry& entry) {
    entries[count] = entry;
    __atomic_store_n(&count, count + 1, __ATOMIC_RELEASE);
}

/// There must be room. Prefilters last: what passes them must already be in the matches.
void add_match(path_bpf::path_bpf__bss& programs, const fst_path_match& match) {
    const PathPrefilters prefilters = path_prefilters(match);
    append(programs.matches.match, programs.matches.count, match);
    for (const fst_path_prefilter_ipv4& prefilter : prefilters.ipv4) {
        append(programs.prefilters.ipv4, programs.prefilters.ipv4_count, prefilter);
    }
    for (const fst_path_prefilter_ipv6& prefilter : prefilters.ipv6) {
        append(programs.prefilters.ipv6, programs.prefilters.ipv6_count, prefilter);
    }
}

}  // namespace

PathProbe::PathProbe(std::unique_ptr<PathProbeState> state) : state_(std::move(state)) {}
PathProbe::PathProbe(PathProbe&&) noexcept = default;
PathProbe& PathProbe::operator=(PathProbe&&) noexcept = default;
PathProbe::~PathProbe() = default;

Result<PathProbe> PathProbe::start(const PathProbeOptions& options) {
    if (Status checked = check(options); !checked) {
        return std::unexpected(checked.error());
    }
    const Result<kernel::Capabilities> capabilities = kernel::Capabilities::of_this_thread();
    if (!capabilities) {
        return std::unexpected(capabilities.error());
    }
    if (Status permitted = kernel::require_capabilities(*capabilities); !permitted) {
        return std::unexpected(permitted.error());
    }
    auto state = std::make_unique<PathProbeState>();
    state->options = options;
    if (Status loaded = load_path(*state); !loaded) {
        return std::unexpected(loaded.error());
    }
    attach_path(*state);
    for (const OtherNetns& other : options.others) {
        if (Status followed = follow_other(*state, other); !followed) {
            return std::unexpected(followed.error());
        }
    }
    state->options.others.clear();
    // Only after every program is attached: see `matches` in bpf/path/maps.h.
    for (const fst_path_match& match : options.matches) {
        add_match(*state->skeleton->bss, match);
    }
    if (options.matches.empty()) {
        add_match(*state->skeleton->bss, match_everything());
    }
    return PathProbe(std::move(state));
}

const std::vector<StationState>& PathProbe::stations() const {
    return state_->stations;
}

const kernel::Notices& PathProbe::notices() const {
    return state_->notices;
}

bool PathProbe::sees_drops() const {
    return state_->sees_drops;
}

Result<PathReader> PathProbe::events(PathReader::Handler handler) const {
    return PathReader::open(bpf_map__fd(state_->skeleton->maps.path_events), std::move(handler));
}

Status PathProbe::match_also(const fst_path_match& match) {
    if (state_->skeleton->bss->matches.count >= FST_PATH_MATCHES_MAX) {
        return refuse("another match", fmt::format("at most {}", FST_PATH_MATCHES_MAX));
    }
    add_match(*state_->skeleton->bss, match);
    return {};
}

Result<PathCounters> PathProbe::counters() const {
    PathCounters sums{};
    const Status summed = kernel::sum_counters(bpf_map__fd(state_->skeleton->maps.path_counters),
                                               "the path's counters", sums);
    return summed ? Result<PathCounters>(sums) : std::unexpected(summed.error());
}

Result<PathProbe::Replanned> PathProbe::replan(const std::vector<Station>& wanted,
                                               const std::string& netns) {
    PathProbeState& state = *state_;
    std::vector<Station> missing;
    std::set<std::size_t> kept;
    for (const Station& station : wanted) {
        if (station.kind != Station::Kind::netfilter) {
            continue;
        }
        // By the priority that its program knows, too: packets are followed in that order.
        const auto serves = [&](const StationState& its) {
            return its.attached && station.has_room_for(its.station, its.station.priority) &&
                   station.has_room_for(its.station, its.wanted);
        };
        const auto found = std::ranges::find_if(state.stations, serves);
        if (found == state.stations.end()) {
            missing.push_back(station);
        } else {
            kept.insert(static_cast<std::size_t>(found - state.stations.begin()));
        }
    }
    bool is_supported = false;
    for (std::size_t i = 0; i < state.stations.size(); i++) {
        is_supported |= state.stations[i].station.kind == Station::Kind::netfilter &&
                        state.programs[i] != nullptr;
    }
    if (!missing.empty() && is_supported) {
        if (Status checked = check(missing); !checked) {
            return std::unexpected(checked.error());
        }
        if (state.stations.size() + missing.size() > kStationsMost) {
            return std::unexpected(
                refuse("more stations", "the ruleset has changed too often: start anew").error());
        }
        if (Status loaded = load_added(state, missing); !loaded) {
            return std::unexpected(loaded.error());
        }
    }
    Replanned done{};
    for (std::size_t i = 0; i < state.stations.size(); i++) {
        StationState& its = state.stations[i];
        if (its.attached && its.station.kind == Station::Kind::netfilter &&
            its.station.netns == netns && !kept.contains(i)) {
            its.attached = false;
            state.station_links.erase(i);
            done.removed++;
        }
    }
    for (std::size_t i = 0; is_supported && i < missing.size(); i++) {
        attach_next(state, missing[i]);
        done.added += state.stations.back().attached;
    }
    return done;
}

void PathProbe::detach() {
    state_->station_links.clear();
    state_->links.clear();
}

}  // namespace flowstamp::pathtrace
