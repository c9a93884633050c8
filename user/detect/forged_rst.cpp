// SPDX-License-Identifier: Apache-2.0
#include "user/detect/forged_rst.h"

#include <algorithm>

namespace flowstamp {

namespace {

/// RSTs of one side that a later packet is held against: a storm must not cost its square.
constexpr std::size_t kRememberedOfSide = 32;

/// Shorter round trips vary by more than half of themselves: no answer is then too soon.
constexpr Nanoseconds kTellingRtt = std::chrono::milliseconds(1);

/// The kernel tells of rests of about ten seconds or more; what ends one is answered within this.
constexpr Nanoseconds kRest = std::chrono::seconds(9);
constexpr Nanoseconds kAnswersRest = std::chrono::seconds(3);

}  // namespace

void ForgedRst::observe(const Observation& observation, FindingSink& sink) {
    switch (observation.kind()) {
        case FS_EVENT_RST:
            on_rst(observation, sink);
            break;
        case FS_EVENT_AFTER_RST:
            on_later_packet(observation, sink);
            break;
        case FS_EVENT_SYN:
            on_syn(observation);
            break;
        case FS_EVENT_SYN_ACK:
            on_syn_ack(observation, sink);
            break;
        default:
            break;
    }
}

void ForgedRst::on_rst(const Observation& observation, FindingSink& sink) {
    const SideKey key{view_of(observation.event), observation.event.packet.direction & 1U};
    Side& side = sides_[key];
    ResetCase& reset = remember(observation, side, sink);
    compare(reset, key, sink);
    if (observation.event.judgement.challenge == FS_CHALLENGE_UPHELD) {
        take_answer(reset, key, sink);
    } else {
        take_unasked_answer(reset, key, sink);
    }
    if (side.episode && !side.episode->is_settled() && reset.verdict() == FS_VERDICT_GENUINE &&
        reset.challenge() == FS_CHALLENGE_NONE) {
        side.episode->sender_reset(reset.judgement());
    }
    note_other_end(key);
    tell(reset, sink);
}

/// A rest counts if the RST answers what ended it.
ResetPast ForgedRst::past_of(const Observation& rst) const {
    ResetPast past{.scan = parts_.scans.of(rst), .rest = {}};
    const Rests::Rest* rest = parts_.rests.unanswered(view_of(rst.event));
    if (rest != nullptr && rest->length >= kRest && rst.time() - rest->woke < kAnswersRest &&
        rest->direction != (rst.event.packet.direction & 1U)) {
        past.rest = rest->length;
    }
    return past;
}

/// Files a RST, or another view of one that is known.
ResetCase& ForgedRst::remember(const Observation& observation, Side& side, FindingSink& sink) {
    const auto known = cases_.find(observation.packet_id);
    const bool is_new = known == cases_.end();
    const ResetPast past = past_of(observation);
    ResetCase& reset =
        is_new ? cases_.try_emplace(observation.packet_id, observation, past).first->second
               : known->second;
    const fs_challenge before = is_new ? FS_CHALLENGE_NONE : reset.challenge();
    reset.add_view(observation, past);
    if (const HostMemory::Host* host = parts_.hosts.sender_of(observation.event.packet)) {
        reset.view(view_of(observation.event))->consider(*host);
    }
    const bool asked = before == FS_CHALLENGE_NONE && reset.challenge() == FS_CHALLENGE_ASKED;
    if (asked) {
        challenges_.asked++;
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
    if (cases_.size() > kMost) {
        forget(cases_.begin()->first, sink);
    }
    return reset;
}

/// Holds a new RST against the earlier ones of its side, and against the SYN's other answer.
void ForgedRst::compare(ResetCase& reset, const SideKey& key, FindingSink& sink) {
    RstView& view = *reset.view(key.view);
    for (ResetCase* earlier : cases_of(key)) {
        RstView* earlier_view = earlier->view(key.view);
        if (earlier != &reset && earlier_view != nullptr &&
            earlier_view->compare_with_later(view)) {
            tell(*earlier, sink);
        }
    }
    if (const auto syn_ack = parts_.handshakes.other_answer(view)) {
        view.add_syn_ack(*syn_ack);
    }
}

/// `answer` is the RST with which a sender upholds its earlier ones: those that still wait, or the
/// last one that had to wait too long.
void ForgedRst::take_answer(ResetCase& answer, const SideKey& key, FindingSink& sink) {
    std::vector<ResetCase*> upheld;
    ResetCase* late = nullptr;
    for (ResetCase* asked : cases_of(key)) {
        if (asked == &answer) {
            continue;
        }
        if (asked->challenge() == FS_CHALLENGE_REFUTED) {
            // A peer that lived but was deaf: then the answer is this one. Else the proof stands.
            asked->view(key.view)->uphold();
            upheld.push_back(asked);
        } else if (asked->challenge() == FS_CHALLENGE_ASKED) {
            upheld.push_back(asked);
        } else if (asked->challenge() == FS_CHALLENGE_UNANSWERED) {
            late = asked;
        }
    }
    if (upheld.empty() && late != nullptr) {
        upheld.push_back(late);
    }
    for (ResetCase* asked : upheld) {
        if (put_answer(*asked, FS_CHALLENGE_UPHELD)) {
            answer.set_answers(asked->id());
            tell(*asked, sink);
        }
    }
}

/// Where only convicted RSTs are acted on, a genuine one passes unquestioned. If it comes from the
/// sender's own distance and after it can have heard the question, it is the answer all the same.
void ForgedRst::take_unasked_answer(ResetCase& answer, const SideKey& key, FindingSink& sink) {
    const RstView& view = *answer.view(key.view);
    if (answer.verdict() != FS_VERDICT_GENUINE || answer.challenge() != FS_CHALLENGE_NONE ||
        view.arrival().pass_reason != FS_PASS_NOT_DOUBTED || !view.is_from_own_distance() ||
        !(view.arrival().context & FS_CONTEXT_EXACT)) {
        return;
    }
    const Nanoseconds rtt =
        std::chrono::microseconds(view.slot().direction[key.direction].min_rtt_us);
    const Nanoseconds soonest = rtt < kTellingRtt ? Nanoseconds::zero() : rtt / 2;
    for (ResetCase* asked : cases_of(key)) {
        if (asked->challenge() == FS_CHALLENGE_ASKED && answer.time() - asked->time() >= soonest &&
            put_answer(*asked, FS_CHALLENGE_UPHELD)) {
            answer.set_answers(asked->id());
            tell(*asked, sink);
        }
    }
}

/// Returns whether the answer was taken.
bool ForgedRst::put_answer(ResetCase& reset, fs_challenge answer) {
    const fs_challenge before = reset.challenge();
    if (!reset.answer(answer)) {
        return false;
    }
    challenges_.unanswered -= before == FS_CHALLENGE_UNANSWERED;
    challenges_.refuted -= before == FS_CHALLENGE_REFUTED;
    switch (answer) {
        case FS_CHALLENGE_UPHELD:
            challenges_.upheld++;
            break;
        case FS_CHALLENGE_REFUTED:
            challenges_.refuted++;
            break;
        default:
            challenges_.unanswered++;
    }
    return true;
}

void ForgedRst::on_later_packet(const Observation& observation, FindingSink& sink) {
    const fs_event& event = observation.event;
    const SideKey key{view_of(event), event.packet.direction & 1U};
    for (ResetCase* reset : cases_of(key)) {
        RstView* view = reset->view(key.view);
        bool news = view->see_later_packet(event);
        if (event.judgement.challenge == FS_CHALLENGE_REFUTED && reset->awaits_answer()) {
            news |= view->refute(event.packet);
            put_answer(*reset, FS_CHALLENGE_REFUTED);
        }
        if (news) {
            tell(*reset, sink);
        }
    }
}

void ForgedRst::on_syn(const Observation& observation) {
    for (const unsigned direction : {0U, 1U}) {
        const SideKey key{view_of(observation.event), direction};
        for (ResetCase* reset : cases_of(key)) {
            reset->view(key.view)->end_observation();
        }
    }
}

void ForgedRst::on_syn_ack(const Observation& observation, FindingSink& sink) {
    const SideKey key{view_of(observation.event), observation.event.packet.direction & 1U};
    for (ResetCase* reset : cases_of(key)) {
        RstView& view = *reset->view(key.view);
        const auto syn_ack = parts_.handshakes.other_answer(view);
        if (syn_ack && view.add_syn_ack(*syn_ack)) {
            tell(*reset, sink);
        }
    }
}

void ForgedRst::tell(ResetCase& reset, FindingSink& sink) {
    const auto news = reset.news();
    if (news) {
        sink.reset(*news);
        if (news->judgement.verdict == FS_VERDICT_CONFIRMED) {
            signatures_.note(reset.strongest_view(), news->judgement);
        }
    }
    tell_finding(sides_[side_of(reset.views().front())], reset, sink);
}

/// A doubted RST begins an episode, or belongs to the one that is open.
void ForgedRst::tell_finding(Side& side, ResetCase& reset, FindingSink& sink) {
    const bool doubted = reset.verdict() != FS_VERDICT_GENUINE;
    const bool open =
        side.episode && (side.episode->holds(reset.id()) || !side.episode->is_settled());
    if (!open) {
        if (!doubted) {
            return;
        }
        side.episode.emplace(parts_.findings.open(), reset);
        settlements_.emplace(side.episode->settles_at(), side_of(reset.views().front()));
    } else if (doubted || side.episode->holds(reset.id())) {
        side.episode->add(reset);
    }
    tell_news(*side.episode, sink);
}

void ForgedRst::tell_news(Episode& episode, FindingSink& sink) {
    const std::optional<fs_verdict> before = episode.told_verdict();
    if (const auto news = episode.news()) {
        parts_.findings.told(before, news->verdict);
        sink.finding(*news);
    }
}

/// A RST of one end: the other end's episode, if there is one, has to know.
void ForgedRst::note_other_end(const SideKey& key) {
    const auto other = sides_.find(SideKey{key.view, key.direction ^ 1U});
    if (other != sides_.end() && other->second.episode) {
        other->second.episode->receiver_reset();
    }
}

void ForgedRst::settle(const SideKey& key, Nanoseconds now, FindingSink& sink) {
    const auto side = sides_.find(key);
    if (side == sides_.end() || !side->second.episode || side->second.episode->is_settled()) {
        return;
    }
    Episode& episode = *side->second.episode;
    if (episode.settles_at() > now) {
        settlements_.emplace(episode.settles_at(), key);
        return;
    }
    std::optional<fs_flow> slot = parts_.slots.read(key.view.slot);
    if (slot && slot->generation != key.view.generation) {
        slot.reset();
    }
    episode.settle(slot);
    tell_news(episode, sink);
    drop_if_empty(key);
}

void ForgedRst::advance(Nanoseconds now, FindingSink& sink) {
    signatures_.advance(now);
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
        } else if (const auto place = cases_.find(deadline.reset);
                   place != cases_.end() && place->second.challenge() == FS_CHALLENGE_ASKED) {
            put_answer(place->second, FS_CHALLENGE_UNANSWERED);
            tell(place->second, sink);
        }
    }
}

void ForgedRst::forget(std::uint64_t id, FindingSink& sink) {
    const auto place = cases_.find(id);
    if (place == cases_.end()) {
        return;
    }
    ResetCase& reset = place->second;
    if (reset.challenge() == FS_CHALLENGE_ASKED) {
        put_answer(reset, FS_CHALLENGE_UNANSWERED);
        tell(reset, sink);
    }
    for (const RstView& view : reset.views()) {
        const SideKey key = side_of(view);
        std::erase(sides_[key].resets, id);
        drop_if_empty(key);
    }
    cases_.erase(place);
}

void ForgedRst::drop_if_empty(const SideKey& key) {
    const auto side = sides_.find(key);
    const bool empty = side != sides_.end() && side->second.resets.empty() &&
                       (!side->second.episode || side->second.episode->is_settled());
    if (empty) {
        sides_.erase(side);
    }
}

void ForgedRst::finish(FindingSink& sink) {
    constexpr Nanoseconds kEver = Nanoseconds::max();
    settle_due(kEver, sink);
}

std::vector<ResetCase*> ForgedRst::cases_of(const SideKey& key) {
    std::vector<ResetCase*> found;
    const auto side = sides_.find(key);
    if (side == sides_.end()) {
        return found;
    }
    for (const std::uint64_t id : side->second.resets) {
        if (const auto place = cases_.find(id); place != cases_.end()) {
            found.push_back(&place->second);
        }
    }
    return found;
}

}  // namespace flowstamp
