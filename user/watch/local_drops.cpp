// SPDX-License-Identifier: Apache-2.0
#include "user/watch/local_drops.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "user/flow/identity.h"
#include "user/kernel/path_names.h"

namespace flowstamp {

namespace {

/// The record's packet as findings tell packets, under the name that it came with: a filter knows
/// it by that.
fs_packet packet_of(const fs_path_event& event, const fs_path_tuple& name) {
    fs_packet packet{};
    const Endpoint source = source_of(name), destination = destination_of(name);
    packet.direction = source < destination ? 0 : 1;
    const unsigned receiver = packet.direction ^ 1U;
    std::memcpy(packet.key.address[packet.direction], name.source, 16);
    std::memcpy(packet.key.address[receiver], name.destination, 16);
    packet.key.port[packet.direction] = name.source_port;
    packet.key.port[receiver] = name.destination_port;
    packet.key.ifindex = event.ifindex_in != 0 ? event.ifindex_in : event.ifindex_out;
    packet.time_ns = event.time_ns;
    packet.seq = event.seq;
    packet.ack = event.ack;
    packet.ip_id = event.ip_id;
    packet.ttl = event.ttl;
    packet.tcp_flags = event.tcp_flags;
    packet.segments = event.segments;
    packet.flags = event.flags & FS_PATH_IPV6 ? FS_PACKET_IPV6 : 0;
    return packet;
}

/// A program of ours at XDP or tc, which drops resets on request.
bool may_be_ours(const PathStory& story) {
    static constexpr std::string_view kHooks[] = {"XDP", "TC_INGRESS", "TC_EGRESS"};
    return (story.latest.tcp_flags & FS_TCP_RST) &&
           std::ranges::find(kHooks, story.drop->reason) != std::end(kHooks);
}

/// Who makes the answer to what is dropped: a REJECT, and TCP to a port without a socket.
bool is_answered(const PathStory::Drop& drop, const fs_path_event& packet) {
    if (packet.tcp_flags & FS_TCP_RST) {
        return false;  // RFC 9293, section 3.10.7.1
    }
    return drop.reason == "NO_SOCKET" || (drop.culprit && drop.culprit->rejects);
}

}  // namespace

Result<std::unique_ptr<LocalDrops>> LocalDrops::start(const Tracer::Wanted& wanted, bool ours,
                                                      const Clock& clock,
                                                      std::function<void(std::string_view)> notice,
                                                      Take take) {
    std::unique_ptr<LocalDrops> drops(new LocalDrops(ours, std::move(take)));
    auto tracer =
        Tracer::start(wanted, {.reporter = *drops, .clock = clock, .notice = std::move(notice)});
    if (!tracer) {
        return std::unexpected(std::move(tracer).error());
    }
    drops->tracer_.emplace(std::move(*tracer));
    return drops;
}

void LocalDrops::story(const PathStory& story) {
    if (!story.drop || !story.drop->is_hosts_decision ||
        story.latest.tuple.protocol != IPPROTO_TCP || (ours_ && may_be_ours(story))) {
        return;
    }
    const PathStory::Drop& drop = *story.drop;
    HostDrop told{.sighting = {.packet = packet_of(story.latest, story.name), .wall = story.wall},
                  .at = drop.at,
                  .reason = drop.reason,
                  .words = drop.words.words,
                  .look_at = drop.words.look_at,
                  .is_answered = is_answered(drop, story.latest),
                  .is_own = (story.latest.flags & FS_PATH_LOCAL) != 0 || drop.at == "output"};
    told.sighting.interface = interface_name(told.sighting.packet.key.ifindex);
    told.sighting.flow_id = flow_id(told.sighting.packet.key, 0, 0);
    if (story.translated) {
        told.translated = fmt::format("{} > {}", source_of(*story.translated).text(),
                                      destination_of(*story.translated).text());
    }
    if (drop.culprit) {
        told.rule = words_of(*drop.culprit);
        told.why = drop.culprit->why;
        told.is_certain = drop.culprit->certainty == Certainty::certain;
    }
    take_(told);
}

}  // namespace flowstamp
