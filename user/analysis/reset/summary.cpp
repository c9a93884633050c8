// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/reset/summary.h"

#include "user/analysis/reset/path_values.h"
#include "user/net/endpoint.h"

namespace flowstamp::analysis {

namespace {

/// The signals that are reasons to say that a reset is forged.
constexpr std::uint64_t kReasons =
    FST_SIGNALS_CONCLUSIVE | FST_SIGNALS_STRONG | FST_SIGNALS_WEAK_CORROBORATING;

/// It looks like what a REJECT rule sends (`--reject-with tcp-reset`): an answer to a segment, in
/// the shape of a kernel that does not know the connection.
bool is_like_reject(const fst_judgement& judgement) {
    constexpr std::uint32_t kReject = FST_CONTEXT_STATELESS | FST_CONTEXT_PROVOKED;
    return (judgement.context & kReject) == kReject;
}

Phrase outcome_phrase(const fst_judgement& judgement, const Outcome& outcome) {
    switch (outcome.resolution) {
        case Resolution::went_on:
            return Phrase::flow_went_on;
        case Resolution::ended:
            return Phrase::flow_ended;
        case Resolution::both_ends:
            return outcome.far_end_reset       ? Phrase::far_end_reset
                   : is_like_reject(judgement) ? Phrase::far_end_unreached
                                               : Phrase::far_end_silent;
        case Resolution::withdrawn:
        case Resolution::recovered:
        case Resolution::answered:
            break;
    }
    return Phrase::reset_upheld;
}

Phrase claim_phrase(const fst_judgement& judgement, const std::optional<Outcome>& outcome) {
    if (outcome && outcome->resolution == Resolution::withdrawn) {
        return Phrase::reset_was_suspicious;
    }
    return judgement.verdict == FST_VERDICT_CONFIRMED ? Phrase::reset_not_sent
                                                      : Phrase::reset_probably_not_sent;
}

std::optional<Statement> advice(const fst_judgement& judgement,
                                const std::optional<Outcome>& outcome) {
    if (judgement.signals & FST_SIGNAL_BIT(FST_SIGNAL_MADE_HERE)) {
        return Statement{.phrase = judgement.context & FST_CONTEXT_FROM_SOCKET
                                       ? Phrase::look_for_program_here
                                       : Phrase::look_for_rule_here};
    }
    if (outcome && outcome->resolution == Resolution::both_ends) {
        return Statement{.phrase = Phrase::watch_far_end};
    }
    if ((outcome && outcome->resolution == Resolution::withdrawn) ||
        judgement.action != FST_ACTION_OBSERVED) {
        return std::nullopt;
    }
    if (judgement.context & FST_CONTEXT_TO_SYN) {
        return Statement{.phrase = Phrase::reset_to_syn_came_first};
    }
    if (judgement.pass_reason > FST_PASS_NOT_ACTING) {
        return Statement{.phrase = Phrase::reset_passed_because,
                         .values = {field::pass_reason(judgement.pass_reason)}};
    }
    return Statement{.phrase = judgement.verdict == FST_VERDICT_CONFIRMED
                                   ? Phrase::use_drop_confirmed
                                   : Phrase::use_challenge_suspected};
}

}  // namespace

Statements summarize(const ResetObservation& rst, const fst_judgement& judgement,
                     const std::optional<Outcome>& outcome) {
    const net::Endpoint sender = net::sender_of(rst.packet());
    const FieldValue sender_ip = field::sender_ip(sender);
    const bool has_distance = tells_distance(rst.packet().ttl);
    Statements summary{
        {.phrase = claim_phrase(judgement, outcome),
         .values = {field::sender(sender), sender_ip,
                    field::hops(has_distance ? std::optional(judgement.hops) : std::nullopt),
                    field::base_hops(judgement.base_hops),
                    field::low_ttl(has_distance ? std::nullopt : std::optional(rst.packet().ttl)),
                    field::ip_id(rst.packet().ip_id), field::window(rst.packet().window)},
         .signals = judgement.signals & kReasons}};
    if (const MadeHere* made_here = rst.made_here()) {
        summary = {{.phrase = Phrase::reset_made_here,
                    .values = {field::sender(sender), sender_ip, field::left_by(made_here->left_by),
                               field::comes_in_by(made_here->comes_in_by)}}};
    }
    if (outcome) {
        summary.push_back({.phrase = outcome_phrase(judgement, *outcome), .values = {sender_ip}});
    }
    return summary;
}

Statements advise(const fst_judgement& judgement, const std::optional<Outcome>& outcome) {
    const auto one = advice(judgement, outcome);
    return one ? Statements{*one} : Statements{};
}

}  // namespace flowstamp::analysis
