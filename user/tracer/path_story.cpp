// SPDX-License-Identifier: Apache-2.0
#include "user/tracer/path_story.h"

#include <fmt/format.h>
#include <netinet/in.h>

#include <cstring>

#include "flowstamp/stamp.h"
#include "user/kernel/path_names.h"

namespace flowstamp {

namespace {

Endpoint end_of(const __be32 (&address)[4], __be16 port) {
    Endpoint end;
    std::memcpy(end.address.data(), address, end.address.size());
    end.port = ntohs(port);
    return end;
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

bool is_refused_route(const std::string& reason, const std::string& location) {
    return reason == "NOT_SPECIFIED" && location.starts_with("ip_error");
}

/// Puts the packet's own names for those that stand in what is to be looked at.
void name_in(std::string& text, std::string_view placeholder, const std::string& name) {
    if (name.empty()) {
        return;
    }
    for (std::size_t at = 0; (at = text.find(placeholder, at)) != std::string::npos;) {
        text.replace(at, placeholder.size(), name);
        at += name.size();
    }
}

/// Where the kernel gives no reason, or one for several things, the place tells more.
DropReasonWords words_of(const std::string& reason, const std::string& location,
                         const Journey& journey) {
    // Headers are looked at before PREROUTING; the TTL behind it, and only of what goes on.
    if (reason == "IP_INHDR" && journey.drop->place == FS_PLACE_PREROUTING &&
        journey.drop->ttl <= 1) {
        return {.words = "its TTL (hop limit) ran out here",
                .look_at = "traceroute ADDRESS; ip route get ADDRESS"};
    }
    // The last packet of a handshake by SYN cookie, of which the listener has no record.
    if (reason == "NO_SOCKET" && location.starts_with("cookie_v")) {
        return drop_reason_words("TCP_LISTEN_OVERFLOW");
    }
    if (reason == "NOT_SPECIFIED" && location.starts_with("tcp_v") &&
        journey.drop->tcp_flags == FS_TCP_SYN) {
        return {.words = "a repeated SYN: the connection is begun, and is answered once more",
                .look_at = "ss -tan state syn-recv"};
    }
    if (is_refused_route(reason, location)) {
        return {.words =
                    "routing refuses it: no route, or one that says blackhole, unreachable or "
                    "prohibit",
                .look_at = "ip route get ADDRESS from SOURCE iif IFACE; ip rule"};
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
            .words = words_of(reason, location, journey),
            .is_hosts_decision = is_hosts_decision(reason) || is_refused_route(reason, location),
            .culprit = std::move(culprit)};
        std::string& look_at = story.drop->words.look_at;
        name_in(look_at, "IFACE", interface_name(journey.drop->ifindex_out));
        name_in(look_at, "ADDRESS", destination_of(journey.drop->tuple).ip_text());
        name_in(look_at, "SOURCE", source_of(journey.drop->tuple).ip_text());
    }
    return story;
}

}  // namespace flowstamp
