// SPDX-License-Identifier: Apache-2.0
#include "user/detect/summary.h"

#include <fmt/format.h>

#include <array>
#include <vector>

#include "user/detect/story.h"
#include "user/flow/endpoint.h"

namespace flowstamp {

namespace {

constexpr std::size_t kClauses = 3;  // more is no longer a sentence; the evidence lists all

/// The signals in the order in which a person would name them.
constexpr std::array kTellingOrder = {
    FS_SIGNAL_NEARER,        FS_SIGNAL_REFUTED,     FS_SIGNAL_LIFE_LASTS,
    FS_SIGNAL_LIFE_ACK,      FS_SIGNAL_LIFE_CLOCK,  FS_SIGNAL_LIFE_ID,
    FS_SIGNAL_SYN_RST,       FS_SIGNAL_SEQ_CHANGE,  FS_SIGNAL_LIFE_DATA,
    FS_SIGNAL_ID_ECHO,       FS_SIGNAL_ID_CONSTANT, FS_SIGNAL_TAUGHT,
    FS_SIGNAL_ACK_TOO_SOON,  FS_SIGNAL_ACK_SOON,    FS_SIGNAL_WINDOW_FOREIGN,
    FS_SIGNAL_WINDOW_ECHO,   FS_SIGNAL_MAC_FOREIGN, FS_SIGNAL_FARTHER,
    FS_SIGNAL_TTL_BASE,      FS_SIGNAL_TWO_PATHS,   FS_SIGNAL_ID_ZERO_NO_DF,
    FS_SIGNAL_NO_TIMESTAMPS, FS_SIGNAL_DATA,
};

bool is_life(fs_signal signal) {
    return (FS_SIGNAL_BIT(signal) & (FS_MASK_LIFE | FS_SIGNAL_BIT(FS_SIGNAL_REFUTED))) != 0;
}

std::string clause(fs_signal signal, const fs_packet& rst, const fs_judgement& judgement,
                   const std::string& ip) {
    switch (signal) {
        case FS_SIGNAL_NEARER:
        case FS_SIGNAL_FARTHER:
            return fmt::format("it came from {}, {} is {}", distance_text(judgement.hops), ip,
                               distance_text(judgement.base_hops));
        case FS_SIGNAL_REFUTED:
            return fmt::format("asked whether it meant it, {} went on sending", ip);
        case FS_SIGNAL_LIFE_ACK:
        case FS_SIGNAL_LIFE_CLOCK:
        case FS_SIGNAL_LIFE_ID:
        case FS_SIGNAL_LIFE_LASTS:
        case FS_SIGNAL_LIFE_DATA:
            return fmt::format("{} went on sending", ip);
        case FS_SIGNAL_SYN_RST:
            return fmt::format("{} accepted the same connection", ip);
        case FS_SIGNAL_SEQ_CHANGE:
            return "another reset guessed another sequence number";
        case FS_SIGNAL_ID_ECHO:
            return fmt::format("it bears an IP-ID of the other end, {:#06x}", rst.ip_id);
        case FS_SIGNAL_ID_CONSTANT:
            return fmt::format("it bears the IP-ID of a known injector, {:#06x}", rst.ip_id);
        case FS_SIGNAL_TAUGHT:
            return "it bears the mark of an injector seen here before";
        case FS_SIGNAL_ACK_TOO_SOON:
        case FS_SIGNAL_ACK_SOON:
            return fmt::format("it acknowledges data that cannot have reached {} yet", ip);
        case FS_SIGNAL_WINDOW_FOREIGN:
            return fmt::format("{} never had its window, {}", ip, rst.window);
        case FS_SIGNAL_WINDOW_ECHO:
            return fmt::format("its window, {}, is the other end's", rst.window);
        case FS_SIGNAL_MAC_FOREIGN:
            return "it came from another MAC address";
        case FS_SIGNAL_TTL_BASE:
            return "it started with another TTL";
        case FS_SIGNAL_TWO_PATHS:
            return "two resets came by two paths";
        case FS_SIGNAL_ID_ZERO_NO_DF:
            return "it has IP-ID 0 and may be fragmented";
        case FS_SIGNAL_NO_TIMESTAMPS:
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

std::vector<std::string> clauses(const fs_packet& rst, const fs_judgement& judgement,
                                 const std::string& ip) {
    std::vector<std::string> found;
    bool life_told = false;
    for (const fs_signal signal : kTellingOrder) {
        if (!(judgement.signals & FS_SIGNAL_BIT(signal)) || found.size() == kClauses ||
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

std::string summarize(const RstView& rst, const fs_judgement& judgement,
                      const std::optional<Outcome>& outcome) {
    const Endpoint sender = sender_of(rst.packet());
    const std::string ip = sender.ip_text();
    std::string text = fmt::format(
        "{} {} this reset: {}.", sender.text(),
        judgement.verdict == FS_VERDICT_CONFIRMED ? "did not send" : "probably did not send",
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

std::string advise(const fs_judgement& judgement, const std::optional<Outcome>& outcome) {
    if (outcome && outcome->resolution == Resolution::both_ends) {
        return "run flowstamp at the far end, too, or go round the box (another port, a tunnel)";
    }
    if (outcome && outcome->resolution == Resolution::withdrawn) {
        return "";
    }
    if (judgement.action != FS_ACTION_OBSERVED) {
        return "";
    }
    if (judgement.context & FS_CONTEXT_TO_SYN) {
        return "it came before anything could tell it from a refusal: look for the box, or go "
               "round it";
    }
    if (judgement.pass_reason > FS_PASS_NOT_ACTING) {
        return fmt::format("it was passed all the same: {}",
                           text_of(static_cast<fs_pass_reason>(judgement.pass_reason)));
    }
    return judgement.verdict == FS_VERDICT_CONFIRMED
               ? "watch with --drop confirmed to refuse such resets in the kernel"
               : "watch with --challenge suspected to have such resets questioned";
}

}  // namespace flowstamp
