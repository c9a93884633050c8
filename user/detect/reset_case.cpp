// SPDX-License-Identifier: Apache-2.0
#include "user/detect/reset_case.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "user/detect/benign_evidence.h"

namespace flowstamp {

ResetCase::ResetCase(const Observation& observation, const ResetPast& past)
    : id_(observation.packet_id), time_(observation.time()) {
    add_view(observation, past);
}

void ResetCase::add_view(const Observation& observation, const ResetPast& past) {
    if (view(view_of(observation.event)) != nullptr) {
        return;
    }
    views_.emplace_back(observation);
    past_.scan = past_.scan ? past_.scan : past.scan;
    past_.rest = past_.rest ? past_.rest : past.rest;
    const fs_judgement& judgement = observation.event.judgement;
    if (judgement.challenge == FS_CHALLENGE_ASKED && challenge_ == FS_CHALLENGE_NONE) {
        challenge_ = FS_CHALLENGE_ASKED;
    }
}

RstView* ResetCase::view(const ViewKey& key) {
    const auto place =
        std::ranges::find_if(views_, [&](const RstView& view) { return view.key() == key; });
    return place == views_.end() ? nullptr : &*place;
}

bool ResetCase::answer(fs_challenge answer) {
    const bool proven = challenge_ == FS_CHALLENGE_REFUTED && verdict() == FS_VERDICT_CONFIRMED;
    if (challenge_ == FS_CHALLENGE_NONE || proven) {
        return false;
    }
    challenge_ = answer;
    return true;
}

const RstView& ResetCase::strongest_view() const {
    return *std::ranges::max_element(views_, {},
                                     [](const RstView& view) { return view.judgement().verdict; });
}

fs_judgement ResetCase::judgement() const {
    fs_judgement now = strongest_view().judgement();
    for (const RstView& view : views_) {
        now.action = std::max(now.action, view.arrival().action);
    }
    now.challenge = static_cast<__u8>(challenge_);
    const bool proven = now.signals & FS_SIGNALS_CONCLUSIVE;
    if (challenge_ == FS_CHALLENGE_UPHELD && !proven && now.verdict == FS_VERDICT_SUSPECTED) {
        now.verdict = FS_VERDICT_GENUINE;
    }
    if (now.verdict == FS_VERDICT_GENUINE) {
        now.cause = static_cast<__u8>(genuine_cause(now, strongest_view().slot(), past_));
    }
    return now;
}

std::optional<Reset> ResetCase::news() {
    const fs_judgement now = judgement();
    const Told state{static_cast<fs_verdict>(now.verdict), static_cast<fs_cause>(now.cause),
                     challenge_};
    if (told_ == state) {
        return std::nullopt;
    }
    const RstView& view = strongest_view();
    std::vector<Evidence> evidence = view.evidence();
    if (now.verdict == FS_VERDICT_GENUINE) {
        std::ranges::move(benign_evidence(view.packet(), now, view.slot(), past_),
                          std::back_inserter(evidence));
    }
    Reset reset{.id = id_,
                .again = told_.has_value(),
                .sighting = view.sighting(),
                .judgement = now,
                .evidence = std::move(evidence),
                .answers = answers_};
    told_ = state;
    return reset;
}

}  // namespace flowstamp
