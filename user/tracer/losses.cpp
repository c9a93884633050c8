// SPDX-License-Identifier: Apache-2.0
#include "user/tracer/losses.h"

#include <algorithm>

#include "user/kernel/path_names.h"

namespace flowstamp {

namespace {

constexpr std::string_view kNetfilterDrop = "NETFILTER_DROP";

bool differ(const std::optional<Culprit>& one, const std::optional<Culprit>& other) {
    if (!one || !other) {
        return one.has_value() != other.has_value();
    }
    return words_of(*one) != words_of(*other) || one->certainty != other->certainty;
}

/// Whether a rule can be behind it: netfilter gives this reason for all that it drops, but for what
/// a program took from a queue (NFQUEUE), of which it says nothing.
bool may_be_a_rules(std::string_view reason) {
    return reason == kNetfilterDrop || reason == "NOT_SPECIFIED";
}

}  // namespace

bool Losses::saw(const PathEnd& end, Nanoseconds now) {
    if (!map_.knows(end.station) || !may_be_a_rules(drop_reason_name(end.drop_reason))) {
        return false;
    }
    Place& place = places_[end];
    if (place.buffers == place.looked) {
        place.first = now;
    }
    place.buffers++;
    return true;
}

bool Losses::is_due(Nanoseconds now) const {
    return now >= not_before_ && std::ranges::any_of(places_, [&](const auto& entry) {
               const Place& place = entry.second;
               const std::uint64_t waiting = place.buffers - place.looked;
               return waiting >= kEnough || (waiting > 0 && now - place.first >= kPatience);
           });
}

Result<std::vector<PathEnd>> Losses::look(Nanoseconds now) {
    const bool is_any_new = std::ranges::any_of(
        places_, [](const auto& entry) { return entry.second.buffers != entry.second.looked; });
    if (!is_any_new) {
        return std::vector<PathEnd>{};
    }
    const auto after = read_();
    if (!after) {
        return std::unexpected(after.error());
    }
    if (take_traced_) {
        for (TracedDrop& drop : take_traced_()) {
            traced_[std::move(drop)]++;
        }
    }
    not_before_ = now + kBetween;
    std::vector<PathEnd> news;
    for (auto& [end, place] : places_) {
        if (place.buffers == place.looked) {
            continue;
        }
        Loss loss = map_.loss_behind(end.station);
        loss.packets = place.buffers;
        place.looked = place.buffers;
        auto culprit = name(*after, loss);
        if (culprit && culprit->certainty == Certainty::certain &&
            drop_reason_name(end.drop_reason) != kNetfilterDrop) {
            culprit->certainty = Certainty::probable;
            culprit->why = "the kernel does not say that a rule dropped them";
        }
        if (differ(place.culprit, culprit)) {
            news.push_back(end);
        }
        place.culprit = culprit;
    }
    return news;
}

/// A trace is asked where the counters leave a doubt.
std::optional<Culprit> Losses::name(const Ruleset& after, const Loss& loss) const {
    auto culprit = find_culprit(before_, after, loss);
    if (culprit && culprit->certainty == Certainty::certain) {
        return culprit;
    }
    auto traced = traced_culprit(after, loss, traced_);
    return traced ? traced : culprit;
}

std::optional<Culprit> Losses::of(const PathEnd& end) const {
    const auto place = places_.find(end);
    return place == places_.end() ? std::nullopt : place->second.culprit;
}

}  // namespace flowstamp
