// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/watch/live_host.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <cstring>

#include "user/kernel/attach/interface.h"
#include "user/pathtrace/live/route_lookup.h"
#include "user/pathtrace/live/socket_lookup.h"

namespace flowstamp::cmd {

std::optional<analysis::ThisHost::Route> LiveHost::route_to(const net::Endpoint& end) const {
    __be32 to[4];
    const __be32 from[4] = {};
    std::memcpy(to, end.address.data(), sizeof(to));
    const auto route = pathtrace::find_route({.to = to, .from = from});
    if (!route) {
        return std::nullopt;
    }
    const bool is_watched =
        std::ranges::any_of(probe_.attachments(), [&](const kernel::Attachment& attachment) {
            return attachment.interface.index == route->ifindex_out && attachment.ingress;
        });
    return Route{.is_own = route->is_own, .ifindex = route->ifindex_out, .is_watched = is_watched};
}

std::optional<LiveHost::Reader> LiveHost::stuck_reader(const net::Endpoint& own,
                                                       const net::Endpoint& peer) const {
    fst_path_tuple tuple{};
    std::memcpy(tuple.source, peer.address.data(), sizeof(tuple.source));
    std::memcpy(tuple.destination, own.address.data(), sizeof(tuple.destination));
    tuple.source_port = htons(peer.port);
    tuple.destination_port = htons(own.port);
    tuple.protocol = IPPROTO_TCP;
    const auto socket = pathtrace::find_socket(tuple, 0);
    if (!socket || socket->state != TCP_ESTABLISHED || socket->receive_queue == 0 ||
        socket->receive_window.value_or(0) != 0) {
        return std::nullopt;
    }
    const auto& processes = holders_.of(socket->inode, clock_.monotonic());
    if (processes.empty()) {
        return std::nullopt;
    }
    return Reader{.process = processes.front().name,
                  .pid = processes.front().pid,
                  .unread_bytes = socket->receive_queue};
}

bool LiveHost::is_watched_whole() const {
    const auto interfaces = kernel::list_interfaces();
    return !follows_drops_ && interfaces &&
           std::ranges::all_of(*interfaces, [&](const kernel::Interface& interface) {
               return interface.loopback || !interface.up ||
                      std::ranges::any_of(probe_.attachments(), [&](const auto& attachment) {
                          return attachment.interface.index == interface.index &&
                                 attachment.ingress && attachment.egress;
                      });
           });
}

std::optional<std::uint64_t> LiveHost::events_lost() const {
    const auto counters = probe_.maps().counters().read();
    return counters ? std::optional((*counters)[FST_COUNT_EVENT_LOST] +
                                    (*counters)[FST_COUNT_OPENING_UNSAMPLED] +
                                    (*counters)[FST_COUNT_FLOW_LOST])
                    : std::nullopt;
}

}  // namespace flowstamp::cmd
