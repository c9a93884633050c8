// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>

#include "user/analysis/finding.h"
#include "user/analysis/reset/reset_record.h"
#include "user/analysis/reset/summary.h"

namespace flowstamp::analysis {

/// The suspicious RSTs that came in one sender's name on one flow, shortly after one another: the
/// subject of one finding.
class ResetIncident {
  public:
    /// How long the flow is watched after the last of them before the finding reports the outcome;
    /// and how long after the first at the most.
    static constexpr Nanoseconds kSettle = std::chrono::seconds(3);
    static constexpr Nanoseconds kLongest = std::chrono::seconds(30);

    ResetIncident(std::uint64_t id, const ResetRecord& first)
        : id_(id), begun_(first.time()), last_(first.time()), lead_(first) {
        add(first);
    }

    /// Adds a suspicious RST of this sender, or updates one that it holds.
    void add(const ResetRecord& reset);
    /// A RST of this sender that is judged genuine came since.
    void sender_reset(const fst_judgement& judgement);
    /// A RST of the other end came since.
    void receiver_reset() { receiver_reset_ = true; }

    /// When settle() is due.
    [[nodiscard]] Nanoseconds settles_at() const;
    /// Determines the outcome, from the flow's slot as it is now (nullopt: the flow is gone).
    void settle(const std::optional<fst_flow>& slot_now);
    /// It has an outcome, or none is expected any more: the next RST begins another incident.
    [[nodiscard]] bool is_settled() const { return settled_; }

    /// The finding as it is to be reported now; nullopt if nothing has changed since the last call.
    [[nodiscard]] std::optional<Finding> take_update();

    [[nodiscard]] bool holds(std::uint64_t reset_id) const { return resets_.contains(reset_id); }
    [[nodiscard]] std::optional<fst_verdict> reported_verdict() const { return reported_verdict_; }

  private:
    [[nodiscard]] const ResetObservation& lead_view() const { return lead_.strongest_view(); }
    [[nodiscard]] bool is_withdrawn() const;
    [[nodiscard]] std::optional<Outcome> outcome_when_acted(const fst_flow& now) const;
    [[nodiscard]] std::optional<Outcome> outcome_when_observed(const fst_flow& now) const;

    std::uint64_t id_;
    Nanoseconds begun_;
    Nanoseconds last_;
    ResetRecord lead_;  ///< the strongest; a copy, as the detector may forget its own earlier
    std::map<std::uint64_t, fst_verdict> resets_;  ///< by the reset's id
    fst_verdict verdict_ = FST_VERDICT_SUSPECTED;
    fst_action action_ = FST_ACTION_OBSERVED;
    bool was_passed_ = false;  ///< one that the receiver accepts
    bool is_live_ = false;
    bool sender_reset_ = false;
    bool receiver_reset_ = false;
    bool settled_ = false;
    std::optional<Outcome> outcome_;
    std::optional<fst_verdict> reported_verdict_;
    bool reported_outcome_ = false;
};

}  // namespace flowstamp::analysis
