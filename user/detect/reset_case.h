// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "user/detect/reset_cause.h"
#include "user/detect/rst_view.h"

namespace flowstamp {

/// One RST: every view of it, the question it was asked, and what has been told of it.
class ResetCase {
  public:
    ResetCase(const Observation& observation, const ResetPast& past);

    /// The same packet at another place, with what was known there. Ignored if that view is known.
    void add_view(const Observation& observation, const ResetPast& past);
    /// The view on that interface; null if there is none.
    [[nodiscard]] RstView* view(const ViewKey& key);
    [[nodiscard]] const std::vector<RstView>& views() const { return views_; }
    [[nodiscard]] std::vector<RstView>& views() { return views_; }

    /// Puts the answer to its challenge. Returns false if it has none to give: it was not asked, or
    /// was proven forged.
    bool answer(fs_challenge answer);
    /// This RST is itself the answer to the question put to `reset_id`.
    void set_answers(std::uint64_t reset_id) { answers_ = reset_id; }

    [[nodiscard]] std::uint64_t id() const { return id_; }
    [[nodiscard]] Nanoseconds time() const { return time_; }
    [[nodiscard]] fs_challenge challenge() const { return challenge_; }
    /// Asked, and without an answer from its sender, in time or late.
    [[nodiscard]] bool awaits_answer() const {
        return challenge_ == FS_CHALLENGE_ASKED || challenge_ == FS_CHALLENGE_UNANSWERED;
    }
    /// Of the view that says most, with what was done and answered anywhere.
    [[nodiscard]] fs_judgement judgement() const;
    [[nodiscard]] fs_verdict verdict() const {
        return static_cast<fs_verdict>(judgement().verdict);
    }
    [[nodiscard]] const RstView& strongest_view() const;

    /// What to tell now; nothing if all has been told.
    [[nodiscard]] std::optional<Reset> news();

  private:
    struct Told {
        fs_verdict verdict;
        fs_cause cause;
        fs_challenge challenge;
        friend bool operator==(const Told&, const Told&) = default;
    };

    std::uint64_t id_;
    Nanoseconds time_;
    std::vector<RstView> views_;
    ResetPast past_;
    fs_challenge challenge_ = FS_CHALLENGE_NONE;
    std::optional<std::uint64_t> answers_;
    std::optional<Told> told_;
};

}  // namespace flowstamp
