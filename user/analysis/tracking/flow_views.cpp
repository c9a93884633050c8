// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/tracking/flow_views.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>

#include "flowstamp/acceptance_rules.h"

namespace flowstamp::analysis {

namespace {

/// The key without its interface.
fst_flow_key ends_of(const fst_flow_key& key) {
    fst_flow_key ends = key;
    ends.ifindex = 0;
    return ends;
}

bool same_ends(const fst_flow_key& one, const fst_flow_key& other) {
    const fst_flow_key a = ends_of(one), b = ends_of(other);
    return std::memcmp(&a, &b, sizeof(a)) == 0;
}

std::uint64_t name_of_ends(const fst_flow_key& key) {
    const fst_flow_key ends = ends_of(key);
    return std::hash<std::string_view>{}({reinterpret_cast<const char*>(&ends), sizeof(ends)});
}

/// Whether both initial sequence numbers were seen.
bool knows_isns(const fst_flow& flow) {
    const auto has_sent = [&](unsigned d) {
        return flow.state & (FST_OF(FST_FLOW_SYN, d) | FST_OF(FST_FLOW_SYN_ACK, d));
    };
    return !(flow.state & FST_FLOW_MIDWAY) && has_sent(0) && has_sent(1);
}

bool are_near(const fst_direction& one, const fst_direction& other) {
    return (one.flags & other.flags & FST_DIRECTION_SEEN) &&
           fst_within_reach(one.seq_edge, other.seq_edge);
}

/// By both ends; null if they are others.
std::optional<unsigned> by_ends(const fst_flow& here, unsigned d, const fst_flow& there) {
    return same_ends(here.key, there.key) ? std::optional(d) : std::nullopt;
}

/// By the initial sequence numbers, which no NAT changes.
std::optional<unsigned> by_isns(const fst_flow& here, unsigned d, const fst_flow& there) {
    if (!knows_isns(here) || !knows_isns(there) || here.isn[0] == here.isn[1]) {
        return std::nullopt;
    }
    for (const unsigned sender : {0U, 1U}) {
        if (there.isn[sender] == here.isn[d] && there.isn[sender ^ 1U] == here.isn[d ^ 1U]) {
            return sender;
        }
    }
    return std::nullopt;
}

}  // namespace

std::optional<unsigned> same_sender(const fst_flow& here, unsigned d, const fst_flow& there) {
    if (here.key.tunnelled || there.key.tunnelled) {
        return std::nullopt;  // the inner ends of two tunnels may be the same
    }
    // A proxy here that keeps the addresses has a connection of its own on each side.
    const bool both_known = knows_isns(here) && knows_isns(there);
    const auto sender = both_known ? by_isns(here, d, there) : by_ends(here, d, there);
    if (!sender || !are_near(here.direction[d], there.direction[*sender]) ||
        !are_near(here.direction[d ^ 1U], there.direction[*sender ^ 1U])) {
        return std::nullopt;
    }
    return sender;
}

bool comes_in_here(const fst_flow& flow, unsigned d) {
    const auto leaves = [&](unsigned end) {
        return (flow.state & FST_OF(FST_FLOW_LOCAL, end)) != 0;
    };
    return (flow.direction[0].flags & flow.direction[1].flags & FST_DIRECTION_SEEN) && !leaves(d) &&
           leaves(d ^ 1U);
}

void FlowViews::record(const Observation& observation) {
    if (observation.kind() != FST_EVENT_ESTABLISHED) {
        return;
    }
    const fst_packet& packet = observation.event.packet;
    if (packet.key.tunnelled) {
        return;
    }
    interfaces_.try_emplace(packet.key.ifindex, observation.interface);
    const ViewKey view = view_of(observation.event);
    remember(name_of_ends(packet.key), view);
    if (observation.isn_id) {
        remember(*observation.isn_id, view);
    }
}

void FlowViews::remember(std::uint64_t name, const ViewKey& view) {
    const auto [place, is_new] = views_.try_emplace(name);
    std::vector<ViewKey>& known = place->second;
    std::erase_if(known, [&](const ViewKey& other) { return other.ifindex == view.ifindex; });
    if (known.size() >= kViewsOfFlow) {
        known.erase(known.begin());
    }
    known.push_back(view);
    if (!is_new) {
        return;
    }
    order_.push_back(name);
    const std::size_t most = interfaces_.size() > 1 ? kMost : kMostAtOne;
    while (order_.size() > most) {
        views_.erase(order_.front());
        order_.pop_front();
    }
}

std::vector<OtherView> FlowViews::of(const Observation& observation,
                                     const SlotReader& slots) const {
    std::vector<OtherView> found;
    if (!observation.slot || interfaces_.size() < 2) {
        return found;
    }
    const fst_packet& packet = observation.event.packet;
    const auto add = [&](const ViewKey& key) {
        const bool is_known = std::ranges::find(found, key, &OtherView::key) != found.end();
        const auto flow =
            key.ifindex == packet.key.ifindex || is_known ? std::nullopt : slots.read(key);
        const auto sender =
            flow ? same_sender(*observation.slot, packet.direction & 1U, *flow) : std::nullopt;
        if (sender) {
            const auto interface = interfaces_.find(key.ifindex);
            found.push_back({key, interface->second, *flow, *sender});
        }
    };
    for (const auto name : {std::optional(name_of_ends(packet.key)), observation.isn_id}) {
        if (const auto known = name ? views_.find(*name) : views_.end(); known != views_.end()) {
            std::ranges::for_each(known->second, add);
        }
    }
    return found;
}

}  // namespace flowstamp::analysis
