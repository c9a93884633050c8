// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/live/losses.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "user/pathtrace/live/kernel_names.h"

namespace flowstamp::pathtrace {

namespace {

constexpr std::string_view kNetfilterDrop = "NETFILTER_DROP";

bool differ(const std::optional<netfilter::DropAttribution>& one,
            const std::optional<netfilter::DropAttribution>& other) {
    if (!one || !other) {
        return one.has_value() != other.has_value();
    }
    return netfilter::words_of(*one) != netfilter::words_of(*other) ||
           one->certainty != other->certainty;
}

bool is_certain(const std::optional<netfilter::DropAttribution>& attribution) {
    return attribution && attribution->certainty == netfilter::Certainty::certain;
}

netfilter::Value address_of(const __be32 (&address)[4]) {
    netfilter::Value value{};
    std::memcpy(value.data(), address, value.size());
    return value;
}

std::optional<std::string> interface_of(std::uint32_t index) {
    const std::string name = index == 0 ? "" : interface_name(index);
    return name.empty() ? std::nullopt : std::optional(name);
}

/// What rules see of the packet. Interfaces only in hooks of IP: a bridge's see its ports.
std::optional<netfilter::PacketHeaders> headers_of(const PacketPath& packet, bool is_ip) {
    const fst_path_event& drop = *packet.drop;
    const fst_path_tuple& tuple = drop.tuple;
    if (tuple.protocol == 0) {
        return std::nullopt;
    }
    const bool has_ports = tuple.protocol == IPPROTO_TCP || tuple.protocol == IPPROTO_UDP;
    const bool are_known = has_ports && tuple.source_port != 0 && tuple.destination_port != 0;
    netfilter::PacketHeaders headers{
        .is_v4 = tuple.source[0] == 0 && tuple.source[1] == 0 && tuple.source[2] == htonl(0xffff),
        .protocol = tuple.protocol,
        .source = address_of(tuple.source),
        .destination = address_of(tuple.destination)};
    if (are_known) {
        headers.source_port = ntohs(tuple.source_port);
        headers.destination_port = ntohs(tuple.destination_port);
    }
    if (tuple.protocol == IPPROTO_TCP && drop.tcp_flags != 0) {
        headers.tcp_flags = drop.tcp_flags;
    }
    if (is_ip && !packet.stations.empty()) {
        headers.in_interface = interface_of(packet.stations.back().ifindex_in);
        headers.out_interface = interface_of(packet.stations.back().ifindex_out);
    }
    return headers;
}

/// Whether a rule can be the cause: netfilter gives this reason for all that it drops, except
/// packets dropped by a program behind a queue (NFQUEUE), which have none.
bool may_be_due_to_rule(std::string_view reason) {
    return reason == kNetfilterDrop || reason == "NOT_SPECIFIED";
}

}  // namespace

Losses::Kind Losses::kind_of(const PacketPath& packet) const {
    const Station& passed = map_.at(packet.drop->station).station;
    return {headers_of(packet, passed.kind == Station::Kind::netfilter)};
}

bool Losses::saw(const FlowEnd& whose, const PacketPath& packet, Nanoseconds now) {
    if (!map_.knows(whose.end.station) ||
        !may_be_due_to_rule(drop_reason_name(whose.end.drop_reason))) {
        return false;
    }
    const Nanoseconds at = time_of(*packet.drop);
    Place& place = places_[whose.end];
    if (place.fresh == 0) {
        place.first = now;
        place.earliest = at;
    }
    place.earliest = std::min(place.earliest, at);
    place.fresh++;
    const Kind kind = kind_of(packet);
    Count& count =
        place.kinds[place.kinds.size() < kKinds || place.kinds.contains(kind) ? kind : Kind{}];
    count.buffers++;
    count.whose.insert(whose);
    return true;
}

bool Losses::is_due(Nanoseconds now) const {
    return now >= not_before_ && std::ranges::any_of(places_, [&](const auto& entry) {
               const Place& place = entry.second;
               return place.fresh >= kEnough || (place.fresh > 0 && now - place.first >= kMaxWait);
           });
}

/// Attributes what one place lost since the last reading. Where counters are not conclusive, nft's
/// trace decides.
Losses::Attributions Losses::behind(const PathEnd& end, const Place& place,
                                    const netfilter::Ruleset& after,
                                    const netfilter::NftTraceDrops& fresh) const {
    const netfilter::Loss loss = map_.loss_behind(end.station);
    std::vector<netfilter::LostPackets> all, new_ones;
    for (const auto& [kind, count] : place.kinds) {
        all.push_back({kind.headers, count.buffers});
        new_ones.push_back({kind.headers, count.fresh()});
    }
    const Attributions since_start = netfilter::attribute_drops(before_, after, loss, all);
    // A packet dropped while the ruleset was being read may or may not be in its counters.
    const bool all_since = last_ && place.earliest > last_->done;
    const Attributions since_last =
        all_since ? netfilter::attribute_drops(last_->ruleset, after, loss, new_ones)
                  : Attributions(all.size());
    Attributions found;
    for (std::size_t i = 0; i < all.size(); i++) {
        if (new_ones[i].packets == 0) {
            continue;
        }
        auto attribution = since_start[i];
        if (is_certain(since_last[i]) && !is_certain(attribution)) {
            attribution = since_last[i];
        }
        for (const netfilter::NftTraceDrops* const traced : {&fresh, &traced_}) {
            if (!is_certain(attribution)) {
                if (auto seen = netfilter::traced_attribution(after, loss, all[i], *traced)) {
                    attribution = std::move(seen);
                }
            }
        }
        if (is_certain(attribution) && drop_reason_name(end.drop_reason) != kNetfilterDrop) {
            attribution->certainty = netfilter::Certainty::probable;
            attribution->why = "the kernel does not say that a rule dropped them";
        }
        found.push_back(std::move(attribution));
    }
    return found;
}

/// False if nothing changed.
bool Losses::learn(const FlowEnd& whose, std::optional<netfilter::DropAttribution> attribution) {
    constexpr std::size_t kMost = 65536;
    if (attributions_.size() >= kMost) {
        attributions_.clear();
    }
    const auto before = of(whose);
    const bool was_certain = before && attributions_[whose].was_certain;
    if (was_certain && attribution && attribution->certainty == netfilter::Certainty::probable &&
        words_of(*before) != netfilter::words_of(*attribution)) {
        // What was found for its earlier packets still holds.
        const std::string other = netfilter::words_of(*attribution);
        attribution = before;
        attribution->certainty = netfilter::Certainty::probable;
        attribution->why = "it dropped the first of them; others may have matched " + other;
    }
    if (!differ(before, attribution)) {
        return false;
    }
    if (attribution) {
        const bool is_certain = attribution->certainty == netfilter::Certainty::certain;
        attributions_[whose] = {.attribution = *std::move(attribution),
                                .was_certain = was_certain || is_certain};
    } else {
        attributions_.erase(whose);
    }
    return true;
}

/// The drops traced since the last call; also added to the total.
netfilter::NftTraceDrops Losses::take_traced() {
    netfilter::NftTraceDrops fresh;
    if (take_traced_) {
        for (const netfilter::NftTraceDrop& drop : take_traced_()) {
            fresh[drop]++;
            traced_[drop]++;
        }
    }
    return fresh;
}

Result<std::set<FlowEnd>> Losses::inspect(const Clock& clock) {
    if (std::ranges::none_of(places_, [](const auto& entry) { return entry.second.fresh != 0; })) {
        return std::set<FlowEnd>{};
    }
    auto after = read_();
    if (!after) {
        return std::unexpected(after.error());
    }
    const Nanoseconds now = clock.monotonic();
    const netfilter::NftTraceDrops fresh = take_traced();
    not_before_ = now + kBetween;
    std::set<FlowEnd> changed;
    for (auto& [end, place] : places_) {
        if (place.fresh == 0) {
            continue;
        }
        const Attributions attributions = behind(end, place, *after, fresh);
        auto attribution = attributions.begin();
        for (auto& [kind, count] : place.kinds) {
            if (count.fresh() == 0) {
                continue;
            }
            const bool is_mixed = !kind.headers && place.kinds.size() > kKinds;
            for (const FlowEnd& whose : count.whose) {
                if (learn(whose, is_mixed ? std::nullopt : *attribution)) {
                    changed.insert(whose);
                }
            }
            ++attribution;
            count.examined = count.buffers;
            count.whose.clear();
        }
        place.fresh = 0;
    }
    last_ = Reading{.ruleset = std::move(*after), .done = now};
    return changed;
}

std::optional<netfilter::DropAttribution> Losses::of(const FlowEnd& whose) const {
    const auto known = attributions_.find(whose);
    return known == attributions_.end() ? std::nullopt : std::optional(known->second.attribution);
}

}  // namespace flowstamp::pathtrace
