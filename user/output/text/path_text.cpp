// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/text/path_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "user/base/time_text.h"
#include "user/net/names.h"
#include "user/output/text/counted.h"

namespace flowstamp::output {

namespace {

constexpr std::string_view kIndent = "    ";

std::string end_text(const net::Endpoint& end) {
    return end.port == 0 ? end.ip_text() : end.text();
}

std::string tuple_text(const fst_path_tuple& tuple) {
    return end_text(pathtrace::source_of(tuple)) + " > " +
           end_text(pathtrace::destination_of(tuple));
}

/// "prerouting (raw, connection tracking, dstnat: to 10.0.0.2:8080)".
std::string step_text(const pathtrace::PathStep& step) {
    std::string within = fmt::format("{}", fmt::join(step.passed, ", "));
    if (!step.changed.empty()) {
        within += fmt::format("{}{}", within.empty() ? "" : ": ", fmt::join(step.changed, ", "));
    }
    return within.empty() ? step.at : fmt::format("{} ({})", step.at, within);
}

std::string steps_text(const pathtrace::PathReport& report) {
    std::string text;
    for (const pathtrace::PathStep& step : report.steps) {
        text += (text.empty() ? "" : ", ") + step_text(step);
    }
    return text;
}

/// IP's hooks were passed at least in part from within the bridge.
std::string bridge_text(const pathtrace::BridgePorts& ports) {
    return fmt::format("in by port {}{}; it calls the IP hooks itself (bridge-nf-call-iptables)",
                       ports.in, ports.out.empty() ? "" : ", out by port " + ports.out);
}

std::string labelled(std::string_view label, std::string_view text, const Style& style) {
    return fmt::format("{}{} {}\n", kIndent, style.faint(fmt::format("{:<9}", label)), text);
}

/// What else may have dropped them, a line each.
std::string others_text(const std::vector<std::string>& others, const Style& style) {
    constexpr std::size_t kMost = 4;
    std::string text;
    for (std::size_t i = 0; i < std::min(others.size(), kMost); i++) {
        text += labelled("or", others[i], style);
    }
    if (others.size() > kMost) {
        text += labelled("or", fmt::format("one of {} more", others.size() - kMost), style);
    }
    return text;
}

/// "dropped 40 at forward (mangle): iptables-nft mangle FORWARD rule 1".
std::string loss_text(const pathtrace::PathStats::Loss& loss) {
    const std::string place = loss.at.empty() ? "before the first station"
                              : loss.before.empty()
                                  ? "at " + loss.at
                                  : fmt::format("at {} ({})", loss.at, loss.before);
    return fmt::format("{}dropped {} {}: {}\n", kIndent, loss.packets, place,
                       loss.by.empty() ? "by what is not known" : loss.by);
}

/// "LISTEN, held by server (pid 12)".
std::string socket_text(const pathtrace::Delivery& delivery) {
    std::string text = delivery.state;
    for (const pathtrace::Delivery::Process& process : delivery.processes) {
        text +=
            fmt::format("{} {} (pid {})", &process == delivery.processes.data() ? ", held by" : ",",
                        process.name, process.pid);
    }
    return text;
}

std::string delivery_text(const pathtrace::Delivery& delivery, const Style& style) {
    std::string block;
    if (!delivery.state.empty()) {
        block += labelled("socket", socket_text(delivery), style);
    }
    for (const pathtrace::Delivery::Cause& cause : delivery.causes) {
        block += labelled("behind it", cause.words, style);
        block += labelled("look at", cause.look_at, style);
    }
    return block;
}

/// "connection tracking's insert_failed moved by 4 (conntrack -S)".
std::string counter_text(const pathtrace::CounterIncrease& counter) {
    return fmt::format("{} moved by {} ({})", counter.name, counter.by, counter.shown_by);
}

std::string headline(const pathtrace::PathReport& report, const Style& style) {
    switch (report.end) {
        case pathtrace::PacketPath::End::dropped:
            return style.bad("DROPPED") + (report.drop->at.empty()
                                               ? std::string()
                                               : " at " + pathtrace::place_text(*report.drop));
        case pathtrace::PacketPath::End::left:
            return (report.untranslated ? style.bad("left UNTRANSLATED") : style.good("left")) +
                   (report.is_made_here ? ", made on this host" : "");
        case pathtrace::PacketPath::End::delivered:
            return style.good("delivered") +
                   (report.delivery && !report.delivery->is_answered ? ", no answer seen" : "");
        case pathtrace::PacketPath::End::unknown:
            break;
    }
    return style.doubtful("lost sight of (not a drop)") +
           (report.toward.empty()
                ? std::string()
                : fmt::format(" on the way to {0}, which is not watched (-i {0})", report.toward));
}

/// Whether a command to look further with follows.
bool names_commands(const pathtrace::PathReport& report) {
    return report.untranslated || (report.delivery && !report.delivery->causes.empty()) ||
           (report.drop && (report.drop->counter || !pathtrace::look_at(*report.drop).empty()));
}

}  // namespace

std::string path_text(const pathtrace::PathReport& report, const Style& style,
                      const std::string& time) {
    std::string block = fmt::format(
        "{} {}  {} {}{}  {}, {}\n", time,
        style.strong(fmt::format("flow #{}{}", report.flow, report.is_reply ? ", answers" : "")),
        net::protocol_name(report.name.protocol), tuple_text(report.name),
        report.translated ? fmt::format(" (on as {})", tuple_text(*report.translated)) : "",
        headline(report, style), counted(report.packets, "packet"));
    if (!report.steps.empty()) {
        block += labelled("passed", steps_text(report), style);
    }
    if (!report.netns_command.empty() && (report.drop || report.delivery || report.untranslated)) {
        block += labelled(
            "within",
            fmt::format("network namespace {}{}", report.netns,
                        names_commands(report) ? fmt::format("; for the commands below: {} COMMAND",
                                                             report.netns_command)
                                               : ""),
            style);
    }
    if (report.delivery) {
        block += delivery_text(*report.delivery, style);
    }
    if (report.untranslated) {
        block += labelled("because", *report.untranslated, style);
        block +=
            labelled("look at",
                     "conntrack -L; conntrack -S; a rule at forward that drops what is INVALID "
                     "keeps such packets in",
                     style);
    }
    if (report.bridge) {
        block += labelled("bridge", bridge_text(*report.bridge), style);
    }
    if (report.drop) {
        const pathtrace::PathReport::Drop& drop = *report.drop;
        if (drop.attribution) {
            const netfilter::DropAttribution& attribution = *drop.attribution;
            block += labelled("by", netfilter::words_of(attribution), style);
            block += labelled(
                attribution.certainty == netfilter::Certainty::certain ? "certain" : "probable",
                attribution.why, style);
            block += others_text(attribution.others, style);
        }
        block += labelled("because",
                          fmt::format("{} ({}{}{})", drop.words.words, drop.reason,
                                      drop.location.empty() ? "" : ", ", drop.location),
                          style);
        if (drop.or_further_on) {
            block += labelled("doubt",
                              "the ruleset changed meanwhile: a new chain further on may have "
                              "dropped them, where no station stood yet",
                              style);
        }
        if (drop.counter) {
            block += labelled("counter", counter_text(*drop.counter), style);
        }
        if (const std::string look_at = pathtrace::look_at(drop); !look_at.empty()) {
            block += labelled("look at", look_at, style);
        }
    }
    return block;
}

std::string path_text(const pathtrace::PathStats& stats, const Style& style) {
    std::string text = fmt::format(
        "{} in {}: {} of {}: {} forwarded, {} sent, {} delivered, {} dropped{}, {} lost sight of\n",
        style.strong("Followed"), duration_text(stats.uptime), counted(stats.packets, "packet"),
        counted(stats.flows, "flow"), stats.forwarded, stats.sent, stats.delivered, stats.dropped,
        stats.answered == 0 ? "" : fmt::format(" ({} of them with an answer)", stats.answered),
        stats.unknown);
    for (const pathtrace::PathStats::Loss& loss : stats.losses) {
        text += loss_text(loss);
    }
    if (stats.events_lost != 0) {
        text += fmt::format(
            "lost: {} records, as they came faster than they were read: "
            "narrow the filter\n",
            stats.events_lost);
    }
    if (stats.not_followed != 0) {
        text +=
            fmt::format("not followed: {}, as more were under way than fit: narrow the filter\n",
                        counted(stats.not_followed, "packet"));
    }
    return text;
}

}  // namespace flowstamp::output
