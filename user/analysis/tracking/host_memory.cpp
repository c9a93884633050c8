// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/tracking/host_memory.h"

#include <algorithm>
#include <cstdlib>

#include "flowstamp/hops.h"
#include "user/net/endpoint_hash.h"

namespace flowstamp::analysis {

namespace {

constexpr std::uint8_t kLinuxTtl = 64;

}  // namespace

std::optional<std::uint8_t> HostMemory::Host::nearest_hops() const {
    if (many) {
        return std::nullopt;
    }
    std::uint8_t nearest = 255;
    for (const Distance& distance : distances) {
        if (distance.ttl != 0) {
            nearest = std::min(nearest, fst_hops(distance.ttl));
        }
    }
    return nearest <= FST_HOPS_MAX ? std::optional(nearest) : std::nullopt;
}

bool HostMemory::Host::sends_from(std::uint8_t hops) const {
    return many || std::ranges::any_of(distances, [&](const Distance& distance) {
               return distance.flows >= kFlowsEnough &&
                      std::abs(int{fst_hops(distance.ttl)} - int{hops}) <= 1;
           });
}

bool HostMemory::Host::is_foreign_ttl(std::uint8_t ttl) const {
    return !many && distances[0].ttl != 0 &&
           std::ranges::none_of(distances, [&](const Distance& known) {
               return known.ttl != 0 &&
                      (std::abs(int{known.ttl} - int{ttl}) <= 1 ||
                       std::abs(int{fst_hops(known.ttl)} - int{fst_hops(ttl)}) <= 1);
           });
}

bool HostMemory::Host::is_linux_like() const {
    return id_flows >= kFlowsEnough && id_classes == 1U << FST_ID_FLOW && !clears_df &&
           std::ranges::all_of(distances, [](const Distance& distance) {
               return distance.ttl == 0 || fst_ttl_base(distance.ttl) == kLinuxTtl;
           });
}

std::uint32_t HostMemory::name_of(const Place& place) {
    return static_cast<std::uint32_t>(net::mixed(net::hash_of(place.end), place.ifindex));
}

void HostMemory::note_distance(const Place& place, const Host& host) {
    const auto hops = host.nearest_hops();
    if (!hops) {
        return;
    }
    Address& address =
        addresses_.of(name_of({place.ifindex, {.address = place.end.address, .port = 0}}));
    const auto known = static_cast<std::uint8_t>(*hops + 1);
    if (address.hops_plus_one == 0 || known < address.hops_plus_one) {
        address.hops_plus_one = known;
    }
}

void HostMemory::add_ttl(Host& host, std::uint8_t ttl, bool counts) {
    for (Host::Distance& known : host.distances) {
        if (known.ttl == 0 || known.ttl == ttl) {
            known.ttl = ttl;
            known.flows = static_cast<std::uint8_t>(
                std::min<unsigned>(known.flows + (counts ? 1U : 0U), UINT8_MAX));
            return;
        }
    }
    host.many = true;
}

void HostMemory::learn(const Observation& observation) {
    const fst_packet& packet = observation.event.packet;
    if (observation.kind() == FST_EVENT_SYN_ACK && !(packet.flags & FST_PACKET_OUT_OF_PROFILE)) {
        const Place place{packet.key.ifindex, net::sender_of(packet)};
        Host& host = hosts_.of(name_of(place));
        add_ttl(host, packet.ttl, false);
        note_distance(place, host);
    }
    if (observation.slot) {
        learn_end(*observation.slot, 0, false);
        learn_end(*observation.slot, 1, false);
    }
}

void HostMemory::learn_end(const fst_flow& flow, unsigned end, bool has_ended) {
    const fst_direction& own = flow.direction[end];
    // A bare SYN is no baseline: a scanner may have crafted it.
    if (!(own.flags & (FST_DIRECTION_BASE | FST_DIRECTION_BASE_SYN_ACK))) {
        return;
    }
    const Place place{flow.key.ifindex, net::end_of(flow.key, end)};
    Host& host = hosts_.of(name_of(place));
    const bool counts = has_ended && (own.flags & FST_DIRECTION_DATA);
    for (const std::uint8_t ttl : own.ttl) {
        if (ttl != 0) {
            add_ttl(host, ttl, counts);
        }
    }
    note_distance(place, host);
    host.clears_df = host.clears_df || (own.flags & FST_DIRECTION_NO_DF);
    if (const auto id_class = fst_id_class_of(&own); counts && id_class != FST_ID_UNKNOWN) {
        host.id_classes |= static_cast<std::uint8_t>(1U << id_class);
        host.id_flows =
            static_cast<std::uint8_t>(std::min<unsigned>(host.id_flows + 1U, UINT8_MAX));
    }
}

void HostMemory::inspect(std::uint32_t slot, const fst_flow& flow) {
    if (slot >= inspected_.size()) {
        inspected_.resize(slot + 1);
    }
    const bool both = flow.direction[0].flags & flow.direction[1].flags & FST_DIRECTION_BASE;
    if (!both || inspected_[slot] == flow.generation) {
        return;
    }
    inspected_[slot] = flow.generation;
    learn_end(flow, 0, false);
    learn_end(flow, 1, false);
}

void HostMemory::learn_ended(const fst_flow& flow) {
    learn_end(flow, 0, true);
    learn_end(flow, 1, true);
}

std::optional<std::uint8_t> HostMemory::nearest_by_other_ports(const fst_packet& packet) const {
    net::Endpoint end = net::sender_of(packet);
    end.port = 0;
    const Address* address = addresses_.find(name_of({packet.key.ifindex, end}));
    return address == nullptr || address->hops_plus_one == 0
               ? std::nullopt
               : std::optional(static_cast<std::uint8_t>(address->hops_plus_one - 1));
}

const HostMemory::Host* HostMemory::of(const Place& place) const {
    return hosts_.find(name_of(place));
}

}  // namespace flowstamp::analysis
