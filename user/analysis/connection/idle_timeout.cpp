// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/idle_timeout.h"

#include <algorithm>

#include "user/analysis/tracking/both_ways.h"
#include "user/analysis/tracking/tracking.h"

namespace flowstamp::analysis {

namespace {

/// A keepalive after half the time that was fatal, or after the longest time that was harmless.
Statement keepalive_advice(std::optional<Nanoseconds> harmless, Nanoseconds fatal) {
    const Nanoseconds half = fatal / 2;
    const Nanoseconds wanted = harmless && *harmless < fatal ? std::max(*harmless, half) : half;
    const auto seconds =
        std::max<std::int64_t>(1, std::chrono::floor<std::chrono::seconds>(wanted).count());
    return {.phrase = Phrase::send_keepalives,
            .values = {field::interval(seconds), field::fatal(fatal), field::harmless(harmless)}};
}

}  // namespace

void IdleTimeout::observe(const Observation& observation, FindingSink& sink) {
    switch (observation.kind()) {
        case FST_EVENT_RTO_RETRANSMIT:
            retransmission(observation, sink);
            break;
        case FST_EVENT_RST:
            reset(observation, sink);
            break;
        case FST_EVENT_ACKED:
            if (const auto& idle = idle_periods_.survived()) {
                survived(observation, *idle, sink);
            }
            break;
        case FST_EVENT_SYN:
        case FST_EVENT_EVICTED:
        case FST_EVENT_ENDED:
            waits_.erase(view_of(observation.event));
            break;
        default:
            break;
    }
}

void IdleTimeout::retransmission(const Observation& observation, FindingSink& sink) {
    const fst_packet& packet = observation.event.packet;
    const unsigned direction = packet.direction & 1U;
    const ViewKey view = view_of(observation.event);
    const IdlePeriods::IdlePeriod* idle = idle_periods_.unanswered(view);
    if (idle == nullptr || idle->direction != direction || !observation.slot ||
        (waits_.size() >= kMost && !waits_.contains(view)) ||
        !(observation.slot->direction[direction ^ 1U].flags & FST_DIRECTION_SEEN)) {
        return;
    }
    if (observation.time() == idle->resumed_at) {
        return;  // the keepalive that ended the idle period does not count
    }
    Wait& wait = waits_[view];
    wait.latest = observation.time();
    wait.retransmissions++;
    const bool is_keepalive = packet.payload <= 1 && !(packet.tcp_flags & FST_TCP_FIN);
    // Keepalives are a second or more apart: two of them are enough for a suspicion.
    if (wait.retransmissions + (is_keepalive ? 1 : 0) < kSuspect) {
        return;
    }
    report(
        observation, wait, idle->length,
        wait.retransmissions >= kProof ? highest_verdict(*observation.slot) : FST_VERDICT_SUSPECTED,
        {.signal = Signal::UNANSWERED,
         .observed = {field::is_keepalive(is_keepalive), field::resent(wait.retransmissions)}},
        sink);
}

void IdleTimeout::reset(const Observation& observation, FindingSink& sink) {
    const fst_packet& packet = observation.event.packet;
    const unsigned direction = packet.direction & 1U;
    const ViewKey view = view_of(observation.event);
    const IdlePeriods::IdlePeriod* idle = idle_periods_.unanswered(view);
    const fst_judgement& judgement = observation.event.judgement;
    const bool answers = idle_periods_.answered_by(observation) != nullptr;
    const bool aged = judgement.cause == FST_CAUSE_AGED_STATE;
    const Nanoseconds length = idle ? idle->length : silence_before(observation);
    if (judgement.verdict == FST_VERDICT_GENUINE && (answers || aged) &&
        length >= IdlePeriods::kShortest && observation.slot && waits_.size() < kMost) {
        report(observation, waits_[view], length, highest_verdict(*observation.slot),
               aged ? Evidence{.signal = Signal::AGED_WINDOW,
                               .strength = Strength::strong,
                               .observed = {field::window(packet.window)}}
                    : Evidence{.signal = Signal::RESET_AFTER_REST,
                               .observed = {field::after_resume(observation.time() -
                                                                idle->resumed_at)}},
               sink);
    }
    // The end that sent after the idle period gives up.
    const auto wait = waits_.find(view);
    if (wait != waits_.end() && idle != nullptr && idle->direction == direction &&
        wait->second.updates.is_reported()) {
        Finding finding = wait->second.finding;
        finding.sighting = sighting_of(observation);
        finding.resolution = Resolution::ended;
        wait->second.updates.report(std::move(finding), findings_, sink);
    }
    waits_.erase(view);
}

void IdleTimeout::report(const Observation& observation, Wait& wait, Nanoseconds idle,
                         fst_verdict verdict, Evidence answer, FindingSink& sink) {
    const fst_packet& packet = observation.event.packet;
    const bool is_reset = packet.tcp_flags & FST_TCP_RST;
    const net::Endpoint remote = is_reset ? net::sender_of(packet) : net::receiver_of(packet);
    const net::Endpoint local = is_reset ? net::receiver_of(packet) : net::sender_of(packet);
    Bounds& bounds = bounds_of(remote);
    bounds.fatal = std::min(bounds.fatal.value_or(idle), idle);
    wait.finding = Finding{
        .kind = FindingKind::idle_timeout,
        .verdict = verdict,
        .sighting = sighting_of(observation),
        .summary = {{.phrase = is_reset ? Phrase::idle_then_reset : Phrase::idle_then_unanswered,
                     .values = {field::client(local), field::server(remote),
                                field::server_ip(remote), field::idle(idle)}}},
        .advice = {keepalive_advice(bounds.harmless, *bounds.fatal)},
        .evidence = {{.signal = Signal::REST,
                      .observed = {field::idle(idle)},
                      .baseline = unless_empty({field::harmless(bounds.harmless)})},
                     std::move(answer)},
        .slot = observation.slot.value_or(fst_flow{}),
    };
    wait.updates.report(wait.finding, findings_, sink);
}

void IdleTimeout::advance(Nanoseconds now, FindingSink&) {
    if (now - swept_ >= kForget) {
        swept_ = now;
        std::erase_if(waits_, [&](const auto& wait) { return now - wait.second.latest > kForget; });
    }
}

void IdleTimeout::survived(const Observation& observation, const IdlePeriods::IdlePeriod& idle,
                           FindingSink& sink) {
    Bounds& bounds = bounds_of(net::sender_of(observation.event.packet));
    bounds.harmless = std::max(bounds.harmless.value_or(idle.length), idle.length);
    const auto wait = waits_.find(view_of(observation.event));
    if (wait == waits_.end()) {
        return;
    }
    if (wait->second.updates.is_reported()) {
        Finding finding = wait->second.finding;
        finding.summary = {{.phrase = Phrase::idle_then_answered_late,
                            .values = {field::client(net::receiver_of(observation.event.packet)),
                                       field::server(net::sender_of(observation.event.packet)),
                                       field::idle(idle.length),
                                       field::answer_after(observation.time() - idle.resumed_at)}}};
        finding.resolution = Resolution::recovered;
        wait->second.updates.report(std::move(finding), findings_, sink);
    }
    waits_.erase(wait);
}

IdleTimeout::Bounds& IdleTimeout::bounds_of(const net::Endpoint& remote) {
    if (bounds_.size() >= kMost) {
        bounds_.erase(bounds_.begin());
    }
    return bounds_[remote.address];
}

std::unique_ptr<Detector> make_idle_timeout(Tracking& tracking) {
    return std::make_unique<IdleTimeout>(tracking.idle_periods, tracking.findings);
}

}  // namespace flowstamp::analysis
