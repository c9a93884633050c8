// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/locate/hop_trace.h"

#include <algorithm>

#include "flowstamp/hops.h"

namespace flowstamp::locate {

namespace {

constexpr std::uint8_t kMost = FST_HOPS_MAX + 1;

bool quotes(const TimeExceeded& its, const Probe& probe, const fst_flow_key& key, unsigned own) {
    return its.seq == probe.seq && its.source == net::end_of(key, own) &&
           its.destination == net::end_of(key, own ^ 1U) &&
           (its.source.is_v4() ? its.ip_id == probe.ip_id : its.ack == probe.ack);
}

}  // namespace

HopTrace::HopTrace(std::uint8_t last, std::uint32_t seed) : random_(seed) {
    for (std::uint8_t ttl = 1; ttl <= std::min(last, kMost); ttl++) {
        hops_.push_back({.ttl = ttl});
    }
}

std::optional<Probe> HopTrace::next(const FlowPoint& point, Nanoseconds now) {
    while (round_ < kProbesPerHop) {
        for (; next_ < hops_.size(); next_++) {
            const Hop& hop = hops_[next_];
            if (hop.replies != 0) {
                continue;
            }
            std::uniform_int_distribution<std::uint16_t> any(1);
            Probe probe{.number = static_cast<unsigned>(sent_.size()),
                        .ttl = hop.ttl,
                        .ip_id = any(random_)};
            number_probe(probe, point);
            sent_.push_back({.probe = probe, .key = point.key, .own = point.own, .at = now});
            next_++;
            return probe;
        }
        round_++;
        next_ = 0;
    }
    return std::nullopt;
}

Nanoseconds HopTrace::pace() const {
    return round_ == 0 ? kPace : kPaceOfRepeats;
}

void HopTrace::answer(const IcmpAnswer& answer) {
    const auto sent = std::ranges::find_if(sent_, [&](const Sent& its) {
        return !its.is_answered && quotes(answer.quote, its.probe, its.key, its.own);
    });
    if (sent == sent_.end()) {
        return;
    }
    sent->is_answered = true;
    Hop& hop = hops_[sent->probe.ttl - 1U];
    hop.replies++;
    if (hop.address) {
        hop.varies = hop.varies || *hop.address != answer.router;
        return;
    }
    hop.address = answer.router;
    hop.rtt = answer.received - sent->at;
    if (answer.ttl && fst_hops(*answer.ttl) <= FST_HOPS_MAX) {
        hop.hops_back = fst_hops(*answer.ttl);
    }
}

bool HopTrace::is_complete() const {
    return std::ranges::all_of(hops_, [](const Hop& hop) { return hop.replies != 0; });
}

}  // namespace flowstamp::locate
