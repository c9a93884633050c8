// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/watch/local_drops.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "user/net/identity.h"
#include "user/pathtrace/live/kernel_names.h"

namespace flowstamp::cmd {

namespace {

/// The event's packet as findings describe it, with the addresses of `name`, those on arrival:
/// filters match these.
fst_packet packet_of(const fst_path_event& event, const fst_path_tuple& name) {
    fst_packet packet{};
    const net::Endpoint source = pathtrace::source_of(name),
                        destination = pathtrace::destination_of(name);
    packet.direction = source < destination ? 0 : 1;
    const unsigned receiver = packet.direction ^ 1U;
    std::memcpy(packet.key.address[packet.direction], name.source, 16);
    std::memcpy(packet.key.address[receiver], name.destination, 16);
    packet.key.port[packet.direction] = name.source_port;
    packet.key.port[receiver] = name.destination_port;
    packet.key.ifindex = event.ifindex_in != 0 ? event.ifindex_in : event.ifindex_out;
    packet.key.protocol = name.protocol;
    packet.time_ns = event.time_ns;
    packet.seq = event.seq;
    packet.ack = event.ack;
    packet.ip_id = event.ip_id;
    packet.ttl = event.ttl;
    packet.tcp_flags = event.tcp_flags;
    packet.segments = event.segments;
    packet.flags = event.flags & FST_PATH_IPV6 ? FST_PACKET_IPV6 : 0;
    return packet;
}

/// Whether our own program at XDP or tc may have dropped it: --drop drops resets.
bool may_be_ours(const pathtrace::PathReport& report) {
    static constexpr std::string_view kHooks[] = {"XDP", "TC_INGRESS", "TC_EGRESS"};
    return (report.latest.tcp_flags & FST_TCP_RST) &&
           std::ranges::find(kHooks, report.drop->reason) != std::end(kHooks);
}

/// Whether this host answers what it drops: a REJECT rule does, and TCP at a port without a socket.
bool is_answered(const pathtrace::PathReport::Drop& drop, const fst_path_event& packet) {
    if (packet.tcp_flags & FST_TCP_RST) {
        return false;  // RFC 9293, section 3.10.7.1
    }
    return drop.reason == "NO_SOCKET" || (drop.attribution && drop.attribution->rejects);
}

}  // namespace

Result<std::unique_ptr<LocalDrops>> LocalDrops::start(const pathtrace::Tracer::Wanted& wanted,
                                                      bool ours, const Clock& clock,
                                                      std::function<void(std::string_view)> notice,
                                                      Take take) {
    std::unique_ptr<LocalDrops> drops(new LocalDrops(ours, std::move(take)));
    const auto report = [its = drops.get()](const pathtrace::PathEvent& event) {
        if (const auto* path = std::get_if<pathtrace::PathReport>(&event)) {
            its->report(*path);
        }
    };
    auto tracer = pathtrace::Tracer::start(
        wanted, {.report = report, .clock = clock, .notice = std::move(notice)});
    if (!tracer) {
        return std::unexpected(std::move(tracer).error());
    }
    drops->tracer_.emplace(std::move(*tracer));
    return drops;
}

void LocalDrops::report(const pathtrace::PathReport& report) {
    if (!report.drop || !report.drop->is_hosts_decision ||
        report.latest.tuple.protocol != IPPROTO_TCP || (ours_ && may_be_ours(report))) {
        return;
    }
    const pathtrace::PathReport::Drop& drop = *report.drop;
    analysis::HostDrop host_drop{
        .sighting = {.packet = packet_of(report.latest, report.name), .wall = report.wall},
        .at = pathtrace::place_text(drop),
        .reason = drop.reason,
        .words = drop.words.words,
        .look_at = pathtrace::look_at(drop),
        .is_certain = !drop.or_further_on,
        .is_answered = is_answered(drop, report.latest),
        .is_own = (report.latest.flags & FST_PATH_LOCAL) != 0 || drop.at == "output"};
    host_drop.sighting.interface = pathtrace::interface_name(host_drop.sighting.packet.key.ifindex);
    host_drop.sighting.flow_id = net::flow_id(host_drop.sighting.packet.key, 0, 0);
    if (report.translated) {
        host_drop.translated =
            fmt::format("{} > {}", pathtrace::source_of(*report.translated).text(),
                        pathtrace::destination_of(*report.translated).text());
    }
    if (drop.attribution) {
        host_drop.rule = netfilter::words_of(*drop.attribution);
        host_drop.why = drop.attribution->why;
        host_drop.is_certain = drop.attribution->certainty == netfilter::Certainty::certain;
    }
    take_(host_drop);
}

}  // namespace flowstamp::cmd
