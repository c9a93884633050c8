// SPDX-License-Identifier: Apache-2.0
// The words for the contract's numbers, as JSON and text use them.
#include <array>
#include <utility>

#include "user/analysis/reset/evidence.h"
#include "user/analysis/finding.h"
#include "user/analysis/flow_record.h"

namespace flowstamp::analysis {

namespace {

constexpr std::array<std::pair<fst_signal, std::string_view>, 29> kSignalNames = {{
    {FST_SIGNAL_LIVENESS_ACK, "life-ack"},
    {FST_SIGNAL_LIVENESS_CLOCK, "life-clock"},
    {FST_SIGNAL_LIVENESS_ID, "life-id"},
    {FST_SIGNAL_BEYOND_WINDOW, "life-lasts"},
    {FST_SIGNAL_SYN_RST, "syn-rst"},
    {FST_SIGNAL_SEQ_CHANGE, "seq-change"},
    {FST_SIGNAL_REFUTED, "refuted"},
    {FST_SIGNAL_NEARER, "nearer"},
    {FST_SIGNAL_ID_ECHO, "id-echo"},
    {FST_SIGNAL_ID_CONSTANT, "id-constant"},
    {FST_SIGNAL_LEARNED_SIGNATURE, "learned-signature"},
    {FST_SIGNAL_LEARNED_DISTANCE, "learned-distance"},
    {FST_SIGNAL_LIVENESS_DATA, "life-data"},
    {FST_SIGNAL_ACK_TOO_SOON, "ack-too-soon"},
    {FST_SIGNAL_WINDOW_FOREIGN, "window-foreign"},
    {FST_SIGNAL_WINDOW_ECHO, "window-echo"},
    {FST_SIGNAL_ID_ZERO_NO_DF, "id-zero-no-df"},
    {FST_SIGNAL_NO_TIMESTAMPS, "no-timestamps"},
    {FST_SIGNAL_DATA, "data"},
    {FST_SIGNAL_MAC_FOREIGN, "mac-foreign"},
    {FST_SIGNAL_FARTHER, "farther"},
    {FST_SIGNAL_TTL_BASE, "ttl-base"},
    {FST_SIGNAL_TWO_PATHS, "two-paths"},
    {FST_SIGNAL_ACK_SOON, "ack-soon"},
    {FST_SIGNAL_ONE_HOP, "one-hop"},
    {FST_SIGNAL_DF_FLIPPED, "df-flipped"},
    {FST_SIGNAL_ID_BREAK, "id-break"},
    {FST_SIGNAL_TIMESTAMPS_VALID, "vouch-timestamps"},
    {FST_SIGNAL_ID_IN_SEQUENCE, "vouch-id"},
}};

}  // namespace

std::string_view signal_name(fst_signal signal) {
    for (const auto& [known, name] : kSignalNames) {
        if (known == signal) {
            return name;
        }
    }
    return "unknown";
}

Strength strength_of(fst_signal signal) {
    const std::uint64_t bit = FST_SIGNAL_BIT(signal);
    if (bit & FST_SIGNALS_CONCLUSIVE) {
        return Strength::conclusive;
    }
    if (bit & FST_SIGNALS_STRONG) {
        return Strength::strong;
    }
    if (bit & FST_SIGNALS_WEAK_CORROBORATING) {
        return Strength::joining;
    }
    return bit & FST_SIGNALS_CORROBORATE_GENUINE ? Strength::voucher : Strength::weak;
}

std::string_view name_of(Strength strength) {
    switch (strength) {
        case Strength::conclusive:
            return "conclusive";
        case Strength::strong:
            return "strong";
        case Strength::joining:
            return "joining";
        case Strength::voucher:
            return "voucher";
        case Strength::benign:
            return "benign";
        case Strength::weak:
            break;
    }
    return "weak";
}

std::string_view name_of(fst_verdict verdict) {
    switch (verdict) {
        case FST_VERDICT_SUSPECTED:
            return "suspected";
        case FST_VERDICT_CONFIRMED:
            return "confirmed";
        case FST_VERDICT_GENUINE:
            break;
    }
    return "genuine";
}

std::string_view name_of(fst_cause cause) {
    static constexpr std::array<std::string_view, 12> kNames = {
        "unknown",    "forged",       "closed-port", "stateless", "abort",   "edge",
        "aged-state", "idle-timeout", "other-host",  "scan",      "own-rst", "closed"};
    return cause < kNames.size() ? kNames[cause] : kNames[0];
}

std::string_view name_of(fst_action action) {
    switch (action) {
        case FST_ACTION_CHALLENGED:
            return "challenged";
        case FST_ACTION_DROPPED:
            return "dropped";
        case FST_ACTION_OBSERVED:
            break;
    }
    return "observed";
}

std::string_view name_of(fst_challenge challenge) {
    static constexpr std::array<std::string_view, 5> kNames = {"none", "asked", "upheld", "refuted",
                                                               "unanswered"};
    return challenge < kNames.size() ? kNames[challenge] : kNames[0];
}

std::string_view text_of(fst_pass_reason reason) {
    switch (reason) {
        case FST_PASS_NOT_SUSPECT:
            return "not doubted";
        case FST_PASS_NOT_ACTING:
            return "observe only";
        case FST_PASS_UNKNOWN_FLOW:
            return "the flow is not known";
        case FST_PASS_ANSWER:
            return "it answers the challenge";
        case FST_PASS_TOO_MANY:
            return "asked or dropped too often on this flow";
        case FST_PASS_RESET_REPEATED:
            return "its sender insists";
        case FST_PASS_SYN_SENT:
            return "a connection that is just opening cannot ask";
        case FST_PASS_WINDOW:
            return "the receive window is closed, so the stack would not ask";
        case FST_PASS_SEQUENCE:
            return "the stack would not heed it, or its place in the stream is not known";
        case FST_PASS_EGRESS_UNSEEN:
            return "the other direction does not pass here";
        case FST_PASS_CHECKSUM:
            return "its checksum is wrong: the stack refuses it by itself";
        case FST_PASS_CLOSED:
            return "the flow was closed already";
    }
    return "not known";
}

std::string_view name_of(FindingKind kind) {
    switch (kind) {
        case FindingKind::forged_rst:
            return "forged-rst";
        case FindingKind::injected_segment:
            return "injected-segment";
        case FindingKind::syn_unanswered:
            return "syn-unanswered";
        case FindingKind::syn_refused:
            return "syn-refused";
        case FindingKind::icmp_rejected:
            return "icmp-rejected";
        case FindingKind::stalled:
            return "stalled";
        case FindingKind::idle_timeout:
            return "idle-timeout";
        case FindingKind::return_path_mismatch:
            return "return-path-mismatch";
        case FindingKind::ttl_shift:
            return "ttl-shift";
        case FindingKind::one_way:
            return "one-way";
        case FindingKind::local_drop:
            break;
    }
    return "local-drop";
}

std::span<const FindingKind> every_finding_kind() {
    static constexpr std::array kAll = {
        FindingKind::forged_rst,   FindingKind::injected_segment,     FindingKind::syn_unanswered,
        FindingKind::syn_refused,  FindingKind::icmp_rejected,        FindingKind::stalled,
        FindingKind::idle_timeout, FindingKind::return_path_mismatch, FindingKind::ttl_shift,
        FindingKind::one_way,      FindingKind::local_drop,
    };
    return kAll;
}

std::string_view name_of(FlowEnd end) {
    switch (end) {
        case FlowEnd::closed:
            return "closed";
        case FlowEnd::reset:
            return "reset";
        case FlowEnd::idle:
            return "idle";
        case FlowEnd::evicted:
            return "evicted";
        case FlowEnd::replaced:
            return "replaced";
        case FlowEnd::open:
            break;
    }
    return "open";
}

std::string_view name_of(Resolution resolution) {
    switch (resolution) {
        case Resolution::went_on:
            return "went-on";
        case Resolution::ended:
            return "ended";
        case Resolution::both_ends:
            return "both-ends";
        case Resolution::withdrawn:
            return "withdrawn";
        case Resolution::recovered:
            return "recovered";
        case Resolution::answered:
            break;
    }
    return "answered";
}

}  // namespace flowstamp::analysis
