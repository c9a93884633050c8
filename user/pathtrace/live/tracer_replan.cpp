// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// What a run does when the ruleset of a network namespace has changed.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "user/pathtrace/live/tracer_run.h"

namespace flowstamp::pathtrace {

namespace {

std::string changed_line(const std::string& netns, const PathProbe::Replanned& replanned) {
    return fmt::format(
        "{}{}the ruleset has changed: stations: {} new, {} removed; rules are compared from here "
        "on",
        netns, netns.empty() ? "" : ": ", replanned.added, replanned.removed);
}

}  // namespace

/// The ruleset has changed: places stations for it, and counts from it on. What was lost before is judged
/// once they stand, against the ruleset as it was.
void Tracer::Run::replan(FollowedNetns& its) {
    const Nanoseconds began = dependencies_.clock.monotonic();
    its.others.forget_in_the_way();
    auto ruleset = its.entry.inside([&] { return its.read_ruleset(); });
    if (!ruleset) {
        dependencies_.notice(ruleset.error().message());
        inspect(its);
    } else {
        const bool is_another = its.changes.is_another(*ruleset);
        std::vector<std::string> lines;
        if (is_another) {
            lines = move_stations(its, *ruleset);
        }
        inspect(its);
        its.changes.planned(*ruleset);
        if (const netfilter::Ruleset* const later = its.losses.read_since(began)) {
            its.changes.compare(*later);
            ruleset = *later;
        }
        its.losses.begin_anew(*std::move(ruleset));
        std::ranges::for_each(lines, dependencies_.notice);
    }
    its.changes.rest(began, dependencies_.clock.monotonic());
}

/// Returns what to tell the user.
std::vector<std::string> Tracer::Run::move_stations(FollowedNetns& its,
                                                    netfilter::Ruleset& ruleset) {
    const std::string& netns = its.entry.name();
    const std::size_t noticed = probe_.notices().size();
    const Status read = read_records();  // by the stations that there were
    const auto replanned =
        its.entry.inside([&] { return probe_.replan(plan_stations(ruleset, {}, netns), netns); });
    its.entry.inside([&] { its.others.attached(stations_in(netns, probe_.stations()), ruleset); });
    if (replanned) {
        its.losses.stations_moved(dependencies_.clock.monotonic());
    } else {
        its.losses.stations_stayed();
    }
    map_.renew(probe_.stations());
    map_.learn(netns, ruleset);
    counts_.grow(map_);
    const Status read_on = read_records();
    std::vector<std::string> lines = {replanned ? changed_line(netns, *replanned)
                                                : replanned.error().message()};
    for (const Status* const each : {&read, &read_on}) {
        if (!*each) {
            lines.push_back(each->error().message());
        }
    }
    for (std::size_t i = noticed; i < probe_.notices().size(); i++) {
        lines.push_back(probe_.notices()[i].text);
    }
    return lines;
}

}  // namespace flowstamp::pathtrace
