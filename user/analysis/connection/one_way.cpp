// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/one_way.h"

#include "flowstamp/acceptance_rules.h"
#include "user/analysis/tracking/tracking.h"
#include "user/net/endpoint.h"

namespace flowstamp::analysis {

namespace {

const fst_direction& other_direction(const fst_flow& flow, const Observation& first) {
    return flow.direction[(first.event.packet.direction & 1U) ^ 1U];
}

}  // namespace

void OneWay::observe(const Observation& observation, FindingSink& sink) {
    if (observation.kind() == FST_EVENT_ESTABLISHED) {
        both_seen(view_of(observation.event), sink);
    } else if (observation.kind() == FST_EVENT_ONE_WAY && observation.slot &&
               halves_.size() < kMost) {
        halves_[view_of(observation.event)].first = observation;
    }
}

/// The other direction has had time to turn up.
void OneWay::judge(Half& half, FindingSink& sink) {
    const fst_packet& packet = half.first.event.packet;
    const auto slot = slots_.read(view_of(half.first.event));
    if (!slot) {
        return;
    }
    const fst_direction& own = slot->direction[packet.direction & 1U];
    const fst_direction& other = other_direction(*slot, half.first);
    // A sender that only repeats itself, or acknowledges nothing new, is not being answered
    // anywhere.
    if (other.packets != 0 || own.retransmitted * 2U >= own.packets ||
        fst_sequence_after(own.ack_edge, packet.ack) <= 0) {
        return;
    }
    const std::pair ends{net::sender_of(packet), net::receiver_of(packet)};
    const bool is_known = !interfaces_.insert(packet.key.ifindex).second || latest_ == ends;
    if (is_known) {
        return;
    }
    latest_ = ends;
    half.finding = Finding{
        .kind = FindingKind::one_way,
        .verdict = FST_VERDICT_SUSPECTED,
        .sighting = sighting_of(half.first),
        .summary = {{.phrase = Phrase::one_direction_only,
                     .values = {field::sender(ends.first), field::receiver(ends.second),
                                field::interface(half.first.interface)}}},
        .advice = {{.phrase = Phrase::watch_both_directions}},
        .evidence = {{.signal = Signal::ONE_DIRECTION,
                      .observed = {field::packets(own.packets)},
                      .baseline = Values{field::packets(0)}},
                     {.signal = Signal::ACKNOWLEDGES,
                      .observed = {field::ack(own.ack_edge)},
                      .baseline = Values{field::ack(packet.ack)}}},
        .slot = *slot,
    };
    half.updates.report(half.finding, findings_, sink);
}

void OneWay::both_seen(const ViewKey& view, FindingSink& sink) {
    const auto found = halves_.find(view);
    if (found == halves_.end()) {
        return;
    }
    Half& half = found->second;
    if (half.updates.is_reported()) {
        const fst_packet& packet = half.finding.sighting.packet;
        interfaces_.erase(packet.key.ifindex);
        half.finding.summary = {{.phrase = Phrase::both_directions_after_all,
                                 .values = {field::sender(net::sender_of(packet)),
                                            field::receiver(net::receiver_of(packet)),
                                            field::interface(half.finding.sighting.interface)}}};
        half.finding.advice.clear();
        half.finding.resolution = Resolution::withdrawn;
        half.updates.report(half.finding, findings_, sink);
    }
    halves_.erase(found);
}

void OneWay::advance(Nanoseconds now, FindingSink& sink) {
    std::vector<ViewKey> whole;
    for (auto place = halves_.begin(); place != halves_.end();) {
        Half& half = place->second;
        if (half.updates.is_reported()) {
            // Not every packet of the other direction is an event: its SYN-ACK may be missing.
            const auto slot = slots_.read(place->first);
            if (slot && other_direction(*slot, half.first).packets != 0) {
                whole.push_back(place->first);
            }
            ++place;
        } else if (now - half.first.time() < kPatience) {
            ++place;
        } else {
            judge(half, sink);
            place = half.updates.is_reported() ? std::next(place) : halves_.erase(place);
        }
    }
    for (const ViewKey& view : whole) {
        both_seen(view, sink);
    }
}

void OneWay::finish(FindingSink& sink) {
    advance(Nanoseconds::max(), sink);
    halves_.clear();
}

std::unique_ptr<Detector> make_one_way(Tracking& tracking) {
    return std::make_unique<OneWay>(tracking.slots, tracking.findings);
}

}  // namespace flowstamp::analysis
