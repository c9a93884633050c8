// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/reset/reset_record.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "user/analysis/reset/benign_evidence.h"

namespace flowstamp::analysis {
namespace {

/// Whether it is confirmed only as a second guess at the place in the stream.
bool hangs_on_sequence_change(const fst_judgement& judgement) {
    return fst_conclude(judgement.signals & ~FST_SIGNAL_BIT(FST_SIGNAL_SEQ_CHANGE),
                        judgement.context) != FST_VERDICT_CONFIRMED;
}

}  // namespace

ResetRecord::ResetRecord(const Observation& observation, const ResetPast& past,
                         const std::optional<MadeHere>& made_here)
    : id_(observation.packet_id), time_(observation.time()) {
    add_view(observation, past, made_here);
}

void ResetRecord::add_view(const Observation& observation, const ResetPast& past,
                           const std::optional<MadeHere>& made_here) {
    if (view(view_of(observation.event)) != nullptr) {
        return;
    }
    views_.emplace_back(observation).set_made_here(made_here);
    if (has_come_in()) {
        std::ranges::for_each(views_,
                              [](ResetObservation& view) { view.set_made_here(std::nullopt); });
    }
    past_.scan = past_.scan ? past_.scan : past.scan;
    past_.idle = past_.idle ? past_.idle : past.idle;
    const fst_judgement& judgement = observation.event.judgement;
    if (judgement.challenge == FST_CHALLENGE_ASKED && challenge_ == FST_CHALLENGE_NONE) {
        challenge_ = FST_CHALLENGE_ASKED;
    }
}

bool ResetRecord::has_come_in() const {
    return std::ranges::any_of(views_, [](const ResetObservation& view) {
        return view.packet().hook != FST_HOOK_TC_EGRESS;
    });
}

ResetObservation* ResetRecord::view(const ViewKey& key) {
    const auto place = std::ranges::find_if(
        views_, [&](const ResetObservation& view) { return view.key() == key; });
    return place == views_.end() ? nullptr : &*place;
}

bool ResetRecord::answer(fst_challenge answer) {
    const bool proven = challenge_ == FST_CHALLENGE_REFUTED && verdict() == FST_VERDICT_CONFIRMED;
    if (challenge_ == FST_CHALLENGE_NONE || proven) {
        return false;
    }
    proven_before_answer_ = verdict() == FST_VERDICT_CONFIRMED;
    challenge_ = answer;
    return true;
}

const ResetObservation& ResetRecord::strongest_view() const {
    return *std::ranges::max_element(
        views_, {}, [](const ResetObservation& view) { return view.judgement().verdict; });
}

fst_judgement ResetRecord::judgement_by(const ResetObservation& strongest) const {
    fst_judgement now = strongest.judgement();
    for (const ResetObservation& view : views_) {
        now.action = std::max(now.action, view.arrival().action);
    }
    now.challenge = static_cast<__u8>(challenge_);
    const bool proven = now.signals & FST_SIGNALS_CONCLUSIVE;
    if (challenge_ == FST_CHALLENGE_UPHELD && !proven && now.verdict == FST_VERDICT_SUSPECTED) {
        now.verdict = FST_VERDICT_GENUINE;
    }
    // Who has answered as a stack does, and is live after that, are two: which of them is the peer is
    // not known. Of two resets that name different places, the second may be the peer's own, behind data that
    // was lost.
    if (challenge_ == FST_CHALLENGE_UPHELD && now.verdict == FST_VERDICT_CONFIRMED &&
        (!proven_before_answer_ || hangs_on_sequence_change(now))) {
        now.verdict = FST_VERDICT_SUSPECTED;
    }
    if (now.verdict == FST_VERDICT_GENUINE) {
        now.cause = static_cast<__u8>(genuine_cause(now, strongest.slot(), past_));
    }
    return now;
}

std::optional<Reset> ResetRecord::take_update() {
    const ResetObservation& view = strongest_view();
    const fst_judgement now = judgement_by(view);
    const Reported state{static_cast<fst_verdict>(now.verdict), static_cast<fst_cause>(now.cause),
                         challenge_};
    if (reported_ == state) {
        return std::nullopt;
    }
    std::vector<Evidence> evidence = view.evidence();
    if (now.verdict == FST_VERDICT_GENUINE) {
        std::ranges::move(benign_evidence(view.packet(), now, view.slot(), past_),
                          std::back_inserter(evidence));
    }
    Reset reset{.id = id_,
                .again = reported_.has_value(),
                .sighting = view.sighting(),
                .judgement = now,
                .evidence = std::move(evidence),
                .answers = answers_};
    reported_ = state;
    return reset;
}

}  // namespace flowstamp::analysis
