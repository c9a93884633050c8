// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/live/losses.h"

#include <algorithm>

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

/// Whether a rule can be the cause: netfilter gives this reason for all that it drops, except
/// packets dropped by a program behind a queue (NFQUEUE), which have none.
bool may_be_due_to_rule(std::string_view reason) {
    return reason == kNetfilterDrop || reason == "NOT_SPECIFIED";
}

}  // namespace

bool Losses::saw(const FlowEnd& whose, Nanoseconds at, Nanoseconds now) {
    if (!map_.knows(whose.end.station) ||
        !may_be_due_to_rule(drop_reason_name(whose.end.drop_reason))) {
        return false;
    }
    Place& place = places_[whose.end];
    if (place.buffers == place.examined) {
        place.first = now;
        place.earliest = at;
    }
    place.earliest = std::min(place.earliest, at);
    place.buffers++;
    place.whose.insert(whose);
    return true;
}

bool Losses::is_due(Nanoseconds now) const {
    return now >= not_before_ && std::ranges::any_of(places_, [&](const auto& entry) {
               const Place& place = entry.second;
               const std::uint64_t waiting = place.buffers - place.examined;
               return waiting >= kEnough || (waiting > 0 && now - place.first >= kMaxWait);
           });
}

/// Attributes what one place lost since the last reading. Where counters are not conclusive, nft's
/// trace decides.
std::optional<netfilter::DropAttribution> Losses::behind(
    const PathEnd& end, const Place& place, const netfilter::Ruleset& after,
    const netfilter::NftTraceDrops& fresh) const {
    netfilter::Loss loss = map_.loss_behind(end.station);
    loss.packets = place.buffers;
    auto attribution = netfilter::attribute_drop(before_, after, loss);
    // A packet dropped while the ruleset was being read may or may not be in its counters.
    const bool all_since = last_ && place.earliest > last_->done;
    if (attribution && attribution->certainty == netfilter::Certainty::probable && all_since) {
        loss.packets = place.buffers - place.examined;
        auto recent = netfilter::attribute_drop(last_->ruleset, after, loss);
        if (recent && recent->certainty == netfilter::Certainty::certain) {
            attribution = std::move(recent);
        }
    }
    for (const netfilter::NftTraceDrops* const traced : {&fresh, &traced_}) {
        if (!attribution || attribution->certainty == netfilter::Certainty::probable) {
            if (auto seen = netfilter::traced_attribution(after, loss, *traced)) {
                attribution = std::move(seen);
            }
        }
    }
    if (attribution && attribution->certainty == netfilter::Certainty::certain &&
        drop_reason_name(end.drop_reason) != kNetfilterDrop) {
        attribution->certainty = netfilter::Certainty::probable;
        attribution->why = "the kernel does not say that a rule dropped them";
    }
    return attribution;
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
    const bool is_any_new = std::ranges::any_of(
        places_, [](const auto& entry) { return entry.second.buffers != entry.second.examined; });
    if (!is_any_new) {
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
        if (place.buffers == place.examined) {
            continue;
        }
        const auto attribution = behind(end, place, *after, fresh);
        for (const FlowEnd& whose : place.whose) {
            if (learn(whose, attribution)) {
                changed.insert(whose);
            }
        }
        place.examined = place.buffers;
        place.whose.clear();
    }
    last_ = Reading{.ruleset = std::move(*after), .done = now};
    return changed;
}

std::optional<netfilter::DropAttribution> Losses::of(const FlowEnd& whose) const {
    const auto known = attributions_.find(whose);
    return known == attributions_.end() ? std::nullopt : std::optional(known->second.attribution);
}

}  // namespace flowstamp::pathtrace
