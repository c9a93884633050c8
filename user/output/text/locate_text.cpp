// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/text/locate_text.h"

#include <fmt/format.h>

#include <string_view>

#include "user/base/time_text.h"
#include "user/base/wrap.h"
#include "user/output/text/counted.h"

namespace flowstamp::output {

namespace {

constexpr std::size_t kWidth = 80;

/// "hop 3, 192.0.2.6", "hop 3, which does not answer".
std::string router_text(unsigned number, const std::optional<net::Endpoint>& address) {
    return fmt::format("hop {}, {}", number,
                       address ? address->ip_text() : "which does not answer");
}

std::string box_text(const locate::BoxPlace& place) {
    const unsigned hops = *place.hops;
    std::string text = fmt::format("The forged reset came from {} away: the box is {}",
                                   counted(hops, "hop"), router_text(hops + 1, place.before));
    if (hops == 0) {
        return text + ", or stands on the link to it.";
    }
    return text + fmt::format(", or stands between it and {}.", router_text(hops, place.after));
}

std::string_view doubt_text(locate::Doubt doubt) {
    switch (doubt) {
        case locate::Doubt::none:
        case locate::Doubt::initial_ttl:
        case locate::Doubt::as_far_as_peer:
            break;
        case locate::Doubt::initial_of_32:
            return " That is doubtful: its TTL seems to begin at 32, as few systems' does.";
        case locate::Doubt::ways_differ:
            return " That is doubtful: a router there has another distance on the way back, by "
                   "which "
                   "the reset came.";
        case locate::Doubt::load_balanced:
            return " That is doubtful: a router there is not always the same.";
    }
    return "";
}

std::string sentence(const locate::BoxPlace& place) {
    if (!place.hops) {
        return "No reset of this connection is known to be forged, so there is no box to place; "
               "--log FILE names the log of the watch.";
    }
    switch (place.doubt) {
        case locate::Doubt::initial_ttl:
            return "The box cannot be placed: the forged reset's TTL begins at none of the usual "
                   "values, and tells no distance.";
        case locate::Doubt::as_far_as_peer:
            return fmt::format(
                "The box cannot be placed: the forged reset came from {} away, as far as the peer "
                "or "
                "farther. Its TTL is made to look so, or begins at none of the usual values.",
                counted(*place.hops, "hop"));
        default:
            return box_text(place).append(doubt_text(place.doubt));
    }
}

}  // namespace

std::string hop_text(const locate::Hop& hop, const Style& style) {
    const std::string number = fmt::format("hop {:<3} ", hop.ttl);
    if (!hop.address) {
        return number + style.faint("does not answer") + "\n";
    }
    std::string text =
        number + fmt::format("{:<15}  {}", hop.address->ip_text(), duration_text(hop.rtt));
    if (hop.varies) {
        text += "  and others";
    }
    if (hop.hops_back && *hop.hops_back + 1 != hop.ttl) {
        text += fmt::format("  {} away on the way back", counted(*hop.hops_back, "hop"));
    }
    return text + "\n";
}

std::string place_text(const locate::BoxPlace& place, std::optional<unsigned> peer_hops,
                       const net::Endpoint& peer, const Style& style) {
    std::string text = sentence(place);
    if (peer_hops) {
        text += *peer_hops == 0
                    ? fmt::format(" The peer, {}, is on the same link.", peer.text())
                    : fmt::format(" The peer, {}, is behind hop {}.", peer.text(), *peer_hops);
    }
    const bool is_placed = place.hops && place.doubt == locate::Doubt::none;
    const std::string wrapped = wrap(text, "", "", kWidth);
    return is_placed ? style.strong(wrapped) : wrapped;
}

}  // namespace flowstamp::output
