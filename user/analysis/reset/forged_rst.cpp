// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/reset/forged_rst.h"

#include <algorithm>

namespace flowstamp::analysis {

namespace {

/// RSTs of one side that a later packet is compared with: a flood of them must not cost its square.
constexpr std::size_t kRememberedOfSide = 32;

}  // namespace

void ForgedRst::observe(const Observation& observation, FindingSink& sink) {
    switch (observation.kind()) {
        case FST_EVENT_RST:
            on_rst(observation, sink);
            break;
        case FST_EVENT_AFTER_RST:
            on_later_packet(observation, sink);
            break;
        case FST_EVENT_SYN:
            on_syn(observation);
            break;
        case FST_EVENT_SYN_ACK:
            on_syn_ack(observation, sink);
            break;
        default:
            break;
    }
}

void ForgedRst::on_rst(const Observation& observation, FindingSink& sink) {
    const SideKey key{view_of(observation.event), observation.event.packet.direction & 1U};
    Side& side = sides_[key];
    ResetRecord& reset = remember(observation, side, sink);
    compare(reset, key, sink);
    if (observation.event.judgement.challenge == FST_CHALLENGE_UPHELD) {
        take_answer(reset, key, sink);
    } else {
        infer_answer(reset, key, sink);
    }
    if (side.incident && !side.incident->is_settled() && reset.challenge() == FST_CHALLENGE_NONE) {
        const fst_judgement judgement = reset.judgement();
        if (judgement.verdict == FST_VERDICT_GENUINE) {
            side.incident->sender_reset(judgement);
        }
    }
    notify_other_end(key);
    report(reset, sink);
}

/// An idle period counts if the RST answers the packet that ended it.
ResetPast ForgedRst::past_of(const Observation& rst) const {
    ResetPast past{.scan = tracking_.scans.of(rst), .idle = {}};
    const IdlePeriods::IdlePeriod* idle = tracking_.idle_periods.answered_by(rst);
    if (idle != nullptr && idle->length >= IdlePeriods::kShortest) {
        past.idle = idle->length;
    }
    return past;
}

/// Records a RST, or another view of a known one.
ResetRecord& ForgedRst::remember(const Observation& observation, Side& side, FindingSink& sink) {
    const ResetPast past = past_of(observation);
    const auto origin = made_here(observation, tracking_.views, tracking_.slots);
    const auto [place, is_new] =
        records_.try_emplace(observation.packet_id, observation, past, origin);
    ResetRecord& reset = place->second;
    const fst_challenge before = is_new ? FST_CHALLENGE_NONE : reset.challenge();
    if (!is_new) {
        reset.add_view(observation, past, origin);
    }
    if (const HostMemory::Host* host = tracking_.hosts.sender_of(observation.event.packet)) {
        reset.view(view_of(observation.event))->consider(*host);
    }
    const bool is_challenged =
        before == FST_CHALLENGE_NONE && reset.challenge() == FST_CHALLENGE_ASKED;
    if (is_challenged) {
        tracking_.challenges.asked++;
        deadlines_.emplace(reset.time() + kAnswerWithin, Deadline{Due::answer, reset.id()});
    }
    if (is_new) {
        deadlines_.emplace(reset.time() + (is_challenged ? kRememberChallenged : kRemember),
                           Deadline{Due::forget, reset.id()});
    }
    if (side.resets.empty() || side.resets.back() != reset.id()) {
        side.resets.push_back(reset.id());
    }
    make_room(side, reset.id(), sink);
    return reset;
}

/// What anyone can send goes first: of a side, resets that no stack takes in; of all, those of which
/// no answer is awaited. The one just remembered stays.
void ForgedRst::make_room(Side& side, std::uint64_t latest, FindingSink& sink) {
    const auto is_blind = [&](std::uint64_t id) {
        const auto place = records_.find(id);
        return place == records_.end() ||
               std::ranges::none_of(place->second.views(), &ResetObservation::was_acceptable);
    };
    if (side.resets.size() > kRememberedOfSide) {
        const auto blind = std::ranges::find_if(side.resets, is_blind);
        side.resets.erase(blind != side.resets.end() ? blind : side.resets.begin());
    }
    if (records_.size() > kMost) {
        const auto is_idle = [&](const auto& record) {
            return record.first != latest && record.second.challenge() != FST_CHALLENGE_ASKED;
        };
        const auto idle = std::ranges::find_if(records_, is_idle);
        forget(idle != records_.end() ? idle->first : records_.begin()->first, sink);
    }
}

/// Compares a new RST with the earlier ones of its side, and with the SYN's other answer.
void ForgedRst::compare(ResetRecord& reset, const SideKey& key, FindingSink& sink) {
    ResetObservation& view = *reset.view(key.view);
    for (ResetRecord* earlier : records_of(key)) {
        ResetObservation* earlier_view = earlier->view(key.view);
        if (earlier != &reset && earlier_view != nullptr &&
            earlier_view->compare_with_later(view)) {
            report(*earlier, sink);
        }
    }
    if (const auto syn_ack = tracking_.handshakes.other_answer(view)) {
        view.add_syn_ack(*syn_ack);
    }
}

/// `answer` is the RST with which a sender upholds its earlier ones: those that await an answer, or
/// else the latest that went unanswered.
void ForgedRst::take_answer(ResetRecord& answer, const SideKey& key, FindingSink& sink) {
    std::vector<ResetRecord*> upheld;
    ResetRecord* late = nullptr;
    for (ResetRecord* reset : records_of(key)) {
        if (reset == &answer) {
            continue;
        }
        if (reset->challenge() == FST_CHALLENGE_REFUTED) {
            // If the peer was live but did not receive our packets, this is its answer. Else the
            // proof stands.
            reset->view(key.view)->uphold();
            upheld.push_back(reset);
        } else if (reset->challenge() == FST_CHALLENGE_ASKED) {
            upheld.push_back(reset);
        } else if (reset->challenge() == FST_CHALLENGE_UNANSWERED) {
            late = reset;
        }
    }
    if (upheld.empty() && late != nullptr) {
        upheld.push_back(late);
    }
    for (ResetRecord* reset : upheld) {
        if (record_answer(*reset, FST_CHALLENGE_UPHELD)) {
            answer.set_answers(reset->id());
            report(*reset, sink);
        }
    }
}

/// Where only confirmed RSTs are acted on, a genuine one passes unchallenged. If it comes from the
/// sender's own distance, late enough to follow the challenge's arrival there, it is an answer too.
void ForgedRst::infer_answer(ResetRecord& answer, const SideKey& key, FindingSink& sink) {
    const ResetObservation& view = *answer.view(key.view);
    if (answer.verdict() != FST_VERDICT_GENUINE || answer.challenge() != FST_CHALLENGE_NONE ||
        view.arrival().pass_reason != FST_PASS_NOT_SUSPECT || !view.is_from_own_distance() ||
        !(view.arrival().context & FST_CONTEXT_EXACT)) {
        return;
    }
    const std::uint32_t rtt_us = view.slot().direction[key.direction].min_rtt_us;
    const auto had_time = [&](const ResetRecord& challenged) {
        const auto since = std::chrono::duration_cast<std::chrono::microseconds>(answer.time() -
                                                                                 challenged.time());
        return fst_had_time_to_answer(rtt_us, static_cast<std::uint32_t>(since.count()));
    };
    for (ResetRecord* reset : records_of(key)) {
        if (reset->challenge() == FST_CHALLENGE_ASKED && had_time(*reset) &&
            record_answer(*reset, FST_CHALLENGE_UPHELD)) {
            answer.set_answers(reset->id());
            report(*reset, sink);
        }
    }
}

/// Returns whether the answer counts.
bool ForgedRst::record_answer(ResetRecord& reset, fst_challenge answer) {
    const fst_challenge before = reset.challenge();
    if (!reset.answer(answer)) {
        return false;
    }
    tracking_.challenges.unanswered -= before == FST_CHALLENGE_UNANSWERED;
    tracking_.challenges.refuted -= before == FST_CHALLENGE_REFUTED;
    switch (answer) {
        case FST_CHALLENGE_UPHELD:
            tracking_.challenges.upheld++;
            break;
        case FST_CHALLENGE_REFUTED:
            tracking_.challenges.refuted++;
            break;
        default:
            tracking_.challenges.unanswered++;
    }
    return true;
}

void ForgedRst::on_later_packet(const Observation& observation, FindingSink& sink) {
    const fst_event& event = observation.event;
    const SideKey key{view_of(event), event.packet.direction & 1U};
    for (ResetRecord* reset : records_of(key)) {
        ResetObservation* view = reset->view(key.view);
        bool has_changed = view->see_later_packet(event);
        if (event.judgement.challenge == FST_CHALLENGE_REFUTED && reset->awaits_answer()) {
            has_changed |= view->refute(event.packet);
            record_answer(*reset, FST_CHALLENGE_REFUTED);
        }
        if (has_changed) {
            report(*reset, sink);
        }
    }
}

void ForgedRst::on_syn(const Observation& observation) {
    for (const unsigned direction : {0U, 1U}) {
        const SideKey key{view_of(observation.event), direction};
        for (ResetRecord* reset : records_of(key)) {
            reset->view(key.view)->end_observation();
        }
    }
}

void ForgedRst::on_syn_ack(const Observation& observation, FindingSink& sink) {
    const SideKey key{view_of(observation.event), observation.event.packet.direction & 1U};
    for (ResetRecord* reset : records_of(key)) {
        ResetObservation& view = *reset->view(key.view);
        const auto syn_ack = tracking_.handshakes.other_answer(view);
        if (syn_ack && view.add_syn_ack(*syn_ack)) {
            report(*reset, sink);
        }
    }
}

void ForgedRst::report(ResetRecord& reset, FindingSink& sink) {
    const auto update = reset.take_update();
    if (update) {
        sink.reset(*update);
        if (update->judgement.verdict == FST_VERDICT_CONFIRMED &&
            !(update->judgement.signals & FST_SIGNAL_BIT(FST_SIGNAL_MADE_HERE))) {
            tracking_.signatures.note(reset.strongest_view(), update->judgement);
        }
    }
    report_finding(sides_[side_of(reset.views().front())], reset, sink);
}

/// A suspicious RST begins an incident, or belongs to the one that is open.
void ForgedRst::report_finding(Side& side, ResetRecord& reset, FindingSink& sink) {
    const bool suspicious = reset.verdict() != FST_VERDICT_GENUINE;
    const bool open =
        side.incident && (side.incident->holds(reset.id()) || !side.incident->is_settled());
    if (!open) {
        if (!suspicious) {
            return;
        }
        side.incident.emplace(tracking_.findings.open(), reset);
        settlements_.emplace(side.incident->settles_at(), side_of(reset.views().front()));
    } else if (suspicious || side.incident->holds(reset.id())) {
        side.incident->add(reset);
    }
    report_update(*side.incident, sink);
}

void ForgedRst::report_update(ResetIncident& incident, FindingSink& sink) {
    const std::optional<fst_verdict> before = incident.reported_verdict();
    if (const auto update = incident.take_update()) {
        tracking_.findings.count(update->kind, before, update->verdict);
        sink.finding(*update);
    }
}

/// Notes a RST of one end in the other end's incident, if there is one.
void ForgedRst::notify_other_end(const SideKey& key) {
    const auto other = sides_.find(SideKey{key.view, key.direction ^ 1U});
    if (other != sides_.end() && other->second.incident) {
        other->second.incident->receiver_reset();
    }
}

void ForgedRst::settle(const SideKey& key, Nanoseconds now, FindingSink& sink) {
    const auto side = sides_.find(key);
    if (side == sides_.end() || !side->second.incident || side->second.incident->is_settled()) {
        return;
    }
    ResetIncident& incident = *side->second.incident;
    if (incident.settles_at() > now) {
        settlements_.emplace(incident.settles_at(), key);
        return;
    }
    incident.settle(tracking_.slots.read(key.view));
    report_update(incident, sink);
    drop_if_empty(key);
}

/// Handles what is due: outcomes of incidents, challenges without an answer, RSTs to be forgotten.
void ForgedRst::advance(Nanoseconds now, FindingSink& sink) {
    while (!settlements_.empty() && settlements_.begin()->first <= now) {
        const SideKey key = settlements_.begin()->second;
        settlements_.erase(settlements_.begin());
        settle(key, now, sink);
    }
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
        const Deadline deadline = deadlines_.begin()->second;
        deadlines_.erase(deadlines_.begin());
        if (deadline.due == Due::forget) {
            forget(deadline.reset, sink);
        } else if (const auto place = records_.find(deadline.reset);
                   place != records_.end() && place->second.challenge() == FST_CHALLENGE_ASKED) {
            record_answer(place->second, FST_CHALLENGE_UNANSWERED);
            report(place->second, sink);
        }
    }
}

void ForgedRst::forget(std::uint64_t id, FindingSink& sink) {
    const auto place = records_.find(id);
    if (place == records_.end()) {
        return;
    }
    ResetRecord& reset = place->second;
    if (reset.challenge() == FST_CHALLENGE_ASKED) {
        record_answer(reset, FST_CHALLENGE_UNANSWERED);
        report(reset, sink);
    }
    for (const ResetObservation& view : reset.views()) {
        const SideKey key = side_of(view);
        std::erase(sides_[key].resets, id);
        drop_if_empty(key);
    }
    records_.erase(place);
}

void ForgedRst::drop_if_empty(const SideKey& key) {
    const auto side = sides_.find(key);
    const bool empty = side != sides_.end() && side->second.resets.empty() &&
                       (!side->second.incident || side->second.incident->is_settled());
    if (empty) {
        sides_.erase(side);
    }
}

void ForgedRst::finish(FindingSink& sink) {
    advance(Nanoseconds::max(), sink);
}

std::vector<ResetRecord*> ForgedRst::records_of(const SideKey& key) {
    std::vector<ResetRecord*> found;
    const auto side = sides_.find(key);
    if (side == sides_.end()) {
        return found;
    }
    for (const std::uint64_t id : side->second.resets) {
        if (const auto place = records_.find(id); place != records_.end()) {
            found.push_back(&place->second);
        }
    }
    return found;
}

std::unique_ptr<Detector> make_forged_rst(Tracking& tracking) {
    return std::make_unique<ForgedRst>(tracking);
}

}  // namespace flowstamp::analysis
