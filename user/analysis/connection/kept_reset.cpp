// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/kept_reset.h"

#include <algorithm>

#include "flowstamp/reset_rules.h"
#include "user/net/endpoint.h"

namespace flowstamp::analysis {

namespace {

/// Whether it would have ended an open connection, and nothing here was done about it.
bool would_matter(const Observation& rst) {
    constexpr std::uint32_t kOver = FST_CONTEXT_FIN | FST_CONTEXT_AFTER_OWN_RST;
    const fst_judgement& judgement = rst.event.judgement;
    return judgement.action == FST_ACTION_OBSERVED && (judgement.context & FST_CONTEXT_IN_WINDOW) &&
           !(judgement.context & kOver);
}

/// The same reset, translated or not.
bool may_be_same(const fst_packet& one, const fst_packet& other) {
    return one.seq == other.seq && one.tcp_flags == other.tcp_flags &&
           (net::sender_of(one) == net::sender_of(other) ||
            net::receiver_of(one) == net::receiver_of(other));
}

}  // namespace

void KeptReset::observe(const Observation& observation, FindingSink&) {
    if (observation.kind() != FST_EVENT_RST || !observation.slot) {
        return;
    }
    if (observation.event.packet.hook == FST_HOOK_TC_EGRESS) {
        left(observation.event.packet);
    } else if (lost_ && waiting_.size() < kMost && would_matter(observation)) {
        came_in(observation);
    }
}

/// Waits for it to leave by the interface by which its sender's other packets leave.
void KeptReset::came_in(const Observation& rst) {
    if (!comes_in_here(*rst.slot, rst.event.packet.direction & 1U)) {
        return;
    }
    for (const OtherView& other : tracking_.views.of(rst, tracking_.slots)) {
        if (comes_in_here(other.flow, other.sender ^ 1U)) {
            waiting_.push_back({.rst = rst,
                                .leaves_by = other.key.ifindex,
                                .leaves_by_name = std::string(other.interface),
                                .lost_before = *lost_});
            return;
        }
    }
}

void KeptReset::left(const fst_packet& rst) {
    std::erase_if(waiting_, [&](const Waiting& waiting) {
        return may_be_same(waiting.rst.event.packet, rst);
    });
}

void KeptReset::advance(Nanoseconds now, FindingSink& sink) {
    while (!waiting_.empty() && waiting_.front().rst.time() + kWait <= now) {
        report(waiting_.front(), sink);
        waiting_.pop_front();
    }
    if (now - counted_ >= kCountEvery) {
        counted_ = now;
        lost_ = tracking_.host.events_lost();
    }
}

void KeptReset::report(const Waiting& kept, FindingSink& sink) {
    const fst_packet& packet = kept.rst.event.packet;
    if (tracking_.host_drops.contains(packet) || !tracking_.host.is_watched_whole() ||
        tracking_.host.events_lost() != kept.lost_before) {
        return;
    }
    Finding finding{
        .kind = FindingKind::local_drop,
        .verdict = FST_VERDICT_SUSPECTED,
        .sighting = sighting_of(kept.rst),
        .summary = {{.phrase = Phrase::host_keeps_reset,
                     .values = {field::sender(net::sender_of(packet)),
                                field::receiver(net::receiver_of(packet)),
                                field::comes_in_by(kept.rst.interface),
                                field::leaves_by(kept.leaves_by_name)}}},
        .advice = {{.phrase = Phrase::watch_path}},
        .evidence = {{.signal = Signal::NOT_FORWARDED,
                      .observed = {field::comes_in_by(kept.rst.interface)},
                      .baseline = Values{field::leaves_by(kept.leaves_by_name)}}},
        .slot = *kept.rst.slot,
    };
    reported_[{packet.key.ifindex, kept.leaves_by}].report(std::move(finding), tracking_.findings,
                                                           sink);
}

std::unique_ptr<Detector> make_kept_reset(Tracking& tracking) {
    return std::make_unique<KeptReset>(tracking);
}

}  // namespace flowstamp::analysis
