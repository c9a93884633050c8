// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/text/comparison_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <cmath>
#include <string_view>
#include <vector>

#include "user/base/time_text.h"
#include "user/output/text/counted.h"
#include "user/output/text/statement_text.h"

namespace flowstamp::output {

namespace {

using namespace analysis::compare;

std::string short_name(const std::string& file) {
    return file.substr(file.find_last_of('/') + 1);
}

/// "a.pcap" and "b.pcap"; whole, if their names are the same.
std::pair<std::string, std::string> names_of(const Comparison& its) {
    const std::string& a = its.captures[0].file;
    const std::string& b = its.captures[1].file;
    return short_name(a) == short_name(b) ? std::pair(a, b)
                                          : std::pair(short_name(a), short_name(b));
}

std::string length_text(double nanoseconds) {
    return duration_text(Nanoseconds(static_cast<std::int64_t>(std::abs(nanoseconds))));
}

std::vector<std::string> found_texts(const Comparison& its, const Style& style) {
    std::vector<std::string> found;
    if (its.forged != 0) {
        found.push_back(style.bad(fmt::format("{} reset by what its peer never sent",
                                              counted_grouped(its.forged, "end"))));
    }
    if (its.injected != 0) {
        found.push_back(style.bad(counted_grouped(its.injected, "stream") + " with injected data"));
    }
    if (its.eaten != 0) {
        found.push_back(style.bad(counted_grouped(its.eaten, "stream") + " with losses for good"));
    }
    if (its.changed != 0) {
        found.push_back(counted_grouped(its.changed, "connection") + " changed on the way");
    }
    return found;
}

std::string clock_text(const Comparison& its) {
    if (!its.clock) {
        return "not comparable: no steady difference, or packets of one direction only";
    }
    constexpr double kMillion = 1e6;
    const ClockFit& fit = *its.clock;
    return fmt::format("{} is {} {} {}, to within {}; it drifts {:.1f} ppm", names_of(its).second,
                       length_text(fit.offset_ns), fit.offset_ns < 0 ? "behind" : "ahead of",
                       names_of(its).first, length_text(fit.uncertainty_ns), fit.drift * kMillion);
}

/// "lacks 3 of 1,200 packets that passed it".
std::string coverage_text(const std::string& name, const CaptureReport& its) {
    Tally all = its.coverage.as_sender;
    all.add(its.coverage.as_receiver);
    std::string text = fmt::format("{}: {}; of what passed it, it lacks {} of {}", name,
                                   counted_grouped(its.packets, "packet"), grouped(all.lacks),
                                   grouped(all.has + all.lacks));
    if (its.dropped.value_or(0) != 0) {
        text += fmt::format("; {} dropped, as it says itself", grouped(*its.dropped));
    }
    if (its.cut != 0) {
        text += fmt::format("; {} cut within the headers", counted_grouped(its.cut, "frame"));
    }
    if (its.left_out != 0) {
        text += fmt::format("; its last {} were not compared", grouped(its.left_out));
    }
    return text;
}

std::string way_text(const std::string& from, const std::string& to, const WayReport& its,
                     double uncertainty_ns) {
    std::string text =
        fmt::format("{} > {}: {} in both", from, to, counted_grouped(its.pairs, "packet"));
    if (its.hops) {
        text += fmt::format(", {} between", counted(*its.hops, "router"));
    }
    if (its.delay && static_cast<double>(its.delay->median.count()) < uncertainty_ns) {
        text += fmt::format(", delay below {}", length_text(uncertainty_ns));
    } else if (its.delay) {
        text += fmt::format(", delay {}, 95% below {}", duration_text(its.delay->median),
                            duration_text(its.delay->p95));
    }
    if (its.reordered != 0) {
        text += fmt::format(", {} reordered", grouped(its.reordered));
    }
    return text;
}

/// What it takes to judge it.
std::string_view words_of(Unjudged reason) {
    switch (reason) {
        case Unjudged::no_clock:
            return "the clocks are not comparable";
        case Unjudged::direction_unseen:
            return "the other capture shows nothing of that direction";
        case Unjudged::not_running:
            return "the other capture did not run then";
        case Unjudged::capture_incomplete:
            return "the other capture lacks packets";
        case Unjudged::too_few_packets:
            return "the other capture has too few packets to say that it lacks none";
        case Unjudged::ambiguous:
            return "the other capture has something that may be the same";
        case Unjudged::ports_reused:
            break;
    }
    return "the same ports were used for another connection";
}

}  // namespace

std::string conclusion_text(const Comparison& its, const Style& style) {
    const auto [a, b] = names_of(its);
    if (its.joined == 0) {
        return fmt::format("{} and {} have no connection in common", a, b);
    }
    if (its.conclusion) {
        return style.strong(text_of(*its.conclusion));
    }
    return fmt::format("Between {} and {} {} ({} in both)", a, b,
                       !its.clock             ? "nothing could be judged"
                       : its.unjudged.empty() ? "nothing is forged, lost or changed"
                                              : "nothing is proven",
                       counted_grouped(its.joined, "connection"));
}

std::vector<std::pair<std::string, std::string>> comparison_rows(const Comparison& its,
                                                                 const Style& style, bool whole) {
    std::vector<std::pair<std::string, std::string>> rows;
    if (const auto found = found_texts(its, style); !found.empty() && its.joined != 0) {
        rows.emplace_back("found", fmt::format("{}; {} in both", fmt::join(found, "; "),
                                               counted_grouped(its.joined, "connection")));
    }
    if (whole) {
        const auto [a, b] = names_of(its);
        const double uncertainty = its.clock ? its.clock->uncertainty_ns : 0;
        rows.emplace_back("clocks", clock_text(its));
        rows.emplace_back("coverage", coverage_text(a, its.captures[0]));
        rows.emplace_back("coverage", coverage_text(b, its.captures[1]));
        rows.emplace_back("way", way_text(a, b, its.ways[0], uncertainty));
        rows.emplace_back("way", way_text(b, a, its.ways[1], uncertainty));
        if (its.only_a + its.only_b != 0) {
            rows.emplace_back("only", fmt::format("in {}: {}; in {}: {}", a,
                                                  counted_grouped(its.only_a, "connection"), b,
                                                  counted_grouped(its.only_b, "connection")));
        }
    }
    for (const auto& [reason, count] : its.unjudged) {
        rows.emplace_back("not judged", fmt::format("{}: {}", grouped(count), words_of(reason)));
    }
    return rows;
}

std::string comparison_text(const Comparison& its, const Style& style, bool whole) {
    std::string text = conclusion_text(its, style) + "\n";
    for (const auto& [label, row] : comparison_rows(its, style, whole)) {
        text += fmt::format("    {:<10} {}\n", label, row);
    }
    return text;
}

}  // namespace flowstamp::output
