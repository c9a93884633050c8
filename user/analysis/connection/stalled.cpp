// SPDX-License-Identifier: Apache-2.0
#include "user/analysis/connection/stalled.h"

#include <fmt/format.h>

#include "user/base/time_text.h"
#include "user/analysis/tracking/both_ways.h"
#include "user/net/endpoint.h"
#include "user/analysis/tracking/tracking.h"

namespace flowstamp::analysis {

namespace {

/// How long ago the newest byte of this direction was first sent.
Nanoseconds waiting(const Observation& observation, const fst_direction& own) {
    const auto now_us = static_cast<std::uint32_t>(observation.event.packet.time_ns / 1000);
    return std::chrono::microseconds(now_us - own.edge_us);
}

/// How long a receiver may put an acknowledgement off (RFC 1122, section 4.2.3.2, allows more; none
/// does).
constexpr Nanoseconds kDelayedAck = std::chrono::milliseconds(200);

}  // namespace

void Stalled::observe(const Observation& observation, FindingSink& sink) {
    const ViewKey view = view_of(observation.event);
    const unsigned direction = observation.event.packet.direction & 1U;
    switch (observation.kind()) {
        case FST_EVENT_RTO_RETRANSMIT:
            retransmitted_(observation, sink);
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

void Stalled::retransmitted_(const Observation& observation, FindingSink& sink) {
    const fst_packet& packet = observation.event.packet;
    const unsigned direction = packet.direction & 1U;
    const ViewKey view = view_of(observation.event);
    const IdlePeriods::IdlePeriod* idle = idle_periods_.unanswered(view);
    // A FIN alone that nobody acknowledges is a peer that has gone already.
    if (!observation.slot || packet.payload == 0 || (idle && idle->direction == direction)) {
        return;
    }
    const fst_direction& own = observation.slot->direction[direction];
    const fst_direction& other = observation.slot->direction[direction ^ 1U];
    // Where the other direction does not pass, its acknowledgements may go another way.
    if (!(other.flags & FST_DIRECTION_SEEN) ||
        (waits_.size() >= kMost && !waits_.contains({view, direction}))) {
        return;
    }
    Wait& wait = waits_[{view, direction}];
    wait.latest = observation.time();
    if (wait.retransmitted_++ == 0) {
        wait.since = observation.time() - waiting(observation, own);
    }
    const Nanoseconds stuck = observation.time() - wait.since;
    if (wait.retransmitted_ < kEnough || stuck < kPatience) {
        return;
    }
    const Nanoseconds silent =
        observation.time() - Nanoseconds(static_cast<std::int64_t>(other.last_ns));
    // It spoke after it should have acknowledged.
    const bool speaks = silent + std::chrono::microseconds(other.min_rtt_us) + kDelayedAck < stuck;
    const std::string there = net::receiver_of(packet).ip_text();
    wait.finding = Finding{
        .kind = FindingKind::stalled,
        .verdict = most_of(*observation.slot),
        .sighting = sighting_of(observation),
        .summary = fmt::format(
            "What {} sends to {} has not been acknowledged for {}, though sent again {}; {}.",
            net::sender_of(packet).ip_text(), net::receiver_of(packet).text(), duration_text(stuck),
            times_text(wait.retransmitted_),
            speaks ? fmt::format("{} goes on sending, so only the way there is cut", there)
                   : fmt::format("{} has been silent for {}", there, duration_text(silent))),
        .advice =
            "look for a rule that was set while the connection stood: a ban of either "
            "address, or a firewall that lost its state",
        .evidence =
            {{.signal = "unacknowledged",
              .strength = Strength::strong,
              .packet = fmt::format("seq {} sent again {}", packet.seq, times_text(wait.retransmitted_)),
              .baseline = fmt::format("acknowledged up to {}", other.ack_edge)},
             {.signal = "silence",
              .strength = speaks ? Strength::weak : Strength::strong,
              .packet = fmt::format("last word of {}: {} ago", there, duration_text(silent)),
              .baseline =
                  own.min_rtt_us == 0 && other.min_rtt_us == 0
                      ? std::optional<std::string>{}
                      : fmt::format("round trip {}",
                                    duration_text(std::chrono::microseconds(other.min_rtt_us)))}},
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
        const std::string stuck = duration_text(now - wait.since);
        wait.finding.summary = fmt::format(
            "What {} sent to {} was not acknowledged for {}{}", net::sender_of(packet).ip_text(),
            net::receiver_of(packet).text(), stuck,
            resolution == Resolution::recovered ? "; then it was: the way is open again."
                                                : ", until the connection ended.");
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
