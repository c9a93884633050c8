// SPDX-License-Identifier: Apache-2.0
#include "user/detect/reset_case.h"

#include <algorithm>

namespace flowstamp {

namespace {

/// Why its sender reset, once it has said again that it meant it.
fs_cause genuine_cause(const fs_judgement& judgement) {
    if (judgement.context & FS_CONTEXT_TO_SYN) {
        return FS_CAUSE_CLOSED_PORT;
    }
    if (judgement.signals & FS_SIGNAL_BIT(FS_SIGNAL_NEARER)) {
        return FS_CAUSE_EDGE;
    }
    return judgement.context & FS_CONTEXT_STATELESS ? FS_CAUSE_STATELESS : FS_CAUSE_ABORT;
}

}  // namespace

ResetCase::ResetCase(const Observation& observation)
    : id_(observation.packet_id), time_(observation.time()) {
    add_view(observation);
}

void ResetCase::add_view(const Observation& observation) {
    if (view(view_of(observation.event)) != nullptr) {
        return;
    }
    views_.emplace_back(observation);
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
        now.cause = static_cast<__u8>(genuine_cause(now));
    }
    return now;
}

std::optional<Reset> ResetCase::news() {
    const fs_judgement now = judgement();
    const Told state{static_cast<fs_verdict>(now.verdict), challenge_};
    if (told_ && told_->verdict == state.verdict && told_->challenge == state.challenge) {
        return std::nullopt;
    }
    Reset reset{.id = id_,
                .again = told_.has_value(),
                .sighting = strongest_view().sighting(),
                .judgement = now,
                .evidence = strongest_view().evidence(),
                .answers = answers_};
    told_ = state;
    return reset;
}

}  // namespace flowstamp
