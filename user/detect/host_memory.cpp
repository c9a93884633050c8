// SPDX-License-Identifier: Apache-2.0
#include "user/detect/host_memory.h"

#include <algorithm>

#include "flowstamp/hops.h"

namespace flowstamp {

void HostMemory::learn(const Endpoint& host, std::uint8_t ttl) {
    const auto [place, is_new] = hosts_.try_emplace(host);
    Entry& entry = place->second;
    if (is_new) {
        uses_.push_front(host);
        entry.use = uses_.begin();
        if (hosts_.size() > kMost) {
            hosts_.erase(uses_.back());
            uses_.pop_back();
        }
    } else if (entry.use != uses_.begin()) {
        uses_.splice(uses_.begin(), uses_, entry.use);
    }
    for (std::uint8_t& known : entry.distances.ttls) {
        if (known == ttl) {
            return;
        }
        if (known == 0) {
            known = ttl;
            return;
        }
    }
    entry.distances.many = true;
}

void HostMemory::learn(const Observation& observation) {
    const fs_packet& packet = observation.event.packet;
    if (observation.kind() == FS_EVENT_SYN_ACK && !(packet.flags & FS_PACKET_UNFIT)) {
        learn(sender_of(packet), packet.ttl);
    }
    if (!observation.slot) {
        return;
    }
    for (const unsigned end : {0U, 1U}) {
        const fs_direction& own = observation.slot->direction[end];
        // A bare SYN is no baseline: a scanner crafts it.
        if (!(own.flags & (FS_DIRECTION_BASE | FS_DIRECTION_BASE_SYN_ACK))) {
            continue;
        }
        for (const std::uint8_t ttl : own.ttl) {
            if (ttl != 0) {
                learn(end_of(observation.slot->key, end), ttl);
            }
        }
    }
}

const HostMemory::Distances* HostMemory::of(const Endpoint& host) const {
    const auto found = hosts_.find(host);
    return found == hosts_.end() ? nullptr : &found->second.distances;
}

std::optional<std::uint8_t> HostMemory::nearest_hops(const Endpoint& host) const {
    const Distances* known = of(host);
    if (known == nullptr || known->many) {
        return std::nullopt;
    }
    std::uint8_t nearest = 255;
    for (const std::uint8_t ttl : known->ttls) {
        if (ttl != 0) {
            nearest = std::min(nearest, fs_hops(ttl));
        }
    }
    return nearest <= FS_HOPS_MAX ? std::optional(nearest) : std::nullopt;
}

}  // namespace flowstamp
