// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/watch/live_host.h"

#include <algorithm>
#include <cstring>

#include "user/kernel/attach/interface.h"
#include "user/pathtrace/live/route_lookup.h"

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
    return counters ? std::optional((*counters)[FST_COUNT_EVENT_LOST]) : std::nullopt;
}

}  // namespace flowstamp::cmd
