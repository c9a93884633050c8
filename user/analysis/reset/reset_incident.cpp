// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/reset/reset_incident.h"

#include <algorithm>

#include "flowstamp/acceptance_rules.h"

namespace flowstamp::analysis {

namespace {

/// Packets in flight when the RST came have arrived by then.
constexpr Nanoseconds kInFlight = std::chrono::seconds(1);
constexpr std::uint64_t kLiveness =
    FST_SIGNAL_BIT(FST_SIGNAL_LIVENESS_ACK) | FST_SIGNAL_BIT(FST_SIGNAL_LIVENESS_CLOCK) |
    FST_SIGNAL_BIT(FST_SIGNAL_LIVENESS_ID) | FST_SIGNAL_BIT(FST_SIGNAL_BEYOND_WINDOW) |
    FST_SIGNAL_BIT(FST_SIGNAL_REFUTED);

Nanoseconds last_of(const fst_direction& direction) {
    return Nanoseconds(static_cast<std::int64_t>(direction.last_ns));
}

/// Whether `sender` has sent data that the other end has not acknowledged.
bool waits_for_ack(const fst_direction& sender, const fst_direction& other) {
    return (sender.flags & FST_DIRECTION_DATA) &&
           fst_sequence_after(sender.seq_edge, other.ack_edge) > 0;
}

}  // namespace

void ResetIncident::add(const ResetRecord& reset) {
    const fst_judgement judgement = reset.judgement();
    const auto verdict = static_cast<fst_verdict>(judgement.verdict);
    resets_[reset.id()] = verdict;
    last_ = std::max(last_, reset.time());
    verdict_ = std::max(verdict_, verdict);
    action_ = std::max(action_, static_cast<fst_action>(judgement.action));
    is_live_ = is_live_ || (judgement.signals & kLiveness);
    was_passed_ = was_passed_ || (judgement.action == FST_ACTION_OBSERVED &&
                                  (judgement.context & FST_CONTEXT_EXACT));
    if (reset.id() == lead_.id() || verdict > lead_.verdict()) {
        lead_ = reset;
    }
    if (is_withdrawn()) {
        outcome_ = Outcome{.resolution = Resolution::withdrawn};
        settled_ = true;
    }
}

void ResetIncident::sender_reset(const fst_judgement& judgement) {
    if (!(judgement.context & (FST_CONTEXT_FIN | FST_CONTEXT_AFTER_OWN_RST))) {
        sender_reset_ = true;
    }
}

Nanoseconds ResetIncident::settles_at() const {
    return std::min(last_ + kSettle, begun_ + kLongest);
}

bool ResetIncident::is_withdrawn() const {
    return std::ranges::all_of(
        resets_, [](const auto& reset) { return reset.second == FST_VERDICT_GENUINE; });
}

/// The RST was challenged or dropped, so that the receiver did not accept it: does the flow go on?
std::optional<Outcome> ResetIncident::outcome_when_acted(const fst_flow& now) const {
    const unsigned sender = lead_view().direction();
    const fst_direction& own = now.direction[sender];
    const fst_direction& before = lead_view().slot().direction[sender];
    if (sender_reset_) {
        return Outcome{.resolution = Resolution::both_ends, .far_end_reset = true};
    }
    if ((now.state & FST_OF(FST_FLOW_FIN, sender)) || last_of(own) > last_ + kInFlight) {
        return Outcome{.resolution = Resolution::went_on};
    }
    const bool was_sending =
        (before.flags & FST_DIRECTION_DATA) && last_of(before) + kInFlight > begun_;
    if (waits_for_ack(now.direction[sender ^ 1U], own) || (was_sending && !is_live_)) {
        return Outcome{.resolution = Resolution::both_ends};
    }
    return is_live_ ? std::optional(Outcome{.resolution = Resolution::went_on}) : std::nullopt;
}

/// The RST was only observed: did the receiver accept it?
std::optional<Outcome> ResetIncident::outcome_when_observed(const fst_flow& now) const {
    const fst_direction& receiver = now.direction[lead_view().direction() ^ 1U];
    const fst_direction& before = lead_view().slot().direction[lead_view().direction() ^ 1U];
    // It went on with new data, later than what was on its way when the RST came.
    const Nanoseconds in_flight =
        receiver.min_rtt_us == 0 ? kInFlight : 2 * std::chrono::microseconds(receiver.min_rtt_us);
    const bool sent_more = (before.flags & FST_DIRECTION_SEEN) &&
                           fst_sequence_after(receiver.seq_edge, before.seq_edge) > 0 &&
                           last_of(receiver) > last_ + in_flight;
    const bool closed =
        (now.state & FST_OF(FST_FLOW_FIN, lead_view().direction() ^ 1U)) &&
        !(lead_view().slot().state & FST_OF(FST_FLOW_FIN, lead_view().direction() ^ 1U));
    const bool opened =
        (now.state & FST_FLOW_ESTABLISHED) && !(lead_view().slot().state & FST_FLOW_ESTABLISHED);
    // An end that answers with resets has accepted this one, unless it opened the flow after all.
    if (receiver_reset_ && !sent_more && !opened) {
        return Outcome{.resolution = Resolution::ended};
    }
    if (sent_more || closed || opened || last_of(receiver) > last_ + kInFlight) {
        return Outcome{.resolution = Resolution::went_on};
    }
    const bool accepted = lead_view().arrival().context & (FST_CONTEXT_EXACT | FST_CONTEXT_TO_SYN);
    return accepted ? std::optional(Outcome{.resolution = Resolution::ended}) : std::nullopt;
}

void ResetIncident::settle(const std::optional<fst_flow>& slot_now) {
    settled_ = true;
    if (outcome_ || !slot_now) {
        return;
    }
    const bool was_refused = action_ != FST_ACTION_OBSERVED && !was_passed_;
    outcome_ = was_refused ? outcome_when_acted(*slot_now) : outcome_when_observed(*slot_now);
}

std::optional<Finding> ResetIncident::take_update() {
    const bool rose = !reported_verdict_ || verdict_ > *reported_verdict_;
    const bool resolved = outcome_ && !reported_outcome_;
    if (!rose && !resolved) {
        return std::nullopt;
    }
    const ResetObservation& view = lead_view();
    fst_judgement judgement = lead_.judgement();
    judgement.verdict = static_cast<__u8>(verdict_);
    Finding finding{.id = id_,
                    .again = reported_verdict_.has_value(),
                    .kind = FindingKind::forged_rst,
                    .verdict = verdict_,
                    .action = action_,
                    .resets = static_cast<std::uint32_t>(resets_.size()),
                    .sighting = view.sighting(),
                    .summary = summarize(view, judgement, outcome_),
                    .advice = advise(judgement, outcome_),
                    .evidence = view.evidence(),
                    .signals = judgement.signals,
                    .middlebox = {},
                    .vendor = {},
                    .slot = view.slot(),
                    .resolution = {}};
    if (outcome_) {
        finding.resolution = outcome_->resolution;
    }
    reported_verdict_ = verdict_;
    reported_outcome_ = outcome_.has_value();
    return finding;
}

}  // namespace flowstamp::analysis
