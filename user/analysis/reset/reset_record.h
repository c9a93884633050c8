// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "user/analysis/reset/reset_cause.h"
#include "user/analysis/reset/reset_observation.h"

namespace flowstamp::analysis {

/// One RST: every view of it, the question it was asked, and what has been told of it.
class ResetRecord {
  public:
    ResetRecord(const Observation& observation, const ResetPast& past);

    /// The same packet at another place, with what was known there. Ignored if that view is known.
    void add_view(const Observation& observation, const ResetPast& past);
    /// The view on that interface; null if there is none.
    [[nodiscard]] ResetObservation* view(const ViewKey& key);
    [[nodiscard]] const std::vector<ResetObservation>& views() const { return views_; }
    [[nodiscard]] std::vector<ResetObservation>& views() { return views_; }

    /// Puts the answer to its challenge. Returns false if it has none to give: it was not asked, or
    /// was proven forged.
    bool answer(fst_challenge answer);
    /// This RST is itself the answer to the question put to `reset_id`.
    void set_answers(std::uint64_t reset_id) { answers_ = reset_id; }

    [[nodiscard]] std::uint64_t id() const { return id_; }
    [[nodiscard]] Nanoseconds time() const { return time_; }
    [[nodiscard]] fst_challenge challenge() const { return challenge_; }
    /// Asked, and without an answer from its sender, in time or late.
    [[nodiscard]] bool awaits_answer() const {
        return challenge_ == FST_CHALLENGE_ASKED || challenge_ == FST_CHALLENGE_UNANSWERED;
    }
    /// Of the view that says most, with what was done and answered anywhere.
    [[nodiscard]] fst_judgement judgement() const;
    [[nodiscard]] fst_verdict verdict() const {
        return static_cast<fst_verdict>(judgement().verdict);
    }
    [[nodiscard]] const ResetObservation& strongest_view() const;

    /// What to tell now; nothing if all has been told.
    [[nodiscard]] std::optional<Reset> news();

  private:
    struct Told {
        fst_verdict verdict;
        fst_cause cause;
        fst_challenge challenge;
        friend bool operator==(const Told&, const Told&) = default;
    };

    std::uint64_t id_;
    Nanoseconds time_;
    std::vector<ResetObservation> views_;
    ResetPast past_;
    fst_challenge challenge_ = FST_CHALLENGE_NONE;
    std::optional<std::uint64_t> answers_;
    std::optional<Told> reported_;
};

}  // namespace flowstamp::analysis
