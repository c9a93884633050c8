// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/stalled.h"

#include "user/analysis/tracking/both_ways.h"
#include "user/analysis/tracking/tracking.h"
#include "user/net/endpoint.h"

namespace flowstamp::analysis {

namespace {

/// How long ago the newest byte of this direction was first sent.
Nanoseconds waiting(const Observation& observation, const fst_direction& own) {
    const auto now_us = static_cast<std::uint32_t>(observation.event.packet.time_ns / 1000);
    return std::chrono::microseconds(now_us - own.edge_us);
}

/// How long a receiver may delay an acknowledgement (RFC 1122, section 4.2.3.2, allows more; no
/// stack does).
constexpr Nanoseconds kDelayedAck = std::chrono::milliseconds(200);

}  // namespace

void Stalled::observe(const Observation& observation, FindingSink& sink) {
    const ViewKey view = view_of(observation.event);
    const unsigned direction = observation.event.packet.direction & 1U;
    switch (observation.kind()) {
        case FST_EVENT_RTO_RETRANSMIT:
            retransmission(observation, sink);
            break;
        case FST_EVENT_ACKED:
            end({view, direction ^ 1U}, Resolution::recovered, observation.time(), sink);
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
    const ViewKey view = view_of(observation.event);
    const IdlePeriods::IdlePeriod* idle = idle_periods_.unanswered(view);
    // A bare FIN that nothing acknowledges: the peer has gone already.
    if (!observation.slot || packet.payload == 0 || (idle && idle->direction == direction)) {
        return;
    }
    const fst_direction& own = observation.slot->direction[direction];
    const fst_direction& other = observation.slot->direction[direction ^ 1U];
    // If the other direction is not seen, its acknowledgements may take another path.
    if (!(other.flags & FST_DIRECTION_SEEN) ||
        (waits_.size() >= kMost && !waits_.contains({view, direction}))) {
        return;
    }
    Wait& wait = waits_[{view, direction}];
    wait.latest = observation.time();
    if (wait.retransmissions++ == 0) {
        wait.since = observation.time() - waiting(observation, own);
    }
    const Nanoseconds stuck = observation.time() - wait.since;
    if (wait.retransmissions < kEnough || stuck < kPatience) {
        return;
    }
    const Nanoseconds silent =
        observation.time() - Nanoseconds(static_cast<std::int64_t>(other.last_ns));
    // It sent packets after it should have acknowledged.
    const bool still_sends =
        silent + std::chrono::microseconds(other.min_rtt_us) + kDelayedAck < stuck;
    std::optional<Values> round_trip;
    if (other.min_rtt_us != 0) {
        round_trip = Values{field::min_rtt(std::chrono::microseconds(other.min_rtt_us))};
    }
    const net::Endpoint receiver = net::receiver_of(packet);
    wait.finding = Finding{
        .kind = FindingKind::stalled,
        .verdict = highest_verdict(*observation.slot),
        .sighting = sighting_of(observation),
        .summary = {{.phrase = still_sends ? Phrase::stalled_one_way : Phrase::stalled_silent,
                     .values = {field::sender_ip(net::sender_of(packet)), field::receiver(receiver),
                                field::receiver_ip(receiver), field::span(stuck),
                                field::resent(wait.retransmissions), field::silent(silent)}}},
        .advice = {{.phrase = Phrase::look_for_ban}},
        .evidence = {{.signal = Signal::UNACKNOWLEDGED,
                      .observed = {field::seq(packet.seq), field::resent(wait.retransmissions)},
                      .baseline = Values{field::ack_edge(other.ack_edge)}},
                     {.signal = Signal::SILENCE,
                      .strength = still_sends ? Strength::weak : Strength::strong,
                      .observed = {field::silent(silent)},
                      .baseline = std::move(round_trip)}},
        .slot = *observation.slot,
    };
    wait.updates.report(wait.finding, findings_, sink);
}

void Stalled::advance(Nanoseconds now, FindingSink&) {
    if (now - swept_ >= kForget) {
        swept_ = now;
        std::erase_if(waits_, [&](const auto& wait) { return now - wait.second.latest > kForget; });
    }
}

void Stalled::end(const Side& side, Resolution resolution, Nanoseconds now, FindingSink& sink) {
    const auto found = waits_.find(side);
    if (found == waits_.end()) {
        return;
    }
    Wait& wait = found->second;
    if (wait.updates.is_reported()) {
        const fst_packet& packet = wait.finding.sighting.packet;
        const bool recovered = resolution == Resolution::recovered;
        wait.finding.summary = {
            {.phrase = recovered ? Phrase::stall_recovered : Phrase::stall_ended,
             .values = {field::sender_ip(net::sender_of(packet)),
                        field::receiver(net::receiver_of(packet)), field::span(now - wait.since)}}};
        wait.finding.advice.clear();
        wait.finding.resolution = resolution;
        wait.updates.report(wait.finding, findings_, sink);
    }
    waits_.erase(found);
}

std::unique_ptr<Detector> make_stalled(Tracking& tracking) {
    return std::make_unique<Stalled>(tracking.idle_periods, tracking.findings);
}

}  // namespace flowstamp::analysis
