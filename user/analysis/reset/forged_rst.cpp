// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/reset/forged_rst.h"

#include <algorithm>

namespace flowstamp::analysis {

namespace {

/// RSTs of one side that a later packet is held against: a storm must not cost its square.
constexpr std::size_t kRememberedOfSide = 32;

/// The kernel tells of rests of about ten seconds or more; what ends one is answered within this.
constexpr Nanoseconds kRest = std::chrono::seconds(9);
constexpr Nanoseconds kAnswersRest = std::chrono::seconds(3);

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
        take_unasked_answer(reset, key, sink);
    }
    if (side.incident && !side.incident->is_settled() && reset.verdict() == FST_VERDICT_GENUINE &&
        reset.challenge() == FST_CHALLENGE_NONE) {
        side.incident->sender_reset(reset.judgement());
    }
    note_other_end(key);
    report(reset, sink);
}

/// A rest counts if the RST answers what ended it.
ResetPast ForgedRst::past_of(const Observation& rst) const {
    ResetPast past{.scan = tracking_.scans.of(rst), .idle = {}};
    const IdlePeriods::IdlePeriod* idle = tracking_.idle_periods.unanswered(view_of(rst.event));
    if (idle != nullptr && idle->length >= kRest && rst.time() - idle->woke < kAnswersRest &&
        idle->direction != (rst.event.packet.direction & 1U)) {
        past.idle = idle->length;
    }
    return past;
}

/// Files a RST, or another view of one that is known.
ResetRecord& ForgedRst::remember(const Observation& observation, Side& side, FindingSink& sink) {
    const auto known = records_.find(observation.packet_id);
    const bool is_new = known == records_.end();
    const ResetPast past = past_of(observation);
    ResetRecord& reset =
        is_new ? records_.try_emplace(observation.packet_id, observation, past).first->second
               : known->second;
    const fst_challenge before = is_new ? FST_CHALLENGE_NONE : reset.challenge();
    reset.add_view(observation, past);
    if (const HostMemory::Host* host = tracking_.hosts.sender_of(observation.event.packet)) {
        reset.view(view_of(observation.event))->consider(*host);
    }
    const bool asked = before == FST_CHALLENGE_NONE && reset.challenge() == FST_CHALLENGE_ASKED;
    if (asked) {
        tracking_.challenges.asked++;
        deadlines_.emplace(reset.time() + kAnswerWithin, Deadline{Due::answer, reset.id()});
    }
    if (is_new) {
        deadlines_.emplace(reset.time() + (asked ? kRememberAsked : kRemember),
                           Deadline{Due::forget, reset.id()});
    }
    if (side.resets.empty() || side.resets.back() != reset.id()) {
        side.resets.push_back(reset.id());
    }
    if (side.resets.size() > kRememberedOfSide) {
        side.resets.pop_front();
    }
    if (records_.size() > kMost) {
        forget(records_.begin()->first, sink);
    }
    return reset;
}

/// Holds a new RST against the earlier ones of its side, and against the SYN's other answer.
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

/// `answer` is the RST with which a sender upholds its earlier ones: those that still wait, or the
/// last one that had to wait too long.
void ForgedRst::take_answer(ResetRecord& answer, const SideKey& key, FindingSink& sink) {
    std::vector<ResetRecord*> upheld;
    ResetRecord* late = nullptr;
    for (ResetRecord* asked : records_of(key)) {
        if (asked == &answer) {
            continue;
        }
        if (asked->challenge() == FST_CHALLENGE_REFUTED) {
            // A peer that lived but was deaf: then the answer is this one. Else the proof stands.
            asked->view(key.view)->uphold();
            upheld.push_back(asked);
        } else if (asked->challenge() == FST_CHALLENGE_ASKED) {
            upheld.push_back(asked);
        } else if (asked->challenge() == FST_CHALLENGE_UNANSWERED) {
            late = asked;
        }
    }
    if (upheld.empty() && late != nullptr) {
        upheld.push_back(late);
    }
    for (ResetRecord* asked : upheld) {
        if (put_answer(*asked, FST_CHALLENGE_UPHELD)) {
            answer.set_answers(asked->id());
            report(*asked, sink);
        }
    }
}

/// Where only confirmed RSTs are acted on, a genuine one passes unchallenged. If it comes from the
/// sender's own distance and after it can have heard the question, it is the answer all the same.
void ForgedRst::take_unasked_answer(ResetRecord& answer, const SideKey& key, FindingSink& sink) {
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
    for (ResetRecord* asked : records_of(key)) {
        if (asked->challenge() == FST_CHALLENGE_ASKED && had_time(*asked) &&
            put_answer(*asked, FST_CHALLENGE_UPHELD)) {
            answer.set_answers(asked->id());
            report(*asked, sink);
        }
    }
}

/// Returns whether the answer was taken.
bool ForgedRst::put_answer(ResetRecord& reset, fst_challenge answer) {
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
        bool news = view->see_later_packet(event);
        if (event.judgement.challenge == FST_CHALLENGE_REFUTED && reset->awaits_answer()) {
            news |= view->refute(event.packet);
            put_answer(*reset, FST_CHALLENGE_REFUTED);
        }
        if (news) {
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
    const auto news = reset.news();
    if (news) {
        sink.reset(*news);
        if (news->judgement.verdict == FST_VERDICT_CONFIRMED) {
            tracking_.signatures.note(reset.strongest_view(), news->judgement);
        }
    }
    report_finding(sides_[side_of(reset.views().front())], reset, sink);
}

/// A suspicious RST begins an episode, or belongs to the one that is open.
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
    report_news(*side.incident, sink);
}

void ForgedRst::report_news(ResetIncident& incident, FindingSink& sink) {
    const std::optional<fst_verdict> before = incident.reported_verdict();
    if (const auto news = incident.news()) {
        tracking_.findings.told(before, news->verdict);
        sink.finding(*news);
    }
}

/// A RST of one end: the other end's episode, if there is one, has to know.
void ForgedRst::note_other_end(const SideKey& key) {
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
    std::optional<fst_flow> slot = tracking_.slots.read(key.view.slot);
    if (slot && slot->generation != key.view.generation) {
        slot.reset();
    }
    incident.settle(slot);
    report_news(incident, sink);
    drop_if_empty(key);
}

void ForgedRst::advance(Nanoseconds now, FindingSink& sink) {
    settle_due(now, sink);
}

void ForgedRst::settle_due(Nanoseconds now, FindingSink& sink) {
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
            put_answer(place->second, FST_CHALLENGE_UNANSWERED);
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
        put_answer(reset, FST_CHALLENGE_UNANSWERED);
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
    constexpr Nanoseconds kEver = Nanoseconds::max();
    settle_due(kEver, sink);
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
