// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/path_report.h"

#include <fmt/format.h>
#include <netinet/in.h>

#include <cstring>

#include "flowstamp/stamp.h"
#include "user/pathtrace/untranslated.h"

namespace flowstamp::pathtrace {

namespace {

net::Endpoint end_of(const __be32 (&address)[4], __be16 port) {
    net::Endpoint end;
    std::memcpy(end.address.data(), address, end.address.size());
    end.port = ntohs(port);
    return end;
}

/// What changed since the station before.
std::vector<std::string> changes(const fst_path_event& before, const fst_path_event& now) {
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

/// Replaces a placeholder in the text by the packet's own value.
void name_in(std::string& text, std::string_view placeholder, const std::string& name) {
    if (name.empty()) {
        return;
    }
    for (std::size_t at = 0; (at = text.find(placeholder, at)) != std::string::npos;) {
        text.replace(at, placeholder.size(), name);
        at += name.size();
    }
}

/// If the kernel gives no reason, or one that has several causes, the location distinguishes them.
DropReasonWords words_of(const std::string& reason, const std::string& location,
                         const PacketPath& path) {
    // Headers are checked before PREROUTING; the TTL after it, and only of forwarded packets.
    if (reason == "IP_INHDR" && path.drop->place == FST_PLACE_PREROUTING && path.drop->ttl <= 1) {
        return {.words = "its TTL (hop limit) ran out here",
                .look_at = "traceroute ADDRESS; ip route get ADDRESS"};
    }
    // The last packet of a handshake with SYN cookies: the listener does not accept its cookie.
    if (reason == "NO_SOCKET" && location.starts_with("cookie_v")) {
        return drop_reason_words("TCP_LISTEN_OVERFLOW");
    }
    if (reason == "NOT_SPECIFIED" && location.starts_with("tcp_v") &&
        path.drop->tcp_flags == FST_TCP_SYN) {
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

/// No rule: a BPF program, or what is in a hook without being known.
DropReasonWords words_of_program(const netfilter::DropAttribution& its) {
    return {.words = "a netfilter hook dropped it",
            .look_at = its.handle != 0
                           ? fmt::format("bpftool prog show id {}; bpftool link show", its.handle)
                           : "bpftool link show; nft list hooks; lsmod"};
}

std::vector<PathStep> steps_of(const PacketPath& path, const StationMap& map) {
    std::vector<PathStep> steps;
    for (std::size_t i = 0; i < path.stations.size(); i++) {
        const fst_path_event& event = path.stations[i];
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
            for (std::string& change : changes(path.stations[i - 1], event)) {
                step.changed.push_back(std::move(change));
            }
        }
        step.since_start = time_of(event) - time_of(path.stations.front());
    }
    return steps;
}

}  // namespace

net::Endpoint source_of(const fst_path_tuple& tuple) {
    return end_of(tuple.source, tuple.source_port);
}

net::Endpoint destination_of(const fst_path_tuple& tuple) {
    return end_of(tuple.destination, tuple.destination_port);
}

std::string_view name_of(PacketPath::End end) {
    switch (end) {
        case PacketPath::End::left:
            return "left";
        case PacketPath::End::delivered:
            return "delivered";
        case PacketPath::End::dropped:
            return "dropped";
        case PacketPath::End::unknown:
            break;
    }
    return "unknown";
}

PathReport report_of(const PathFlows::Filed& filed, const PacketPath& packet_path,
                     const StationMap& map, std::optional<netfilter::DropAttribution> attribution,
                     const DropNames& names) {
    const PathFlow& flow = filed.flow;
    const bool is_reply = filed.direction == 1;
    PathReport report{.flow = flow.id,
                      .is_reply = is_reply,
                      .name = packet_path.first().tuple,
                      .translated = {},
                      .end = packet_path.end,
                      .is_made_here = filed.end.is_made_here,
                      .packets = filed.count,
                      .steps = steps_of(packet_path, map),
                      .drop = {},
                      .latest = packet_path.last()};
    if (filed.end.is_untranslated) {
        report.untranslated = why_untranslated(packet_path);
    } else if (flow.translated) {
        // Named after the connection's first packet; a reply arrives with the translated addresses.
        report.name = is_reply ? reversed(*flow.translated) : flow.name;
        report.translated = is_reply ? reversed(flow.name) : *flow.translated;
    }
    if (packet_path.drop) {
        report.drop = PathReport::Drop{
            .at = map.knows(filed.end.station) ? map.part_of(filed.end.station) : "",
            .reason = names.reason,
            .location = names.location,
            .words = words_of(names.reason, names.location, packet_path),
            .is_hosts_decision =
                is_hosts_decision(names.reason) || is_refused_route(names.reason, names.location),
            .attribution = std::move(attribution)};
        if (report.drop->attribution &&
            report.drop->attribution->tool == netfilter::RulesetTool::bpf) {
            report.drop->words = words_of_program(*report.drop->attribution);
        }
        std::string& look_at = report.drop->words.look_at;
        name_in(look_at, "IFACE", names.interface);
        name_in(look_at, "ADDRESS", destination_of(packet_path.drop->tuple).ip_text());
        name_in(look_at, "SOURCE", source_of(packet_path.drop->tuple).ip_text());
    }
    return report;
}

void place_further_on(PathReport::Drop& drop, const std::string& netns) {
    if (drop.attribution && drop.attribution->hook) {
        drop.at = within_netns(netns, std::string(netfilter::name_of(*drop.attribution->hook)));
    } else {
        drop.or_further_on = true;
    }
}

std::string place_text(const PathReport::Drop& drop) {
    return drop.at + (drop.or_further_on ? " or further on" : "");
}

std::string look_at(const PathReport::Drop& drop) {
    const bool is_rule = drop.attribution && drop.attribution->tool != netfilter::RulesetTool::bpf;
    return is_rule && !drop.counter ? std::string() : drop.words.look_at;
}

}  // namespace flowstamp::pathtrace
