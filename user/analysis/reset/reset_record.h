// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "user/analysis/reset/reset_cause.h"
#include "user/analysis/reset/reset_observation.h"

namespace flowstamp::analysis {

/// One RST: all views of it, its challenge, and what was reported of it.
class ResetRecord {
  public:
    ResetRecord(const Observation& observation, const ResetPast& past,
                const std::optional<MadeHere>& made_here = {});

    /// The same packet at another interface, with what is known there. Ignored if that view is
    /// known. If it came in anywhere, this host did not make it.
    void add_view(const Observation& observation, const ResetPast& past,
                  const std::optional<MadeHere>& made_here = {});
    /// The view on that interface; null if there is none.
    [[nodiscard]] ResetObservation* view(const ViewKey& key);
    [[nodiscard]] const std::vector<ResetObservation>& views() const { return views_; }

    /// Sets the answer to its challenge. Returns false if there can be none: it was not challenged,
    /// or it is proven forged.
    bool answer(fst_challenge answer);
    /// This RST is itself the answer to the challenge of `reset_id`.
    void set_answers(std::uint64_t reset_id) { answers_ = reset_id; }

    [[nodiscard]] std::uint64_t id() const { return id_; }
    [[nodiscard]] Nanoseconds time() const { return time_; }
    [[nodiscard]] fst_challenge challenge() const { return challenge_; }
    /// Challenged, and without an answer from its sender, in time or late.
    [[nodiscard]] bool awaits_answer() const {
        return challenge_ == FST_CHALLENGE_ASKED || challenge_ == FST_CHALLENGE_UNANSWERED;
    }
    /// That of the strongest view, with the strongest action of any view and the answer.
    [[nodiscard]] fst_judgement judgement() const { return judgement_by(strongest_view()); }
    [[nodiscard]] fst_verdict verdict() const {
        return static_cast<fst_verdict>(judgement().verdict);
    }
    [[nodiscard]] const ResetObservation& strongest_view() const;

    /// The reset as it is to be reported now; nullopt if nothing has changed since the last call.
    [[nodiscard]] std::optional<Reset> take_update();

  private:
    struct Reported {
        fst_verdict verdict;
        fst_cause cause;
        fst_challenge challenge;
        friend bool operator==(const Reported&, const Reported&) = default;
    };
    [[nodiscard]] bool has_come_in() const;
    [[nodiscard]] fst_judgement judgement_by(const ResetObservation& strongest) const;

    std::uint64_t id_;
    Nanoseconds time_;
    std::vector<ResetObservation> views_;
    ResetPast past_;
    fst_challenge challenge_ = FST_CHALLENGE_NONE;
    bool proven_before_answer_ = false;
    std::optional<std::uint64_t> answers_;
    std::optional<Reported> reported_;
};

}  // namespace flowstamp::analysis
