// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "user/base/time_text.h"
#include "user/output/path_reporter.h"

namespace flowstamp::output {

namespace {

constexpr std::string_view kIndent = "    ";

std::string end_text(const net::Endpoint& end) {
    return end.port == 0 ? end.ip_text() : end.text();
}

std::string tuple_text(const fst_path_tuple& tuple) {
    return end_text(pathtrace::source_of(tuple)) + " > " + end_text(pathtrace::destination_of(tuple));
}

/// "prerouting (raw, connection tracking, dstnat: to 10.0.0.2:8080)".
std::string step_text(const pathtrace::PathStep& step) {
    std::string within = fmt::format("{}", fmt::join(step.passed, ", "));
    if (!step.changed.empty()) {
        within += fmt::format("{}{}", within.empty() ? "" : ": ", fmt::join(step.changed, ", "));
    }
    return within.empty() ? step.at : fmt::format("{} ({})", step.at, within);
}

std::string way_text(const pathtrace::PathReport& report) {
    std::string text;
    for (const pathtrace::PathStep& step : report.steps) {
        text += (text.empty() ? "" : ", ") + step_text(step);
    }
    return text;
}

std::string count_text(std::uint64_t packets) {
    return fmt::format("{} packet{}", packets, packets == 1 ? "" : "s");
}

}  // namespace

std::string PathText::labelled(std::string_view label, std::string_view text) const {
    return fmt::format("{}{} {}\n", kIndent, style_.faint(fmt::format("{:<9}", label)), text);
}

std::string PathText::headline(const pathtrace::PathReport& report) const {
    switch (report.end) {
        case pathtrace::PacketPath::End::dropped:
            return style_.bad("DROPPED") +
                   (report.drop->at.empty() ? std::string() : " at " + report.drop->at);
        case pathtrace::PacketPath::End::left:
            return style_.good("left");
        case pathtrace::PacketPath::End::delivered:
            return style_.good("delivered");
        case pathtrace::PacketPath::End::unknown:
            break;
    }
    return style_.doubtful("lost sight of (not a drop)");
}

void PathText::report(const pathtrace::PathReport& report) {
    const bool arrived = report.end == pathtrace::PacketPath::End::left || report.end == pathtrace::PacketPath::End::delivered;
    if (losses_only_ && arrived) {
        return;
    }
    std::string block = fmt::format(
        "{} {}  {} {}{}  {}, {}\n", clock_text(report.wall),
        style_.strong(fmt::format("flow #{}{}", report.flow, report.is_reply ? ", answers" : "")),
        pathtrace::protocol_name(report.name.protocol), tuple_text(report.name),
        report.translated ? fmt::format(" (on as {})", tuple_text(*report.translated)) : "",
        headline(report), count_text(report.packets));
    if (!report.steps.empty()) {
        block += labelled("passed", way_text(report));
    }
    if (report.drop) {
        const pathtrace::PathReport::Drop& drop = *report.drop;
        if (drop.attribution) {
            const netfilter::DropAttribution& attribution = *drop.attribution;
            block += labelled("by", netfilter::words_of(attribution));
            block += labelled(attribution.certainty == netfilter::Certainty::certain ? "certain" : "probable",
                              attribution.why);
        }
        block += labelled("because", fmt::format("{} ({}{}{})", drop.words.words, drop.reason,
                                                 drop.location.empty() ? "" : ", ", drop.location));
        if (!drop.attribution && !drop.words.look_at.empty()) {
            block += labelled("look at", drop.words.look_at);
        }
    }
    output_.write(block);
}

void PathText::summary(const PathStats& stats) {
    output_.write(fmt::format(
        "{} in {}: {} of {} flow{}: {} left, {} delivered, {} dropped, {} lost sight of\n",
        style_.strong("Followed"), duration_text(stats.uptime), count_text(stats.packets),
        stats.flows, stats.flows == 1 ? "" : "s", stats.left, stats.delivered, stats.dropped,
        stats.unknown));
    if (stats.events_lost != 0) {
        output_.write(
            fmt::format("lost: {} records, as they came faster than they were read: "
                        "narrow the filter\n",
                        stats.events_lost));
    }
    if (stats.not_followed != 0) {
        output_.write(
            fmt::format("not followed: {}, as more were under way than fit: narrow the "
                        "filter\n",
                        count_text(stats.not_followed)));
    }
}

}  // namespace flowstamp::output
