// SPDX-License-Identifier: Apache-2.0
#include "user/analysis/reset/summary.h"

#include <fmt/format.h>

#include <array>
#include <vector>

#include "user/analysis/finding_updates.h"
#include "user/net/endpoint.h"

namespace flowstamp::analysis {

namespace {

constexpr std::size_t kClauses = 3;  // more is no longer a sentence; the evidence lists all

/// The signals in the order in which a person would name them.
constexpr std::array kTellingOrder = {
    FST_SIGNAL_NEARER,        FST_SIGNAL_REFUTED,     FST_SIGNAL_BEYOND_WINDOW,
    FST_SIGNAL_LIVENESS_ACK,      FST_SIGNAL_LIVENESS_CLOCK,  FST_SIGNAL_LIVENESS_ID,
    FST_SIGNAL_SYN_RST,       FST_SIGNAL_SEQ_CHANGE,  FST_SIGNAL_LIVENESS_DATA,
    FST_SIGNAL_ID_ECHO,       FST_SIGNAL_ID_CONSTANT, FST_SIGNAL_LEARNED_SIGNATURE,
    FST_SIGNAL_ACK_TOO_SOON,  FST_SIGNAL_ACK_SOON,    FST_SIGNAL_WINDOW_FOREIGN,
    FST_SIGNAL_WINDOW_ECHO,   FST_SIGNAL_MAC_FOREIGN, FST_SIGNAL_FARTHER,
    FST_SIGNAL_TTL_BASE,      FST_SIGNAL_TWO_PATHS,   FST_SIGNAL_ID_ZERO_NO_DF,
    FST_SIGNAL_NO_TIMESTAMPS, FST_SIGNAL_DATA,
};

bool is_life(fst_signal signal) {
    return (FST_SIGNAL_BIT(signal) & (FST_MASK_LIVENESS | FST_SIGNAL_BIT(FST_SIGNAL_REFUTED))) != 0;
}

std::string clause(fst_signal signal, const fst_packet& rst, const fst_judgement& judgement,
                   const std::string& ip) {
    switch (signal) {
        case FST_SIGNAL_NEARER:
        case FST_SIGNAL_FARTHER:
            return fmt::format("it came from {}, {} is {}", distance_text(judgement.hops), ip,
                               distance_text(judgement.base_hops));
        case FST_SIGNAL_REFUTED:
            return fmt::format("asked whether it meant it, {} went on sending", ip);
        case FST_SIGNAL_LIVENESS_ACK:
        case FST_SIGNAL_LIVENESS_CLOCK:
        case FST_SIGNAL_LIVENESS_ID:
        case FST_SIGNAL_BEYOND_WINDOW:
        case FST_SIGNAL_LIVENESS_DATA:
            return fmt::format("{} went on sending", ip);
        case FST_SIGNAL_SYN_RST:
            return fmt::format("{} accepted the same connection", ip);
        case FST_SIGNAL_SEQ_CHANGE:
            return "another reset guessed another sequence number";
        case FST_SIGNAL_ID_ECHO:
            return fmt::format("it bears an IP-ID of the other end, {:#06x}", rst.ip_id);
        case FST_SIGNAL_ID_CONSTANT:
            return fmt::format("it bears the IP-ID of a known injector, {:#06x}", rst.ip_id);
        case FST_SIGNAL_LEARNED_SIGNATURE:
            return "it bears the mark of an injector seen here before";
        case FST_SIGNAL_ACK_TOO_SOON:
        case FST_SIGNAL_ACK_SOON:
            return fmt::format("it acknowledges data that cannot have reached {} yet", ip);
        case FST_SIGNAL_WINDOW_FOREIGN:
            return fmt::format("{} never had its window, {}", ip, rst.window);
        case FST_SIGNAL_WINDOW_ECHO:
            return fmt::format("its window, {}, is the other end's", rst.window);
        case FST_SIGNAL_MAC_FOREIGN:
            return "it came from another MAC address";
        case FST_SIGNAL_TTL_BASE:
            return "it started with another TTL";
        case FST_SIGNAL_TWO_PATHS:
            return "two resets came by two paths";
        case FST_SIGNAL_ID_ZERO_NO_DF:
            return "it has IP-ID 0 and may be fragmented";
        case FST_SIGNAL_NO_TIMESTAMPS:
            return "it lacks the connection's timestamps";
        default:
            return "it carries data";
    }
}

/// "a, b, and c".
std::string listed(const std::vector<std::string>& clauses) {
    std::string text;
    for (std::size_t i = 0; i < clauses.size(); i++) {
        if (i > 0) {
            text += i + 1 < clauses.size() ? ", " : ", and ";
        }
        text += clauses[i];
    }
    return text;
}

std::vector<std::string> clauses(const fst_packet& rst, const fst_judgement& judgement,
                                 const std::string& ip) {
    std::vector<std::string> found;
    bool life_told = false;
    for (const fst_signal signal : kTellingOrder) {
        if (!(judgement.signals & FST_SIGNAL_BIT(signal)) || found.size() == kClauses ||
            (is_life(signal) && life_told)) {
            continue;
        }
        life_told = life_told || is_life(signal);
        found.push_back(clause(signal, rst, judgement, ip));
    }
    return found;
}

std::string outcome_sentence(const Outcome& outcome, const std::string& ip) {
    constexpr std::string_view kBothEnds =
        "a box that also resets the far end cannot be beaten from one side";
    switch (outcome.resolution) {
        case Resolution::went_on:
            return "The flow went on.";
        case Resolution::ended:
            return "The flow ended with it.";
        case Resolution::both_ends:
            return outcome.far_end_reset
                       ? fmt::format("{} has then reset the flow itself: {}.", ip, kBothEnds)
                       : fmt::format("{} has been silent since: {}.", ip, kBothEnds);
        case Resolution::withdrawn:
        case Resolution::recovered:
        case Resolution::answered:
            break;
    }
    return fmt::format("Asked whether it meant it, {} reset again: genuine after all.", ip);
}

}  // namespace

std::string summarize(const ResetObservation& rst, const fst_judgement& judgement,
                      const std::optional<Outcome>& outcome) {
    const net::Endpoint sender = net::sender_of(rst.packet());
    const std::string ip = sender.ip_text();
    std::string text = fmt::format(
        "{} {} this reset: {}.", sender.text(),
        judgement.verdict == FST_VERDICT_CONFIRMED ? "did not send" : "probably did not send",
        listed(clauses(rst.packet(), judgement, ip)));
    if (outcome) {
        if (outcome->resolution == Resolution::withdrawn) {
            // The signs that made it doubtful may be gone with the doubt.
            const auto doubts = clauses(rst.packet(), judgement, ip);
            text = fmt::format("A reset by {} was doubted{}{}.", sender.text(),
                               doubts.empty() ? "" : ": ", listed(doubts));
        }
        text += " " + outcome_sentence(*outcome, ip);
    }
    return text;
}

std::string advise(const fst_judgement& judgement, const std::optional<Outcome>& outcome) {
    if (outcome && outcome->resolution == Resolution::both_ends) {
        return "run flowstamp at the far end, too, or go round the box (another port, a tunnel)";
    }
    if (outcome && outcome->resolution == Resolution::withdrawn) {
        return "";
    }
    if (judgement.action != FST_ACTION_OBSERVED) {
        return "";
    }
    if (judgement.context & FST_CONTEXT_TO_SYN) {
        return "it came before anything could tell it from a refusal: look for the box, or go "
               "round it";
    }
    if (judgement.pass_reason > FST_PASS_NOT_ACTING) {
        return fmt::format("it was passed all the same: {}",
                           text_of(static_cast<fst_pass_reason>(judgement.pass_reason)));
    }
    return judgement.verdict == FST_VERDICT_CONFIRMED
               ? "watch with --drop confirmed to refuse such resets in the kernel"
               : "watch with --challenge suspected to have such resets questioned";
}

}  // namespace flowstamp::analysis
