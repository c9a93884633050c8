// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/mtu_black_hole.h"

#include "user/analysis/tracking/both_ways.h"
#include "user/net/endpoint.h"

namespace flowstamp::analysis {

void MtuBlackHole::observe(const Observation& observation, FindingSink& sink) {
    const fst_packet& packet = observation.event.packet;
    const ViewKey view = view_of(observation.event);
    const unsigned direction = packet.direction & 1U;
    switch (observation.kind()) {
        case FST_EVENT_RTO_RETRANSMIT:
            judge(observation, direction, sink);
            break;
        case FST_EVENT_SACKED:
            judge(observation, direction ^ 1U, sink);
            break;
        case FST_EVENT_ACKED:
            end({view, direction ^ 1U}, Resolution::recovered, sink);
            break;
        case FST_EVENT_RST:
        case FST_EVENT_EVICTED:
        case FST_EVENT_ENDED:
            for (const unsigned side : {0U, 1U}) {
                end({view, side}, Resolution::ended, sink);
            }
            break;
        default:
            break;
    }
}

/// `direction`: that of the segments that are lost.
void MtuBlackHole::judge(const Observation& observation, unsigned direction, FindingSink& sink) {
    const Retransmissions::Side side{view_of(observation.event), direction};
    const Retransmissions::Wait* wait = tracking_.retransmissions.of(side.first, direction);
    if (wait == nullptr || wait->lost_payload() < Retransmissions::kLarge || wait->window_closed ||
        wait->seen_acked) {
        return;
    }
    // A sender that has taken the ICMP error into account goes on with smaller segments.
    const bool has_icmp = wait->is_too_big();
    const bool smaller_passed = wait->smaller_passed();
    const bool has_shrunk = wait->has_shrunk();
    const unsigned lost = wait->lost_times();
    if (lost < (has_icmp || has_shrunk ? kEnoughWithMore : kEnough) ||
        !(has_icmp || smaller_passed)) {
        return;
    }
    const auto slot = observation.slot ? observation.slot : tracking_.slots.read(side.first);
    if (!slot) {
        return;
    }
    Hole& hole = holes_[side];
    hole.latest = observation.time();
    hole.payload = wait->lost_payload();
    hole.has_shrunk = has_shrunk;
    hole.has_icmp = has_icmp;
    const net::Endpoint sender = net::end_of(slot->key, direction);
    const net::Endpoint receiver = net::end_of(slot->key, direction ^ 1U);
    hole.finding = Finding{
        .kind = FindingKind::mtu_black_hole,
        .verdict = has_icmp && smaller_passed ? highest_verdict(*slot) : FST_VERDICT_SUSPECTED,
        .sighting = sighting_of(observation),
        .summary = {{.phrase = has_icmp ? Phrase::too_big_and_ignored : Phrase::too_big_and_lost,
                     .values = {field::sender_ip(sender), field::receiver(receiver),
                                field::payload(wait->lost_payload()), field::resent(lost),
                                field::source(wait->router)}}},
        .advice = {{.phrase = Phrase::clamp_mss, .values = {field::sender_ip(sender)}}},
        .evidence = {{.signal = Signal::LARGE_LOST,
                      .observed = {field::payload(wait->lost_payload()), field::resent(lost)}}},
        .slot = *slot,
    };
    if (smaller_passed) {
        hole.finding.evidence.push_back(
            {.signal = Signal::SMALL_PASSED, .observed = {field::payload(wait->sacked_bytes)}});
    }
    if (has_icmp) {
        hole.finding.evidence.push_back(
            {.signal = Signal::TOO_BIG,
             .observed = {field::source(wait->router), field::mtu(*wait->mtu)}});
    }
    hole.updates.report(hole.finding, tracking_.findings, sink);
}

void MtuBlackHole::advance(Nanoseconds now, FindingSink&) {
    std::erase_if(holes_, [&](const auto& hole) {
        return now - hole.second.latest > Retransmissions::kForget;
    });
}

void MtuBlackHole::end(const Retransmissions::Side& side, Resolution resolution,
                       FindingSink& sink) {
    const auto found = holes_.find(side);
    if (found == holes_.end()) {
        return;
    }
    Hole& hole = found->second;
    if (hole.updates.is_reported()) {
        const bool recovered = resolution == Resolution::recovered;
        if (recovered) {
            const bool in_pieces = hole.has_shrunk && !hole.has_icmp;
            hole.finding.summary = {
                {.phrase =
                     in_pieces ? Phrase::large_arrived_in_pieces : Phrase::large_arrived_after_all,
                 .values = {field::sender_ip(net::end_of(hole.finding.slot.key, side.second)),
                            field::receiver(net::end_of(hole.finding.slot.key, side.second ^ 1U)),
                            field::payload(hole.payload)}}};
            if (!in_pieces) {
                hole.finding.advice.clear();
            }
        }
        hole.finding.resolution = resolution;
        hole.updates.report(hole.finding, tracking_.findings, sink);
    }
    holes_.erase(found);
}

std::unique_ptr<Detector> make_mtu_black_hole(Tracking& tracking) {
    return std::make_unique<MtuBlackHole>(tracking);
}

}  // namespace flowstamp::analysis
