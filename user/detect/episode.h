// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>

#include "user/detect/finding.h"
#include "user/detect/reset_case.h"
#include "user/detect/summary.h"

namespace flowstamp {

/// The doubted RSTs that came in one sender's name on one flow, shortly after one another: what one
/// finding tells.
class Episode {
  public:
    /// How long the flow is watched after the last of them, before the finding says what became of
    /// it; and how long after the first at the most.
    static constexpr Nanoseconds kSettle = std::chrono::seconds(3);
    static constexpr Nanoseconds kLongest = std::chrono::seconds(30);

    Episode(std::uint64_t id, const ResetCase& first)
        : id_(id), begun_(first.time()), last_(first.time()), lead_(first) {
        add(first);
    }

    /// A doubted RST of this sender: a new one, or what is now known of an old one.
    void add(const ResetCase& reset);
    /// A RST of this sender that is thought genuine came since.
    void sender_reset(const fs_judgement& judgement);
    /// A RST of the other end came since.
    void receiver_reset() { receiver_reset_ = true; }

    /// When settle() is due.
    [[nodiscard]] Nanoseconds settles_at() const;
    /// Works out what became of the flow, from its slot as it stands now (nothing: it is gone).
    void settle(const std::optional<fs_flow>& slot_now);
    /// It has an outcome, or none is to be expected any more: the next RST begins another episode.
    [[nodiscard]] bool is_settled() const { return settled_; }

    /// What to tell now; nothing if all has been told.
    [[nodiscard]] std::optional<Finding> news();

    [[nodiscard]] std::uint64_t id() const { return id_; }
    [[nodiscard]] bool holds(std::uint64_t reset_id) const { return resets_.contains(reset_id); }
    [[nodiscard]] std::optional<fs_verdict> told_verdict() const { return told_verdict_; }

  private:
    [[nodiscard]] const RstView& lead_view() const { return lead_.strongest_view(); }
    [[nodiscard]] bool is_withdrawn() const;
    [[nodiscard]] std::optional<Outcome> outcome_when_acted(const fs_flow& now) const;
    [[nodiscard]] std::optional<Outcome> outcome_when_observed(const fs_flow& now) const;

    std::uint64_t id_;
    Nanoseconds begun_;
    Nanoseconds last_;
    ResetCase lead_;  ///< the strongest; a copy, as the detector may forget its own earlier
    std::map<std::uint64_t, fs_verdict> resets_;  ///< by the reset's id
    fs_verdict verdict_ = FS_VERDICT_SUSPECTED;
    fs_action action_ = FS_ACTION_OBSERVED;
    bool life_ = false;
    bool sender_reset_ = false;
    bool receiver_reset_ = false;
    bool settled_ = false;
    std::optional<Outcome> outcome_;
    std::optional<fs_verdict> told_verdict_;
    bool told_outcome_ = false;
};

}  // namespace flowstamp
