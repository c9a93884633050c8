// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/live/losses.h"

#include <arpa/inet.h>
#include <linux/netfilter_ipv4.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "user/netfilter/set_lookup.h"
#include "user/pathtrace/live/kernel_names.h"
#include "user/pathtrace/path_tuple.h"

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

netfilter::ConntrackState state_of(const fst_path_event& event) {
    if ((event.flags & FST_PATH_CONNTRACK) == 0) {
        return (event.flags & FST_PATH_UNTRACKED) != 0 ? netfilter::ConntrackState::untracked
                                                       : netfilter::ConntrackState::invalid;
    }
    return (event.flags & FST_PATH_NEW) != 0       ? netfilter::ConntrackState::fresh
           : (event.flags & FST_PATH_RELATED) != 0 ? netfilter::ConntrackState::related
                                                   : netfilter::ConntrackState::established;
}

bool shows_conntrack(const PacketPath& packet) {
    constexpr unsigned kShown = FST_PATH_CONNTRACK | FST_PATH_UNTRACKED;
    return (packet.last().flags & kShown) != 0;
}

/// Whether conntrack looks at packets between the stations: then its state before says nothing.
bool is_tracked_within(const netfilter::Loss& loss) {
    return loss.spans(NF_IP_PRI_CONNTRACK) && (loss.hook == netfilter::NetfilterHook::prerouting ||
                                               loss.hook == netfilter::NetfilterHook::output);
}

/// What rules see of the packet, but for what the station before them shows.
std::optional<netfilter::PacketHeaders> headers_of(const PacketPath& packet) {
    const fst_path_event& drop = *packet.drop;
    const fst_path_tuple& tuple = drop.tuple;
    if (tuple.protocol == 0) {
        return std::nullopt;
    }
    const bool has_ports = tuple.protocol == IPPROTO_TCP || tuple.protocol == IPPROTO_UDP;
    const bool are_known = has_ports && tuple.source_port != 0 && tuple.destination_port != 0;
    netfilter::PacketHeaders headers{.is_v4 = is_ipv4(tuple.source),
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
    if (tuple.protocol == IPPROTO_ICMP || tuple.protocol == IPPROTO_ICMPV6) {
        headers.icmp_type = drop.icmp_type;
    }
    return headers;
}

/// No station stands in a bridge's own hooks: what their rules drop seems lost at the device before them.
bool has_bridge_chains(const netfilter::Ruleset& ruleset) {
    return std::ranges::any_of(ruleset.tables, [](const netfilter::Table& table) {
        return table.family == netfilter::TableFamily::bridge &&
               std::ranges::any_of(table.chains,
                                   [](const auto& chain) { return chain.base.has_value(); });
    });
}

/// When its path began; CLOCK_MONOTONIC.
Nanoseconds began(const PacketPath& packet) {
    return Nanoseconds(static_cast<std::int64_t>(packet.drop->began_ns));
}

/// Rules further on may see another mark than the last station, and another interface.
void forget_what_may_change(netfilter::PacketHeaders& headers) {
    headers.mark.reset();
    headers.out_interface.reset();
    headers.state.reset();
}

/// Whether a rule can be the cause: netfilter gives this reason for all that it drops, except
/// packets dropped by a program behind a queue (NFQUEUE), which have none.
bool may_be_due_to_rule(std::string_view reason) {
    return reason == kNetfilterDrop || reason == "NOT_SPECIFIED";
}

}  // namespace

Losses::Kind Losses::kind_of(const PacketPath& packet) const {
    Kind kind{headers_of(packet)};
    const Station& passed = map_.at(packet.drop->station).station;
    // In hooks of IP only: a bridge's rules see its ports.
    if (!kind.headers || packet.stations.empty() || passed.kind != Station::Kind::netfilter) {
        return kind;
    }
    const fst_path_event& before = packet.stations.back();
    kind.headers->in_interface = interface_of(before.ifindex_in);
    kind.headers->out_interface = interface_of(before.ifindex_out);
    kind.headers->mark = before.mark;
    if (sees_conntrack_ && !is_tracked_within(map_.loss_behind(packet.drop->station))) {
        kind.headers->state = state_of(before);
        kind.headers->is_reply = (before.flags & FST_PATH_REPLY) != 0;
    }
    return kind;
}

bool Losses::saw(const FlowEnd& whose, const PacketPath& packet, Nanoseconds now) {
    if (!map_.knows(whose.end.station) ||
        !may_be_due_to_rule(drop_reason_name(whose.end.drop_reason))) {
        return false;
    }
    sees_conntrack_ |= shows_conntrack(packet);
    const bool met_moving = began(packet) < stand_since_;
    if (met_moving && !is_moving_) {
        if (!attributions_.contains(whose)) {
            further_on_.insert(whose);
        }
        return false;
    }
    const Nanoseconds at = time_of(*packet.drop);
    Place& place = places_[whose.end];
    if (place.kinds.empty()) {
        place.loss = map_.loss_behind_with_new_chains(whose.end.station);
    }
    if (place.fresh == 0) {
        place.first = now;
        place.earliest = at;
    }
    place.met_moving |= met_moving;
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

Losses::Where Losses::where(const PathEnd& end, const Place& place, const Changes& changes) const {
    if (place.met_moving) {
        return {.loss = map_.loss_anywhere_behind(end.station), .may_be_further_on = true};
    }
    const bool has_new_places =
        is_behind_ruleset_ || changes.other_places || changes.announced.may_have_new_place();
    if (has_new_places && !place.loss.or_behind.empty()) {
        return {.loss = place.loss, .may_be_further_on = true};
    }
    netfilter::Loss loss = place.loss;
    loss.or_behind.clear();
    return {.loss = std::move(loss)};
}

void Losses::doubt(netfilter::DropAttribution& attribution, const PathEnd& end, const Where& where,
                   const Reading& after, bool is_traced) const {
    if (attribution.certainty != netfilter::Certainty::certain) {
        return;
    }
    const netfilter::RulesetChange& announced = after.changes.announced;
    const bool may_be_another =
        is_traced
            ? announced.may_reuse_handles({attribution.family, attribution.table})
            : where.may_be_further_on || announced.may_concern(before_, after.ruleset, where.loss);
    if (may_be_another) {
        attribution.certainty = netfilter::Certainty::probable;
        attribution.why = "the rules were changed while packets were being lost";
    } else if (!is_traced && where.loss.family == netfilter::TableFamily::netdev &&
               has_bridge_chains(after.ruleset)) {
        attribution.certainty = netfilter::Certainty::probable;
        attribution.why = "a rule of the bridge family may have dropped them";
    } else if (drop_reason_name(end.drop_reason) != kNetfilterDrop) {
        attribution.certainty = netfilter::Certainty::probable;
        attribution.why = "the kernel does not say that a rule dropped them";
    }
}

/// Attributes what one place lost since the last reading. Where counters are not conclusive, nft's
/// trace decides.
std::vector<Losses::Found> Losses::behind(const PathEnd& end, const Place& place,
                                          const Where& where, const Reading& after,
                                          const netfilter::NftTraceDrops& fresh) const {
    std::vector<netfilter::LostPackets> all, new_ones;
    for (const auto& [kind, count] : place.kinds) {
        auto headers = kind.headers;
        if (headers && where.may_be_further_on) {
            forget_what_may_change(*headers);
        }
        all.push_back({headers, count.buffers});
        new_ones.push_back({headers, count.fresh()});
    }
    const Attributions since_start =
        netfilter::attribute_drops(before_, after.ruleset, where.loss, all);
    // A packet dropped while the ruleset was being read may or may not be in its counters.
    const bool all_since = last_ && place.earliest > last_->done;
    const Attributions since_last =
        all_since ? netfilter::attribute_drops(last_->ruleset, after.ruleset, where.loss, new_ones)
                  : Attributions(all.size());
    std::vector<Found> found;
    for (std::size_t i = 0; i < all.size(); i++) {
        if (new_ones[i].packets == 0) {
            continue;
        }
        auto attribution = since_start[i];
        bool of_the_latest = began_anew_;
        if (is_certain(since_last[i]) && !is_certain(attribution)) {
            attribution = since_last[i];
            of_the_latest = true;
        }
        if (attribution) {
            doubt(*attribution, end, where, after, false);
        }
        for (const netfilter::NftTraceDrops* const traced : {&fresh, &traced_}) {
            if (!is_certain(attribution)) {
                if (auto seen =
                        netfilter::traced_attribution(after.ruleset, where.loss, all[i], *traced)) {
                    attribution = std::move(seen);
                    doubt(*attribution, end, where, after, true);
                }
            }
        }
        found.push_back({std::move(attribution), of_the_latest});
    }
    return found;
}

void Losses::begin_anew(netfilter::Ruleset before) {
    before_ = std::move(before);
    last_.reset();
    places_.clear();
    is_moving_ = false;
    began_anew_ = true;
}

/// False if nothing changed.
bool Losses::learn(const FlowEnd& whose, Found found) {
    constexpr std::size_t kMost = 65536;
    if (examined_.size() >= kMost) {
        attributions_.clear();
        examined_.clear();
        further_on_.clear();
    }
    auto& attribution = found.attribution;
    const auto before = of(whose);
    const bool was_certain = before && attributions_[whose].was_certain;
    const bool has_earlier = !examined_.insert(whose).second;
    if (found.of_the_latest && has_earlier && !was_certain && is_certain(attribution)) {
        attribution->why =
            "it dropped the latest of them; what dropped earlier ones is not certain";
        if (before && words_of(*before) != netfilter::words_of(*attribution)) {
            attribution->others = {words_of(*before)};
        } else if (before) {
            attribution->others = before->others;
        }
    }
    if (was_certain && attribution && words_of(*before) != netfilter::words_of(*attribution)) {
        // What was found for its earlier packets still holds.
        if (is_certain(attribution)) {
            attribution->why = "it dropped the latest of them; earlier ones: " + words_of(*before);
            attribution->others = {words_of(*before)};
        } else {
            const std::string other = netfilter::words_of(*attribution);
            attribution = before;
            attribution->certainty = netfilter::Certainty::probable;
            attribution->why = "it dropped the first of them; others may have matched " + other;
            attribution->others = {other};
        }
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
    constexpr std::size_t kMost = 4096;
    netfilter::NftTraceDrops fresh;
    if (traced_.size() >= kMost) {
        traced_.clear();
    }
    if (sources_.take_traced) {
        for (const netfilter::NftTraceDrop& drop : sources_.take_traced()) {
            fresh[drop]++;
            traced_[drop]++;
        }
    }
    return fresh;
}

netfilter::SetAnswers Losses::ask_sets(const netfilter::Ruleset& ruleset) const {
    std::vector<netfilter::PacketHeaders> packets;
    for (const auto& [end, place] : places_) {
        for (const auto& [kind, count] : place.kinds) {
            if (place.fresh != 0 && kind.headers) {
                packets.push_back(*kind.headers);
            }
        }
    }
    return sources_.ask(netfilter::set_queries(ruleset, packets));
}

Result<std::set<FlowEnd>> Losses::inspect(const Clock& clock) {
    if (std::ranges::none_of(places_, [](const auto& entry) { return entry.second.fresh != 0; })) {
        return std::set<FlowEnd>{};
    }
    auto after = sources_.read();
    if (!after) {
        return std::unexpected(after.error());
    }
    after->sets = ask_sets(*after);
    Reading reading{.done = clock.monotonic()};
    if (sources_.changes) {
        reading.changes = sources_.changes(*after);
    }
    std::erase_if(after->sets, [&](const auto& answer) {
        return reading.changes.announced.may_concern(answer.first.set);
    });
    reading.ruleset = *std::move(after);
    const netfilter::NftTraceDrops fresh = take_traced();
    not_before_ = reading.done + kBetween;
    std::set<FlowEnd> changed;
    for (auto& [end, place] : places_) {
        if (place.fresh != 0) {
            examine(end, place, reading, fresh, changed);
        }
    }
    last_ = std::move(reading);
    return changed;
}

/// Adds those whose attribution changed.
void Losses::examine(const PathEnd& end, Place& place, const Reading& after,
                     const netfilter::NftTraceDrops& fresh, std::set<FlowEnd>& changed) {
    const Where at = where(end, place, after.changes);
    const std::vector<Found> all = behind(end, place, at, after, fresh);
    auto found = all.begin();
    for (auto& [kind, count] : place.kinds) {
        if (count.fresh() == 0) {
            continue;
        }
        const bool is_mixed = !kind.headers && place.kinds.size() > kKinds;
        for (const FlowEnd& whose : count.whose) {
            if (learn(whose, is_mixed ? Found{} : *found)) {
                changed.insert(whose);
            }
            note_place(whose, at.may_be_further_on);
        }
        ++found;
        count.examined = count.buffers;
        count.whose.clear();
    }
    place.fresh = 0;
    place.met_moving = false;
}

/// Where some packets with that end were dropped for certain, the others are told with them.
void Losses::note_place(const FlowEnd& whose, bool may_be_further_on) {
    const auto known = attributions_.find(whose);
    if (may_be_further_on && (known == attributions_.end() || !known->second.was_certain)) {
        further_on_.insert(whose);
    } else {
        further_on_.erase(whose);
    }
}

std::optional<netfilter::DropAttribution> Losses::of(const FlowEnd& whose) const {
    const auto known = attributions_.find(whose);
    return known == attributions_.end() ? std::nullopt : std::optional(known->second.attribution);
}

}  // namespace flowstamp::pathtrace
