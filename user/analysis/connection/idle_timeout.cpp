// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/idle_timeout.h"

#include <algorithm>
#include <array>

#include "flowstamp/acceptance_rules.h"
#include "flowstamp/reset_rules.h"
#include "user/analysis/tracking/both_ways.h"

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

/// Idle time-outs of firewalls and balancers in their makers' documents, seconds: 1, 2, 3, 4
/// (Azure), 5, 10 (GCP), 15, 20, 30, 60 and 120 minutes, and 350 s (AWS).
constexpr std::array kUsualSeconds = {60,  120, 180,  240,  300,  350,
                                      600, 900, 1200, 1800, 3600, 7200};

bool is_usual(Nanoseconds idle) {
    return std::ranges::any_of(kUsualSeconds, [&](int seconds) {
        return std::chrono::abs(idle - std::chrono::seconds(seconds)) <= std::chrono::seconds(1);
    });
}

/// A keepalive repeats a byte at most, of what is acknowledged (RFC 1122, section 4.2.3.6).
bool is_acknowledged_already(const fst_packet& packet, const fst_flow& flow) {
    const fst_direction& other = flow.direction[(packet.direction & 1U) ^ 1U];
    return packet.payload <= 1 &&
           fst_sequence_after(packet.seq + packet.payload, other.ack_edge) <= 0;
}

bool is_bare(const fst_packet& rst) {
    return !(rst.tcp_flags & FST_TCP_ACK);
}

/// Whether who reset still knew the connection: then it was ended on purpose.
bool knows_connection(const fst_packet& rst, const fst_judgement& judgement, const fst_flow& flow) {
    const fst_direction& own = flow.direction[rst.direction & 1U];
    return (judgement.signals & FST_SIGNALS_CORROBORATE_GENUINE) ||
           ((rst.tcp_flags & FST_TCP_ACK) && !(rst.flags & FST_PACKET_IPV6) &&
            fst_id_continues(&own, rst.ip_id));
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
            if (const auto& idle = tracking_.idle_periods.survived()) {
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
    const IdlePeriods::IdlePeriod* idle = tracking_.idle_periods.unanswered(view);
    const Retransmissions::Wait* tries = tracking_.retransmissions.of(view, direction);
    if (idle == nullptr || idle->direction != direction || !observation.slot || tries == nullptr ||
        tries->sacked || (waits_.size() >= kMost && !waits_.contains(view)) ||
        was_harmless(net::receiver_of(packet), idle->length)) {
        return;
    }
    if (observation.time() == idle->resumed_at) {
        return;  // the keepalive that ended the idle period does not count
    }
    Wait& wait = waits_[view];
    wait.latest = observation.time();
    wait.retransmissions++;
    const Nanoseconds unanswered = observation.time() - idle->resumed_at;
    // Keepalives are a second or more apart, and are not lost in a burst with others.
    const bool is_keepalive = is_acknowledged_already(packet, *observation.slot);
    wait.keepalives = is_keepalive;
    const bool suspicious = is_keepalive ? wait.retransmissions >= kKeepalives
                                         : wait.retransmissions >= kSuspect && unanswered >= kLong;
    if (!suspicious) {
        return;
    }
    const bool certain = is_keepalive ? wait.retransmissions >= 2 * kKeepalives
                                      : wait.retransmissions >= kProof && unanswered >= kVeryLong;
    report(observation, wait, idle->length,
           certain ? highest_verdict(*observation.slot) : FST_VERDICT_SUSPECTED,
           Phrase::idle_then_unanswered,
           {.signal = Signal::UNANSWERED,
            .observed = {field::is_keepalive(is_keepalive), field::resent(wait.retransmissions)}},
           sink);
}

void IdleTimeout::reset(const Observation& observation, FindingSink& sink) {
    const ViewKey view = view_of(observation.event);
    const IdlePeriods::IdlePeriod* idle = tracking_.idle_periods.unanswered(view);
    const auto wait = waits_.find(view);
    const bool gives_up = wait != waits_.end() && idle != nullptr &&
                          idle->direction == (observation.event.packet.direction & 1U);
    if (!gives_up) {
        judge_reset(observation, idle, sink);
    } else if (!wait->second.updates.is_reported() && wait->second.keepalives && observation.slot) {
        report(
            observation, wait->second, idle->length, FST_VERDICT_SUSPECTED,
            Phrase::idle_then_unanswered,
            {.signal = Signal::UNANSWERED,
             .observed = {field::is_keepalive(true), field::resent(wait->second.retransmissions)}},
            sink);
    }
    if (gives_up && wait->second.updates.is_reported()) {
        Finding finding = wait->second.finding;
        finding.sighting = sighting_of(observation);
        finding.resolution = Resolution::ended;
        wait->second.updates.report(std::move(finding), tracking_.findings, sink);
    }
    waits_.erase(view);
}

/// `idle`: the idle period whose ending packet has had no answer yet, or null.
void IdleTimeout::judge_reset(const Observation& observation, const IdlePeriods::IdlePeriod* idle,
                              FindingSink& sink) {
    const fst_packet& packet = observation.event.packet;
    const fst_judgement& judgement = observation.event.judgement;
    if (!observation.slot || waits_.size() >= kMost || fst_any_fin(observation.slot->state) ||
        knows_connection(packet, judgement, *observation.slot)) {
        return;
    }
    const bool genuine = judgement.verdict == FST_VERDICT_GENUINE;
    const bool aged = judgement.cause == FST_CAUSE_AGED_STATE;
    // A server with TCP_DEFER_ACCEPT forgets a client that sends nothing, and resets its first data.
    const IdlePeriods::IdlePeriod* answered = tracking_.idle_periods.answered_by(observation);
    const bool answers = answered != nullptr && (answered->after_data || aged);
    if (answers) {
        idle = answered;
    }
    const Nanoseconds length = idle != nullptr ? idle->length : silence_before(observation);
    // A RST with ACK, unprompted, is an application's close: a box's is bare, or from elsewhere.
    const bool unprompted = idle == nullptr && was_at_rest(*observation.slot) &&
                            (is_bare(packet) || judgement.cause == FST_CAUSE_EDGE);
    if (length < IdlePeriods::kShortest || was_harmless(net::sender_of(packet), length)) {
        return;
    }
    Wait& wait = waits_[view_of(observation.event)];
    const fst_verdict verdict =
        genuine && length >= kUsual ? highest_verdict(*observation.slot) : FST_VERDICT_SUSPECTED;
    if (aged && genuine) {
        report(observation, wait, length, verdict,
               unprompted ? Phrase::idle_until_reset : Phrase::idle_then_reset,
               {.signal = Signal::AGED_WINDOW,
                .strength = Strength::strong,
                .observed = {field::window(packet.window)}},
               sink);
    } else if (answers && (genuine || length >= kUsual)) {
        report(observation, wait, length, verdict, Phrase::idle_then_reset,
               {.signal = Signal::RESET_AFTER_REST,
                .observed = {field::after_resume(observation.time() - idle->resumed_at)}},
               sink);
    } else if (unprompted && genuine && is_usual(length)) {
        report(observation, wait, length, verdict, Phrase::idle_until_reset,
               {.signal = Signal::ROUND_TIME, .observed = {field::idle(length)}}, sink);
    }
}

void IdleTimeout::report(const Observation& observation, Wait& wait, Nanoseconds idle,
                         fst_verdict verdict, Phrase phrase, Evidence answer, FindingSink& sink) {
    const fst_packet& packet = observation.event.packet;
    // An end that gives up resets as well, but it is the other that did not answer.
    const bool is_reset =
        (packet.tcp_flags & FST_TCP_RST) && phrase != Phrase::idle_then_unanswered;
    const net::Endpoint remote = is_reset ? net::sender_of(packet) : net::receiver_of(packet);
    const net::Endpoint local = is_reset ? net::receiver_of(packet) : net::sender_of(packet);
    // Who opened the connection is known only where its SYN was seen.
    const bool remote_opened =
        observation.slot && (observation.slot->state &
                             FST_OF(FST_FLOW_SYN, (packet.direction & 1U) ^ (is_reset ? 0U : 1U)));
    const net::Endpoint& opener = remote_opened ? remote : local;
    const net::Endpoint& answerer = remote_opened ? local : remote;
    Bounds& bounds = bounds_of(remote);
    bounds.fatal = std::min(bounds.fatal.value_or(idle), idle);
    wait.finding = Finding{
        .kind = FindingKind::idle_timeout,
        .verdict = verdict,
        .sighting = sighting_of(observation),
        .summary = {{.phrase = phrase,
                     .values = {field::client(opener), field::server(answerer),
                                field::sender_ip(remote), field::idle(idle)}}},
        .advice = {keepalive_advice(bounds.harmless, *bounds.fatal)},
        .evidence = {{.signal = Signal::REST,
                      .observed = {field::idle(idle)},
                      .baseline = unless_empty({field::harmless(bounds.harmless)})},
                     std::move(answer)},
        .slot = observation.slot.value_or(fst_flow{}),
    };
    if (const auto dropped = tracking_.host_drops.finding_of(packet)) {
        wait.finding.advice.insert(
            wait.finding.advice.begin(),
            {.phrase = Phrase::host_drops_it, .values = {field::finding(*dropped)}});
    }
    wait.updates.report(wait.finding, tracking_.findings, sink);
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
        wait->second.updates.report(std::move(finding), tracking_.findings, sink);
    }
    waits_.erase(wait);
}

bool IdleTimeout::was_harmless(const net::Endpoint& remote, Nanoseconds idle) const {
    const auto known = bounds_.find(remote.address);
    return known != bounds_.end() && known->second.harmless && *known->second.harmless >= idle;
}

IdleTimeout::Bounds& IdleTimeout::bounds_of(const net::Endpoint& remote) {
    if (bounds_.size() >= kMost) {
        bounds_.erase(bounds_.begin());
    }
    return bounds_[remote.address];
}

std::unique_ptr<Detector> make_idle_timeout(Tracking& tracking) {
    return std::make_unique<IdleTimeout>(tracking);
}

}  // namespace flowstamp::analysis
