// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/text/finding_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "user/net/endpoint.h"
#include "user/output/text/statement_text.h"
#include "user/output/text/value_text.h"
#include "user/output/text/words.h"

namespace flowstamp::output {

namespace {

constexpr std::string_view kIndent = "    ";

std::string labelled(std::string_view label, std::string_view text, const Style& style) {
    return fmt::format("{}{} {}\n", kIndent, style.faint(fmt::format("{:<10}", label)), text);
}

std::string action_text(const analysis::Finding& finding) {
    const std::string many =
        finding.resets > 1 ? fmt::format(" ({} such resets)", finding.resets) : "";
    switch (finding.action) {
        case FST_ACTION_DROPPED:
            return "dropped in the kernel, before the stack saw it" + many;
        case FST_ACTION_CHALLENGED:
            return "not accepted: the stack was made to challenge its sender" + many;
        case FST_ACTION_OBSERVED:
            break;
    }
    // --drop and --challenge act on what comes in: what leaves this host, or is forwarded, goes to another.
    return (finding.sighting.packet.hook == FST_HOOK_TC_EGRESS
                ? "let through: it left by this interface, and only what comes in is dropped or "
                  "challenged"
                : "observed only; it was let through") +
           many;
}

std::string_view resolution_text(analysis::Resolution resolution) {
    switch (resolution) {
        case analysis::Resolution::went_on:
            return "the flow outlived it";
        case analysis::Resolution::ended:
            return "the flow ended";
        case analysis::Resolution::both_ends:
            return "the far end was lost, too";
        case analysis::Resolution::withdrawn:
            return "withdrawn";
        case analysis::Resolution::recovered:
            return "it recovered";
        case analysis::Resolution::answered:
            break;
    }
    return "it was answered after all";
}

}  // namespace

std::string flow_text(const fst_packet& packet) {
    return net::sender_of(packet).text() + " > " + net::receiver_of(packet).text();
}

std::string frame_text(const analysis::Sighting& sighting) {
    return sighting.frame ? fmt::format("frame {}  ", *sighting.frame) : "";
}

std::string painted(fst_verdict verdict, std::string_view text, const Style& style) {
    switch (verdict) {
        case FST_VERDICT_CONFIRMED:
        case FST_VERDICT_PROVEN:
            return style.bad(text);
        case FST_VERDICT_SUSPECTED:
            return style.doubtful(text);
        case FST_VERDICT_GENUINE:
            break;
    }
    return style.good(text);
}

std::pair<std::string_view, std::string_view> evidence_titles(analysis::FindingKind kind) {
    switch (kind) {
        case analysis::FindingKind::forged_rst:
            return {"this reset", "its sender's other packets"};
        case analysis::FindingKind::changed:
            return {"as it was received", "as it was sent"};
        default:
            return {"what was seen", "what stands beside it"};
    }
}

std::string evidence_table(const analysis::Finding& finding, const Style& style) {
    const std::vector<analysis::Evidence>& evidence = finding.evidence;
    if (evidence.empty()) {
        return "";
    }
    constexpr std::string_view kSignal = "evidence";
    constexpr std::size_t kWidest = 40;  // a wider value stands out of its column
    const auto [packet_title, baseline_title] = evidence_titles(finding.kind);
    std::size_t strength_width = std::string_view("strength").size();
    std::size_t signal_width = kSignal.size();
    std::size_t packet_width = packet_title.size();
    for (const analysis::Evidence& item : evidence) {
        signal_width = std::max(signal_width, analysis::name_of(item.signal).size());
        if (const std::size_t its = values_text(item.observed).size(); its <= kWidest) {
            packet_width = std::max(packet_width, its);
        }
        strength_width = std::max(strength_width, analysis::name_of(item.strength).size());
    }
    // Where nothing stands beside anything, there is no such column.
    const bool has_baseline =
        std::ranges::any_of(evidence, [](const auto& item) { return item.baseline.has_value(); });
    const auto row = [&](std::string_view strength, std::string_view signal,
                         std::string_view packet, std::string_view baseline) {
        if (!has_baseline) {
            return fmt::format("{}{:<{}}  {:<{}}  {}", kIndent, strength, strength_width, signal,
                               signal_width, packet);
        }
        return fmt::format("{}{:<{}}  {:<{}}  {:<{}}  {}", kIndent, strength, strength_width,
                           signal, signal_width, packet, packet_width, baseline);
    };
    std::string table = style.faint(row("strength", kSignal, packet_title, baseline_title)) + "\n";
    for (const analysis::Evidence& item : evidence) {
        table +=
            row(analysis::name_of(item.strength), analysis::name_of(item.signal),
                values_text(item.observed), item.baseline ? values_text(*item.baseline) : "-") +
            "\n";
    }
    return table;
}

std::vector<std::pair<std::string_view, std::string>> finding_details(
    const analysis::Finding& finding, const std::string& advice) {
    std::vector<std::pair<std::string_view, std::string>> details;
    if (finding.kind == analysis::FindingKind::forged_rst && !finding.direction) {
        details.emplace_back("done", action_text(finding));
    }
    if (!finding.vendor.empty()) {
        details.emplace_back("made by", finding.vendor);
    }
    if (finding.middlebox) {
        details.emplace_back("box", fmt::format("#{}", *finding.middlebox));
    }
    if (finding.resolution) {
        details.emplace_back("outcome", resolution_text(*finding.resolution));
    }
    if (!advice.empty()) {
        details.emplace_back("next", advice);
    }
    return details;
}

std::string finding_text(const analysis::Finding& finding, const Style& style,
                         std::string_view time, std::string_view table) {
    std::string block = fmt::format(
        "{} {} {}{}  {}  {}\n", time,
        style.strong(fmt::format("finding #{}{}", finding.id, finding.again ? ", again" : "")),
        frame_text(finding.sighting), painted(finding.verdict, headline_text(finding), style),
        flow_text(finding.sighting.packet), finding.sighting.interface);
    block += fmt::format("{}{}\n", kIndent, summary_text(finding));
    block += table;
    for (const auto& [label, text] : finding_details(finding, advice_text(finding))) {
        block += labelled(label, text, style);
    }
    return block;
}

}  // namespace flowstamp::output
