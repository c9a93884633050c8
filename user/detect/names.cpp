// SPDX-License-Identifier: Apache-2.0
// The words for the contract's numbers, as JSON and text use them.
#include <array>
#include <utility>

#include "user/detect/evidence.h"
#include "user/detect/finding.h"

namespace flowstamp {

namespace {

constexpr std::array<std::pair<fs_signal, std::string_view>, 29> kSignalNames = {{
    {FS_SIGNAL_LIFE_ACK, "life-ack"},
    {FS_SIGNAL_LIFE_CLOCK, "life-clock"},
    {FS_SIGNAL_LIFE_ID, "life-id"},
    {FS_SIGNAL_LIFE_LASTS, "life-lasts"},
    {FS_SIGNAL_SYN_RST, "syn-rst"},
    {FS_SIGNAL_SEQ_CHANGE, "seq-change"},
    {FS_SIGNAL_REFUTED, "refuted"},
    {FS_SIGNAL_NEARER, "nearer"},
    {FS_SIGNAL_ID_ECHO, "id-echo"},
    {FS_SIGNAL_ID_CONSTANT, "id-constant"},
    {FS_SIGNAL_TAUGHT, "taught"},
    {FS_SIGNAL_TAUGHT_HOPS, "taught-hops"},
    {FS_SIGNAL_LIFE_DATA, "life-data"},
    {FS_SIGNAL_ACK_TOO_SOON, "ack-too-soon"},
    {FS_SIGNAL_WINDOW_FOREIGN, "window-foreign"},
    {FS_SIGNAL_WINDOW_ECHO, "window-echo"},
    {FS_SIGNAL_ID_ZERO_NO_DF, "id-zero-no-df"},
    {FS_SIGNAL_NO_TIMESTAMPS, "no-timestamps"},
    {FS_SIGNAL_DATA, "data"},
    {FS_SIGNAL_MAC_FOREIGN, "mac-foreign"},
    {FS_SIGNAL_FARTHER, "farther"},
    {FS_SIGNAL_TTL_BASE, "ttl-base"},
    {FS_SIGNAL_TWO_PATHS, "two-paths"},
    {FS_SIGNAL_ACK_SOON, "ack-soon"},
    {FS_SIGNAL_ONE_HOP, "one-hop"},
    {FS_SIGNAL_DF_FLIPPED, "df-flipped"},
    {FS_SIGNAL_ID_BREAK, "id-break"},
    {FS_SIGNAL_VOUCH_TS, "vouch-timestamps"},
    {FS_SIGNAL_VOUCH_ID, "vouch-id"},
}};

}  // namespace

std::string_view signal_name(fs_signal signal) {
    for (const auto& [known, name] : kSignalNames) {
        if (known == signal) {
            return name;
        }
    }
    return "unknown";
}

Strength strength_of(fs_signal signal) {
    const std::uint64_t bit = FS_SIGNAL_BIT(signal);
    if (bit & FS_SIGNALS_CONCLUSIVE) {
        return Strength::conclusive;
    }
    if (bit & FS_SIGNALS_STRONG) {
        return Strength::strong;
    }
    if (bit & FS_SIGNALS_JOINING) {
        return Strength::joining;
    }
    return bit & FS_SIGNALS_VOUCHERS ? Strength::voucher : Strength::weak;
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

std::string_view name_of(fs_verdict verdict) {
    switch (verdict) {
        case FS_VERDICT_SUSPECTED:
            return "suspected";
        case FS_VERDICT_CONFIRMED:
            return "confirmed";
        case FS_VERDICT_GENUINE:
            break;
    }
    return "genuine";
}

std::string_view name_of(fs_cause cause) {
    static constexpr std::array<std::string_view, 12> kNames = {
        "unknown",    "forged",       "closed-port", "stateless", "abort",   "edge",
        "aged-state", "idle-timeout", "other-host",  "scan",      "own-rst", "closed"};
    return cause < kNames.size() ? kNames[cause] : kNames[0];
}

std::string_view name_of(fs_action action) {
    switch (action) {
        case FS_ACTION_CHALLENGED:
            return "challenged";
        case FS_ACTION_DROPPED:
            return "dropped";
        case FS_ACTION_OBSERVED:
            break;
    }
    return "observed";
}

std::string_view name_of(fs_challenge challenge) {
    static constexpr std::array<std::string_view, 5> kNames = {"none", "asked", "upheld", "refuted",
                                                               "unanswered"};
    return challenge < kNames.size() ? kNames[challenge] : kNames[0];
}

std::string_view text_of(fs_pass_reason reason) {
    switch (reason) {
        case FS_PASS_NOT_DOUBTED:
            return "not doubted";
        case FS_PASS_NOT_ACTING:
            return "observe only";
        case FS_PASS_UNKNOWN_FLOW:
            return "the flow is not known";
        case FS_PASS_ANSWER:
            return "it answers the challenge";
        case FS_PASS_TOO_MANY:
            return "asked or dropped too often on this flow";
        case FS_PASS_INSISTS:
            return "its sender insists";
        case FS_PASS_SYN_SENT:
            return "a connection that is just opening cannot ask";
        case FS_PASS_WINDOW:
            return "the receive window is closed, so the stack would not ask";
        case FS_PASS_SEQUENCE:
            return "the stack would not heed it, or its place in the stream is not known";
        case FS_PASS_EGRESS_UNSEEN:
            return "the other direction does not pass here";
        case FS_PASS_CHECKSUM:
            return "its checksum is wrong: the stack refuses it by itself";
        case FS_PASS_CLOSED:
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

}  // namespace flowstamp
