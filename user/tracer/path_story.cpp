// SPDX-License-Identifier: Apache-2.0
#include "user/tracer/path_story.h"

#include <fmt/format.h>
#include <netinet/in.h>

#include <cstring>

#include "user/kernel/path_names.h"

namespace flowstamp {

namespace {

Endpoint end_of(const __be32 (&address)[4], __be16 port) {
    Endpoint end;
    std::memcpy(end.address.data(), address, end.address.size());
    end.port = ntohs(port);
    return end;
}

Nanoseconds time_of(const fs_path_event& event) {
    return Nanoseconds(static_cast<std::int64_t>(event.time_ns));
}

/// What is other than at the station before.
std::vector<std::string> changes(const fs_path_event& before, const fs_path_event& now) {
    std::vector<std::string> found;
    if (source_of(now.tuple) != source_of(before.tuple)) {
        found.push_back("from " + source_of(now.tuple).text());
    }
    if (destination_of(now.tuple) != destination_of(before.tuple)) {
        found.push_back("to " + destination_of(now.tuple).text());
    }
    if (now.ttl != before.ttl) {
        found.push_back(fmt::format("ttl {}", now.ttl));
    }
    if (now.mark != before.mark) {
        found.push_back(fmt::format("mark {:#x}", now.mark));
    }
    return found;
}

/// Where the kernel gives no reason, the function that gave the packet up may tell it.
bool is_refused_route(const std::string& reason, const std::string& location) {
    return reason == "NOT_SPECIFIED" && location.starts_with("ip_error");
}

DropReasonWords words_of(const std::string& reason, const std::string& location) {
    if (is_refused_route(reason, location)) {
        return {.words =
                    "routing refuses it: no route, or one that says blackhole, unreachable or "
                    "prohibit",
                .look_at = "ip route get the destination; ip rule"};
    }
    return drop_reason_words(reason);
}

std::vector<PathStep> steps_of(const Journey& journey, const StationMap& map) {
    std::vector<PathStep> steps;
    for (std::size_t i = 0; i < journey.stations.size(); i++) {
        const fs_path_event& event = journey.stations[i];
        if (!map.knows(event.station)) {
            continue;
        }
        const std::string part = map.part_of(event.station);
        if (steps.empty() || steps.back().at != part) {
            steps.push_back({.at = part});
        }
        PathStep& step = steps.back();
        for (std::string& name : map.passed_before(event.station)) {
            step.passed.push_back(std::move(name));
        }
        if (i > 0) {
            for (std::string& change : changes(journey.stations[i - 1], event)) {
                step.changed.push_back(std::move(change));
            }
        }
        step.since_start = time_of(event) - time_of(journey.stations.front());
    }
    return steps;
}

}  // namespace

Endpoint source_of(const fs_path_tuple& tuple) {
    return end_of(tuple.source, tuple.source_port);
}

Endpoint destination_of(const fs_path_tuple& tuple) {
    return end_of(tuple.destination, tuple.destination_port);
}

std::string protocol_name(std::uint8_t protocol) {
    switch (protocol) {
        case IPPROTO_TCP:
            return "TCP";
        case IPPROTO_UDP:
            return "UDP";
        case IPPROTO_ICMP:
            return "ICMP";
        case IPPROTO_ICMPV6:
            return "IPv6-ICMP";
        default:
            return std::to_string(protocol);
    }
}

std::string_view name_of(Journey::End end) {
    switch (end) {
        case Journey::End::left:
            return "left";
        case Journey::End::delivered:
            return "delivered";
        case Journey::End::dropped:
            return "dropped";
        case Journey::End::unknown:
            break;
    }
    return "unknown";
}

PathStory story_of(const PathFlows::Filed& filed, const Journey& journey, const StationMap& map,
                   std::optional<Culprit> culprit) {
    const PathFlow& flow = filed.flow;
    const bool is_reply = filed.direction == 1;
    PathStory story{.flow = flow.id,
                    .is_reply = is_reply,
                    .name = journey.first().tuple,
                    .translated = {},
                    .end = journey.end,
                    .packets = filed.count,
                    .steps = steps_of(journey, map),
                    .drop = {},
                    .latest = journey.last()};
    if (flow.translated) {
        // Named after the connection's beginning; an answer is met translated, and leaves as asked.
        story.name = is_reply ? reversed(*flow.translated) : flow.name;
        story.translated = is_reply ? reversed(flow.name) : *flow.translated;
    }
    if (journey.drop) {
        const std::string reason = drop_reason_name(journey.drop->drop_reason);
        const std::string location = code_name(journey.drop->location);
        story.drop = PathStory::Drop{
            .at = map.knows(filed.end.station) ? map.part_of(filed.end.station) : "",
            .reason = reason,
            .location = location,
            .words = words_of(reason, location),
            .is_hosts_decision = is_hosts_decision(reason) || is_refused_route(reason, location),
            .culprit = std::move(culprit)};
    }
    return story;
}

}  // namespace flowstamp
