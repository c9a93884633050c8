// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/path_sample.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

namespace flowstamp::pathtrace {

namespace {

/// The same packets pass the stations of one hook and family one after the other; some are
/// recognized only at a later one. So the number of packets at the hook is that of its busiest
/// station.
std::vector<PathSample::Part> parts_of(const StationCounts& counts, const StationMap& map) {
    using Hook = std::tuple<std::size_t, std::uint8_t>;  // index of the part; the family
    std::vector<PathSample::Part> parts;
    std::map<Hook, std::uint64_t> busiest;
    for (std::uint32_t i = 0; map.knows(i); i++) {
        if (!map.at(i).attached) {
            continue;
        }
        const std::string name = map.part_of(i);
        auto part = std::ranges::find(parts, name, &PathSample::Part::name);
        if (part == parts.end()) {
            part = parts.insert(parts.end(), {.name = name});
        }
        const auto place = static_cast<std::size_t>(part - parts.begin());
        std::uint64_t& most = busiest[{place, map.at(i).station.pf}];
        most = std::max(most, counts.passed_at(i));
    }
    for (const auto& [hook, packets] : busiest) {
        parts[std::get<0>(hook)].packets += packets;
    }
    return parts;
}

std::string rule_words(const netfilter::DropAttribution& attribution) {
    const std::string_view tool = name_of(attribution.tool, attribution.family);
    const bool is_nft = attribution.tool == netfilter::RulesetTool::nft;
    const std::string chain =
        is_nft ? fmt::format("{} {} {} {}", tool, name_of(attribution.family), attribution.table,
                             attribution.chain)
               : fmt::format("{} {} {}", tool, attribution.table, attribution.chain);
    if (attribution.tool == netfilter::RulesetTool::bpf) {
        return attribution.text;
    }
    if (attribution.is_policy) {
        return chain + " policy";
    }
    return is_nft ? fmt::format("{} handle {}", chain, attribution.handle)
                  : fmt::format("{} rule {}", chain, attribution.number);
}

}  // namespace

PathSample::Loss place_of(const PathEnd& end, const StationMap& map) {
    if (!map.knows(end.station)) {
        return {.end = end};
    }
    return {.end = end,
            .at = map.part_of(end.station),
            .before = fmt::format("{}", fmt::join(map.passed_next(end.station), ", "))};
}

PathSample sample_of(const StationCounts& counts, const StationMap& map, const PathStats& stats) {
    PathSample sample{.parts = parts_of(counts, map), .losses = {}, .stats = stats};
    for (const auto& [end, lost] : counts.lost()) {
        PathSample::Loss loss = place_of(end, map);
        loss.by = lost.by_text();
        loss.packets = lost.packets;
        sample.losses.push_back(std::move(loss));
    }
    return sample;
}

std::string short_words(const PathReport::Drop& drop) {
    return drop.attribution ? rule_words(*drop.attribution) : drop.words.words;
}

}  // namespace flowstamp::pathtrace
