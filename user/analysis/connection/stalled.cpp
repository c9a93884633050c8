// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/stalled.h"

#include <vector>

#include "flowstamp/acceptance_rules.h"
#include "user/analysis/tracking/both_ways.h"
#include "user/net/endpoint.h"

namespace flowstamp::analysis {

namespace {

/// How long a receiver may delay an acknowledgement (RFC 1122, section 4.2.3.2, allows more; none
/// does).
constexpr Nanoseconds kDelayedAck = std::chrono::milliseconds(200);

/// Why the data waits is known: it is no stall.
bool is_explained(const Retransmissions::Wait& wait, const Tracking& tracking,
                  const Observation& observation) {
    const fst_packet& packet = observation.event.packet;
    const unsigned direction = packet.direction & 1U;
    const ViewKey view = view_of(observation.event);
    const IdlePeriods::IdlePeriod* idle = tracking.idle_periods.unanswered(view);
    const Handshakes::Handshake* handshake = tracking.handshakes.of(view);
    return (observation.slot->state & FST_FLOW_LOOP) || wait.window_closed || wait.still_sacked ||
           wait.smaller_passed() || wait.is_too_big() || (idle && idle->direction == direction) ||
           (handshake != nullptr && handshake->is_half_accepted(*observation.slot));
}

/// What else is known of why: what this host dropped itself, and the idle period before (of the
/// other end's packet, too: what this end was idle for is IdleTimeout's).
void add_causes(Finding& finding, const Tracking& tracking, const ViewKey& view) {
    if (const IdlePeriods::IdlePeriod* idle = tracking.idle_periods.unanswered(view)) {
        finding.summary.push_back(
            {.phrase = Phrase::idle_before, .values = {field::idle(idle->length)}});
        finding.advice.push_back({.phrase = Phrase::look_for_time_out});
        finding.evidence.push_back({.signal = Signal::REST,
                                    .strength = Strength::weak,
                                    .observed = {field::idle(idle->length)}});
    }
    if (const auto dropped = tracking.host_drops.finding_of(finding.sighting.packet)) {
        finding.advice = {{.phrase = Phrase::host_drops_it, .values = {field::finding(*dropped)}}};
    }
}

/// Whether the receiver answered the handshake and has acknowledged nothing since: its accept queue
/// may be full.
bool is_from_start(const fst_flow& flow, unsigned direction) {
    const unsigned receiver = direction ^ 1U;
    return (flow.state & FST_OF(FST_FLOW_SYN, direction)) &&
           !(flow.direction[receiver].flags & FST_DIRECTION_DATA) &&
           flow.direction[receiver].ack_edge == flow.isn[direction] + 1;
}

}  // namespace

void Stalled::observe(const Observation& observation, FindingSink& sink) {
    const ViewKey view = view_of(observation.event);
    switch (observation.kind()) {
        case FST_EVENT_RTO_RETRANSMIT:
            retransmission(observation, sink);
            break;
        case FST_EVENT_SACKED:
        case FST_EVENT_ACKED:
            if (const unsigned waiting = (observation.event.packet.direction & 1U) ^ 1U;
                observation.kind() == FST_EVENT_SACKED ||
                tracking_.retransmissions.of(view, waiting) == nullptr) {
                end({view, waiting}, Resolution::recovered, observation.time(), sink);
            }
            break;
        case FST_EVENT_RST:
        case FST_EVENT_EVICTED:
        case FST_EVENT_ENDED:
            for (const unsigned side : {0U, 1U}) {
                end({view, side}, Resolution::ended, observation.time(), sink);
            }
            break;
        default:
            break;
    }
}

void Stalled::retransmission(const Observation& observation, FindingSink& sink) {
    const fst_packet& packet = observation.event.packet;
    const unsigned direction = packet.direction & 1U;
    const Retransmissions::Side side{view_of(observation.event), direction};
    const Retransmissions::Wait* wait = tracking_.retransmissions.of(side.first, direction);
    // A FIN alone that nobody acknowledges is a peer that has gone already.
    if (wait == nullptr || packet.payload <= (wait->seen_acked ? 1U : 0U) || !observation.slot ||
        is_explained(*wait, tracking_, observation)) {
        return;
    }
    const fst_direction& other = observation.slot->direction[direction ^ 1U];
    // Where the other direction does not pass, its acknowledgements may take another path; and an
    // end that has sent its FIN may have closed altogether.
    if (!(other.flags & FST_DIRECTION_SEEN) ||
        (observation.slot->state & FST_OF(FST_FLOW_FIN, direction ^ 1U))) {
        return;
    }
    const Nanoseconds stuck = observation.time() - wait->since;
    const Nanoseconds round_trip = std::chrono::microseconds(other.min_rtt_us);
    if (wait->times < kEnough || stuck < kPatience + 2 * round_trip) {
        return;
    }
    const Nanoseconds silent =
        observation.time() - Nanoseconds(static_cast<std::int64_t>(other.last_ns));
    // It sent after it should have acknowledged.
    const bool still_sends = silent + round_trip + kDelayedAck < stuck;
    std::optional<Values> baseline;
    if (other.min_rtt_us != 0) {
        baseline = Values{field::min_rtt(round_trip)};
    }
    const net::Endpoint receiver = net::receiver_of(packet);
    const bool from_start = is_from_start(*observation.slot, direction);
    Stall& stall = stalls_[side];
    stall.since = wait->since;
    stall.latest = observation.time();
    stall.acks_lost = wait->seen_acked;
    stall.seq_end = observation.slot->direction[direction].seq_edge;
    stall.finding = Finding{
        .kind = FindingKind::stalled,
        .verdict = from_start ? FST_VERDICT_SUSPECTED : highest_verdict(*observation.slot),
        .sighting = sighting_of(observation),
        .summary = {{.phrase = wait->seen_acked ? Phrase::stalled_acks_lost
                               : from_start     ? Phrase::stalled_from_start
                               : still_sends    ? Phrase::stalled_one_way
                                                : Phrase::stalled_silent,
                     .values = {field::sender_ip(net::sender_of(packet)), field::receiver(receiver),
                                field::receiver_ip(receiver), field::span(stuck),
                                field::resent(wait->times), field::silent(silent)}}},
        .advice = {{.phrase = wait->seen_acked ? Phrase::look_where_acks_are_lost
                              : from_start     ? Phrase::look_at_queue_or_rule
                                               : Phrase::look_for_ban,
                    .values = {field::sender_ip(net::sender_of(packet)),
                               field::receiver_ip(receiver), field::port(receiver.port)}}},
        .evidence = {{.signal = Signal::UNACKNOWLEDGED,
                      .observed = {field::seq(packet.seq), field::resent(wait->times)},
                      .baseline = Values{field::ack_edge(other.ack_edge)}},
                     {.signal = Signal::SILENCE,
                      .strength = still_sends ? Strength::weak : Strength::strong,
                      .observed = {field::silent(silent)},
                      .baseline = std::move(baseline)}},
        .slot = *observation.slot,
    };
    add_causes(stall.finding, tracking_, side.first);
    stall.updates.report(stall.finding, tracking_.findings, sink);
}

/// Whether the sender of a stall by lost ACKs has sent something newer since.
bool Stalled::has_gone_on(const Retransmissions::Side& side, const Stall& stall) const {
    if (!stall.acks_lost) {
        return false;
    }
    const auto slot = tracking_.slots.read(side.first);
    return slot && fst_sequence_after(slot->direction[side.second].seq_edge, stall.seq_end) > 0;
}

void Stalled::advance(Nanoseconds now, FindingSink& sink) {
    std::vector<Retransmissions::Side> over;
    for (const auto& [side, stall] : stalls_) {
        if (has_gone_on(side, stall)) {
            over.push_back(side);
        }
    }
    for (const Retransmissions::Side& side : over) {
        end(side, Resolution::recovered, now, sink);
    }
    std::erase_if(stalls_, [&](const auto& stall) {
        return tracking_.retransmissions.of(stall.first.first, stall.first.second) == nullptr;
    });
}

void Stalled::end(const Retransmissions::Side& side, Resolution resolution, Nanoseconds now,
                  FindingSink& sink) {
    const auto found = stalls_.find(side);
    if (found == stalls_.end()) {
        return;
    }
    Stall& stall = found->second;
    const bool gone_on = has_gone_on(side, stall);
    if (stall.acks_lost && resolution == Resolution::recovered && !gone_on) {
        return;  // one more acknowledgement that passes here need not arrive there
    }
    const fst_packet& packet = stall.finding.sighting.packet;
    const bool recovered = resolution == Resolution::recovered || gone_on;
    const Phrase acks = recovered ? Phrase::stall_acks_arrived : Phrase::stall_acks_never_arrived;
    const Phrase data = recovered ? Phrase::stall_recovered : Phrase::stall_ended;
    const Nanoseconds until = stall.acks_lost ? stall.latest : now;
    stall.finding.summary = {
        {.phrase = stall.acks_lost ? acks : data,
         .values = {field::sender_ip(net::sender_of(packet)),
                    field::receiver(net::receiver_of(packet)), field::span(until - stall.since)}}};
    stall.finding.advice.clear();
    stall.finding.resolution = recovered ? Resolution::recovered : resolution;
    stall.updates.report(stall.finding, tracking_.findings, sink);
    stalls_.erase(found);
}

std::unique_ptr<Detector> make_stalled(Tracking& tracking) {
    return std::make_unique<Stalled>(tracking);
}

}  // namespace flowstamp::analysis
