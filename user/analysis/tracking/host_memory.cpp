// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/tracking/host_memory.h"

#include <algorithm>
#include <cstdlib>

#include "flowstamp/hops.h"

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

HostMemory::Entry& HostMemory::entry_of(const Place& place) {
    const auto [found, is_new] = hosts_.try_emplace(place);
    Entry& entry = found->second;
    if (is_new) {
        uses_.push_front(place);
        entry.use = uses_.begin();
        if (hosts_.size() > kMost) {
            hosts_.erase(uses_.back());
            uses_.pop_back();
        }
    } else if (entry.use != uses_.begin()) {
        uses_.splice(uses_.begin(), uses_, entry.use);
    }
    return entry;
}

void HostMemory::add_ttl(Host& host, std::uint8_t ttl, bool counts) {
    for (Host::Distance& known : host.distances) {
        if (known.ttl == 0 || known.ttl == ttl) {
            known.ttl = ttl;
            known.flows = static_cast<std::uint16_t>(
                std::min<unsigned>(known.flows + (counts ? 1U : 0U), UINT16_MAX));
            return;
        }
    }
    host.many = true;
}

void HostMemory::learn(const Observation& observation) {
    const fst_packet& packet = observation.event.packet;
    if (observation.kind() == FST_EVENT_SYN_ACK && !(packet.flags & FST_PACKET_OUT_OF_PROFILE)) {
        add_ttl(entry_of({packet.key.ifindex, net::sender_of(packet)}).host, packet.ttl, false);
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
    Entry& entry = entry_of({flow.key.ifindex, net::end_of(flow.key, end)});
    const bool counts = has_ended && (own.flags & FST_DIRECTION_DATA);
    for (const std::uint8_t ttl : own.ttl) {
        if (ttl != 0) {
            add_ttl(entry.host, ttl, counts);
        }
    }
    entry.host.clears_df = entry.host.clears_df || (own.flags & FST_DIRECTION_NO_DF);
    if (const auto id_class = fst_id_class_of(&own); counts && id_class != FST_ID_UNKNOWN) {
        entry.host.id_classes |= static_cast<std::uint8_t>(1U << id_class);
        entry.host.id_flows =
            static_cast<std::uint16_t>(std::min<unsigned>(entry.host.id_flows + 1U, UINT16_MAX));
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
    const auto address = end.address;
    end.port = 0;
    std::optional<std::uint8_t> nearest;
    for (auto place = hosts_.lower_bound({packet.key.ifindex, end});
         place != hosts_.end() && place->first.ifindex == packet.key.ifindex &&
         place->first.end.address == address;
         ++place) {
        const auto hops = place->second.host.nearest_hops();
        if (hops && (!nearest || *hops < *nearest)) {
            nearest = hops;
        }
    }
    return nearest;
}

const HostMemory::Host* HostMemory::of(const Place& place) const {
    const auto found = hosts_.find(place);
    return found == hosts_.end() ? nullptr : &found->second.host;
}

}  // namespace flowstamp::analysis
