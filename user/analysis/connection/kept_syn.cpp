// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/kept_syn.h"

#include "user/net/endpoint.h"

namespace flowstamp::analysis {

namespace {

bool is_syn_ack(const Observation& observation) {
    return observation.kind() == FST_EVENT_SYN_ACK;
}

bool is_same(const fst_packet& one, const fst_packet& other) {
    return one.key.ifindex == other.key.ifindex && net::sender_of(one) == net::sender_of(other) &&
           net::receiver_of(one) == net::receiver_of(other);
}

}  // namespace

void KeptSyn::observe(const Observation& observation, FindingSink&) {
    if (observation.kind() != FST_EVENT_SYN && !is_syn_ack(observation)) {
        return;
    }
    if (observation.event.packet.hook == FST_HOOK_TC_EGRESS) {
        left(observation);
    } else if (lost_ && !observation.event.packet.key.tunnelled) {
        came_in(observation);
    }
}

void KeptSyn::came_in(const Observation& observation) {
    const fst_packet& packet = observation.event.packet;
    const Name name{is_syn_ack(observation), packet.seq};
    if (const auto known = waiting_.find(name); known != waiting_.end()) {
        const Observation& first = known->second.first;
        known->second.times +=
            is_same(first.event.packet, packet) && observation.time() - first.time() >= kAgain;
        return;
    }
    if (waiting_.size() < kMost) {
        waiting_.emplace(
            name,
            Waiting{.first = observation, .leaves_by = way_of(observation), .lost_before = *lost_});
        due_.push_back({observation.time() + kWait, name});
    }
}

/// Where it is to leave, as far as that is known.
std::optional<KeptSyn::Way> KeptSyn::way_of(const Observation& observation) const {
    const fst_packet& packet = observation.event.packet;
    if (is_syn_ack(observation)) {
        const auto syn = forwarded_.find(packet.ack - 1);
        return syn == forwarded_.end() || syn->second.ifindex == packet.key.ifindex
                   ? std::nullopt
                   : std::optional(syn->second);
    }
    const auto way = ways_.find({packet.key.ifindex, net::receiver_of(packet).address});
    return way == ways_.end() ? std::nullopt : std::optional(way->second);
}

void KeptSyn::left(const Observation& observation) {
    const fst_packet& packet = observation.event.packet;
    const auto came = waiting_.find({is_syn_ack(observation), packet.seq});
    if (came == waiting_.end()) {
        return;
    }
    const Observation& first = came->second.first;
    const fst_packet& in = first.event.packet;
    if (!is_syn_ack(observation) && !packet.key.tunnelled && in.key.ifindex != packet.key.ifindex) {
        if (ways_.size() >= kMost) {
            ways_.clear();
        }
        if (forwarded_.size() >= kMost) {
            forwarded_.clear();
        }
        ways_[{in.key.ifindex, net::receiver_of(in).address}] = {packet.key.ifindex,
                                                                 observation.interface};
        forwarded_[packet.seq] = {in.key.ifindex, first.interface};
    }
    waiting_.erase(came);
}

void KeptSyn::advance(Nanoseconds now, FindingSink& sink) {
    while (!due_.empty() && due_.front().at <= now) {
        const Due due = due_.front();
        due_.pop_front();
        const auto waiting = waiting_.find(due.name);
        // Another one that came later may have its name by now.
        if (waiting == waiting_.end() || waiting->second.first.time() + kWait != due.at) {
            continue;
        }
        if (is_kept(waiting->second)) {
            report(waiting->second, sink);
        }
        waiting_.erase(waiting);
    }
    if (now - counted_ >= kCountEvery) {
        counted_ = now;
        lost_ = tracking_.host.events_lost();
    }
}

bool KeptSyn::is_kept(const Waiting& waiting) {
    if (!waiting.leaves_by || waiting.times < kEnough || !tracking_.host.is_watched_whole() ||
        tracking_.host.events_lost() != waiting.lost_before) {
        return false;
    }
    const auto route = tracking_.host.route_to(net::receiver_of(waiting.first.event.packet));
    // A SYN-ACK's destination may be an address of this host that is translated.
    if (is_syn_ack(waiting.first)) {
        return route.has_value();
    }
    const SynTracker::Attempt* attempt = tracking_.syns.of_view(view_of(waiting.first.event));
    return attempt != nullptr && attempt->answer == SynTracker::Answer::none && route &&
           !route->is_own && route->is_watched && route->ifindex == waiting.leaves_by->ifindex;
}

void KeptSyn::report(const Waiting& kept, FindingSink& sink) {
    const fst_packet& packet = kept.first.event.packet;
    const bool is_answer = is_syn_ack(kept.first);
    Finding finding{
        .kind = FindingKind::local_drop,
        .verdict = FST_VERDICT_SUSPECTED,
        .sighting = sighting_of(kept.first),
        .summary = {{.phrase = is_answer ? Phrase::host_keeps_syn_ack : Phrase::host_keeps_syn,
                     .values = {field::sender(net::sender_of(packet)),
                                field::receiver(net::receiver_of(packet)),
                                field::comes_in_by(kept.first.interface), field::times(kept.times),
                                field::leaves_by(kept.leaves_by->interface)}}},
        .advice = {{.phrase = Phrase::watch_path}},
        .evidence = {{.signal = Signal::NOT_FORWARDED,
                      .observed = {field::comes_in_by(kept.first.interface),
                                   field::times(kept.times)},
                      .baseline = Values{field::leaves_by(kept.leaves_by->interface)}}},
        .slot = kept.first.slot.value_or(fst_flow{}),
    };
    reported_[{is_answer, packet.key.ifindex, kept.leaves_by->ifindex}].report(
        std::move(finding), tracking_.findings, sink);
}

std::unique_ptr<Detector> make_kept_syn(Tracking& tracking) {
    return std::make_unique<KeptSyn>(tracking);
}

}  // namespace flowstamp::analysis
