// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "user/base/time_text.h"
#include "user/tracer/path_reporter.h"

namespace flowstamp {

namespace {

constexpr std::string_view kIndent = "    ";

std::string end_text(const Endpoint& end) {
    return end.port == 0 ? end.ip_text() : end.text();
}

std::string tuple_text(const fs_path_tuple& tuple) {
    return end_text(source_of(tuple)) + " > " + end_text(destination_of(tuple));
}

/// "prerouting (raw, connection tracking, dstnat: to 10.0.0.2:8080)".
std::string step_text(const PathStep& step) {
    std::string within = fmt::format("{}", fmt::join(step.passed, ", "));
    if (!step.changed.empty()) {
        within += fmt::format("{}{}", within.empty() ? "" : ": ", fmt::join(step.changed, ", "));
    }
    return within.empty() ? step.at : fmt::format("{} ({})", step.at, within);
}

std::string way_text(const PathStory& story) {
    std::string text;
    for (const PathStep& step : story.steps) {
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

std::string PathText::headline(const PathStory& story) const {
    switch (story.end) {
        case Journey::End::dropped:
            return style_.bad("DROPPED") +
                   (story.drop->at.empty() ? std::string() : " at " + story.drop->at);
        case Journey::End::left:
            return style_.good("left");
        case Journey::End::delivered:
            return style_.good("delivered");
        case Journey::End::unknown:
            break;
    }
    return style_.doubtful("not seen again");
}

void PathText::story(const PathStory& story) {
    const bool arrived = story.end == Journey::End::left || story.end == Journey::End::delivered;
    if (losses_only_ && arrived) {
        return;
    }
    std::string block = fmt::format(
        "{} {}  {} {}{}  {}, {}\n", clock_text(story.wall),
        style_.strong(fmt::format("flow #{}{}", story.flow, story.is_reply ? ", answers" : "")),
        protocol_name(story.name.protocol), tuple_text(story.name),
        story.translated ? fmt::format(" (on as {})", tuple_text(*story.translated)) : "",
        headline(story), count_text(story.packets));
    if (!story.steps.empty()) {
        block += labelled("passed", way_text(story));
    }
    if (story.drop) {
        const PathStory::Drop& drop = *story.drop;
        if (drop.culprit) {
            const Culprit& culprit = *drop.culprit;
            block += labelled("by", words_of(culprit));
            block += labelled(culprit.certainty == Certainty::certain ? "certain" : "probable",
                              culprit.why);
        }
        block += labelled("because", fmt::format("{} ({}{}{})", drop.words.words, drop.reason,
                                                 drop.location.empty() ? "" : ", ", drop.location));
        if (!drop.culprit && !drop.words.look_at.empty()) {
            block += labelled("look at", drop.words.look_at);
        }
    }
    output_.write(block);
}

void PathText::summary(const PathStats& stats) {
    output_.write(fmt::format(
        "{} in {}: {} of {} flow{}: {} left, {} delivered, {} dropped, {} not seen again\n",
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

}  // namespace flowstamp
