// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/locate/box_place.h"

#include <algorithm>

#include "flowstamp/hops.h"

namespace flowstamp::locate {

namespace {

/// Of the router `number`, 1 being the first; null: it was not traced.
const Hop* hop_of(std::span<const Hop> hops, unsigned number) {
    return number >= 1 && number <= hops.size() ? &hops[number - 1] : nullptr;
}

std::optional<net::Endpoint> address_of(const Hop* hop) {
    return hop == nullptr ? std::nullopt : hop->address;
}

/// A router's own number is one more than the routers before it.
bool has_another_way_back(const Hop* hop) {
    return hop != nullptr && hop->hops_back && *hop->hops_back + 1 != hop->ttl;
}

bool varies(const Hop* hop) {
    return hop != nullptr && hop->varies;
}

}  // namespace

std::optional<unsigned> peer_hops(const fst_direction& peer) {
    std::optional<unsigned> least;
    for (const std::uint8_t ttl : peer.ttl) {
        if (ttl != 0 && fst_hops(ttl) <= FST_HOPS_MAX) {
            least = std::min<unsigned>(fst_hops(ttl), least.value_or(FST_HOPS_MAX));
        }
    }
    return peer.flags & FST_DIRECTION_TTL_MANY ? std::nullopt : least;
}

std::uint8_t last_hop(std::optional<std::uint8_t> reset_ttl, std::optional<unsigned> peer) {
    unsigned last = FST_HOPS_MAX;
    if (reset_ttl && fst_hops(*reset_ttl) < FST_HOPS_MAX) {
        last = fst_hops(*reset_ttl) + 1U;
    }
    return static_cast<std::uint8_t>(std::min(last, peer.value_or(last)));
}

BoxPlace place_of(std::optional<std::uint8_t> reset_ttl, std::optional<unsigned> peer,
                  std::span<const Hop> hops) {
    if (!reset_ttl) {
        return {};
    }
    BoxPlace place{.hops = fst_hops(*reset_ttl)};
    if (*place.hops > FST_HOPS_MAX) {
        place.doubt = Doubt::initial_ttl;
        return place;
    }
    if (peer && *place.hops >= *peer) {
        place.doubt = Doubt::as_far_as_peer;
        return place;
    }
    const Hop* after = hop_of(hops, *place.hops);
    const Hop* before = hop_of(hops, *place.hops + 1);
    place.after = address_of(after);
    place.before = address_of(before);
    constexpr std::uint8_t kRareInitial = 32;
    if (has_another_way_back(after) || has_another_way_back(before)) {
        place.doubt = Doubt::ways_differ;
    } else if (varies(after) || varies(before)) {
        place.doubt = Doubt::load_balanced;
    } else if (fst_ttl_base(*reset_ttl) == kRareInitial) {
        place.doubt = Doubt::initial_of_32;
    }
    return place;
}

}  // namespace flowstamp::locate
