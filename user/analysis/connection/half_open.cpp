// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/half_open.h"

#include <utility>

#include "flowstamp/acceptance_rules.h"
#include "user/net/endpoint.h"

namespace flowstamp::analysis {

void HalfOpen::observe(const Observation& observation, FindingSink&) {
    const ViewKey view = view_of(observation.event);
    const auto known = views_.find(view);
    if (observation.kind() == FST_EVENT_RST) {
        if (resets_of_.size() >= kMost) {
            resets_of_.clear();
        }
        resets_of_[net::sender_of(observation.event.packet)] = observation.time();
        // Only the first RST of a connection can answer as if it did not know it: the others follow
        // from that one.
        if (known == views_.end() && answers_.size() < kMost &&
            answers_
                .emplace(observation.packet_id,
                         Answer{.rst = observation, .counts = may_be_answer(observation)})
                .second) {
            views_.emplace(view, observation.packet_id);
        }
        return;
    }
    if (known == views_.end()) {
        return;
    }
    Answer& answer = answers_.at(known->second);
    const bool same_sender =
        ((observation.event.packet.direction ^ answer.rst.event.packet.direction) & 1U) == 0;
    switch (observation.kind()) {
        case FST_EVENT_RTO_RETRANSMIT:
            // One old byte may be this host's own challenge, as it leaves by another interface.
            answer.lives_on =
                answer.lives_on || (same_sender && observation.event.packet.payload > 1);
            break;
        case FST_EVENT_FIN:
            // It closed the connection, and the FIN was overtaken: no one lost it.
            answer.counts = answer.counts && !same_sender;
            break;
        default:
            break;
    }
}

/// Whether a RST answers data of a connection that its sender took part in, and does not know.
bool HalfOpen::may_be_answer(const Observation& rst) const {
    constexpr std::uint32_t kAnswers =
        FST_CONTEXT_STATELESS | FST_CONTEXT_PROVOKED | FST_CONTEXT_EXACT;
    constexpr std::uint32_t kOtherwiseExplained =
        FST_CONTEXT_HALF_VIEW | FST_CONTEXT_FIN | FST_CONTEXT_AFTER_OWN_RST | FST_CONTEXT_TO_SYN |
        FST_CONTEXT_FORGED_BEFORE | FST_CONTEXT_DUPLICATE_FRAME | FST_CONTEXT_FLOW_IDLE |
        FST_CONTEXT_SENDER_IDLE;  // or it has reset before
    const fst_judgement& judgement = rst.event.judgement;
    if (!rst.slot || judgement.verdict != FST_VERDICT_GENUINE ||
        (judgement.context & kAnswers) != kAnswers || (judgement.context & kOtherwiseExplained)) {
        return false;
    }
    const unsigned sender = rst.event.packet.direction & 1U;
    const fst_direction& own = rst.slot->direction[sender];
    const fst_direction& other = rst.slot->direction[sender ^ 1U];
    const bool took_part = (own.flags & FST_DIRECTION_DATA) ||
                           fst_sequence_after(own.ack_edge, rst.slot->isn[sender ^ 1U] + 1) > 0;
    const bool has_data_to_answer =
        (other.flags & FST_DIRECTION_DATA) && fst_sequence_after(other.seq_edge, own.ack_edge) > 0;
    const IdlePeriods::IdlePeriod* idle = tracking_.idle_periods.answered_by(rst);
    // A client that resets what comes from another address than it asked may so end the very
    // connection that it has (NatEscape).
    const auto reset = resets_of_.find(net::receiver_of(rst.event.packet));
    const bool has_reset = reset != resets_of_.end() && rst.time() - reset->second < kForget;
    return (rst.slot->state & FST_FLOW_ESTABLISHED) && took_part && has_data_to_answer &&
           !(rst.slot->state & FST_FLOW_CANDIDATE) &&  // something passed elsewhere
           !has_reset && !(idle != nullptr && idle->length >= IdlePeriods::kShortest) &&
           !tracking_.scans.of(rst);
}

void HalfOpen::judged(const Reset& reset, FindingSink&) {
    const auto known = answers_.find(reset.id);
    if (known == answers_.end()) {
        return;
    }
    const fst_judgement& judgement = reset.judgement;
    known->second.lives_on = known->second.lives_on || judgement.cause == FST_CAUSE_OTHER_HOST;
    known->second.counts =
        known->second.counts && judgement.verdict == FST_VERDICT_GENUINE &&
        (judgement.cause == FST_CAUSE_STATELESS || judgement.cause == FST_CAUSE_OTHER_HOST);
}

void HalfOpen::conclude(const Answer& answer, FindingSink& sink) {
    if (!answer.counts) {
        return;
    }
    const fst_packet& rst = answer.rst.event.packet;
    const unsigned direction = rst.direction & 1U;
    const fst_direction& own = answer.rst.slot->direction[direction];
    const fst_direction& other = answer.rst.slot->direction[direction ^ 1U];
    const net::Endpoint sender = net::sender_of(rst);
    const net::Endpoint receiver = net::receiver_of(rst);
    const auto silent = Nanoseconds(static_cast<std::int64_t>(rst.time_ns - own.last_ns));
    Finding finding{
        .kind = answer.lives_on ? FindingKind::rst_rejected : FindingKind::half_open,
        .verdict = FST_VERDICT_SUSPECTED,
        .sighting = sighting_of(answer.rst),
        .summary = {{.phrase = answer.lives_on ? Phrase::segments_rejected
                                               : Phrase::connection_is_unknown,
                     .values = {field::sender(sender), field::sender_ip(sender),
                                field::receiver(receiver), field::receiver_ip(receiver),
                                field::silent(silent)}}},
        .advice = {{.phrase =
                        answer.lives_on ? Phrase::look_for_reset_rule : Phrase::compare_both_ends,
                    .values = {field::sender_ip(sender), field::receiver_ip(receiver)}}},
        .evidence = {{.signal = Signal::STATELESS_SHAPE,
                      .observed = {field::window(rst.window), field::seq(rst.seq)},
                      .baseline = Values{field::ack_edge(other.ack_edge)}},
                     {.signal = Signal::UNACKNOWLEDGED,
                      .observed = {field::seq(other.seq_edge)},
                      .baseline = Values{field::ack_edge(own.ack_edge)}}},
        .slot = *answer.rst.slot,
        .resolution = Resolution::ended,
    };
    if (answer.lives_on) {
        finding.evidence.push_back({.signal = Signal::ALIVE_NOT_ACKING});
    }
    FindingUpdates().report(std::move(finding), tracking_.findings, sink);
}

void HalfOpen::advance(Nanoseconds now, FindingSink& sink) {
    while (!answers_.empty() && answers_.begin()->second.rst.time() + kWait <= now) {
        const Answer answer = std::move(answers_.begin()->second);
        answers_.erase(answers_.begin());
        views_.erase(view_of(answer.rst.event));
        conclude(answer, sink);
    }
}

void HalfOpen::finish(FindingSink& sink) {
    advance(Nanoseconds::max(), sink);
}

std::unique_ptr<Detector> make_half_open(Tracking& tracking) {
    return std::make_unique<HalfOpen>(tracking);
}

}  // namespace flowstamp::analysis
