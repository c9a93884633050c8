// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/text/stats_text.h"

#include <fmt/format.h>

#include "flowstamp/config.h"
#include "user/output/text/counted.h"

namespace flowstamp::output {

std::string losses_text(const analysis::Stats& stats) {
    const auto& count = stats.counters;
    std::string text;
    if (count[FST_COUNT_EVENT_LOST] != 0) {
        text += fmt::format(
            "lost: {}, as they came faster than they were read: watch fewer interfaces, or "
            "give this process more CPU\n",
            counted_grouped(count[FST_COUNT_EVENT_LOST], "event"));
    }
    if (count[FST_COUNT_OPENING_UNSAMPLED] != 0) {
        text += fmt::format(
            "left out: {} of how flows opened, as they came faster than they were read: one flow "
            "in "
            "{} was sampled meanwhile, the others are known by the flow table alone\n",
            counted_grouped(count[FST_COUNT_OPENING_UNSAMPLED], "event"), FST_OPENINGS_SAMPLED);
    }
    if (stats.stamps && stats.stamps->lost != 0) {
        text += fmt::format(
            "lost: {}, as they came faster than they were written: write to a faster disk, as "
            ".pcapng rather than .json, or watch fewer interfaces\n",
            counted_grouped(stats.stamps->lost, "stamp"));
    }
    const std::uint64_t flows = count[FST_COUNT_EVICT_LIVE] + count[FST_COUNT_FLOW_LOST];
    if (flows != 0) {
        text += fmt::format("lost: {}, as the flow table was full: raise --max-flows\n",
                            counted_grouped(flows, "live flow"));
    }
    if (stats.records_unread != 0) {
        text += fmt::format(
            "lost: {} that this program cannot read: its parts are of different versions; install "
            "it anew\n",
            counted_grouped(stats.records_unread, "record"));
    }
    if (count[FST_COUNT_ACT_FAILED] != 0) {
        text += fmt::format("passed: {} that the kernel could not rewrite\n",
                            counted_grouped(count[FST_COUNT_ACT_FAILED], "reset"));
    }
    return text;
}

std::string stats_text(const analysis::Stats& stats) {
    const auto& count = stats.counters;
    const std::uint64_t suspicious =
        count[FST_COUNT_RST_SUSPECTED] + count[FST_COUNT_RST_CONFIRMED];
    std::string text = fmt::format(
        "{} ({}), {}; {}, {} of them looked forged at first; findings: {} suspected, {} "
        "confirmed\n",
        counted_grouped(count[FST_COUNT_TCP], "packet"), bytes_text(count[FST_COUNT_BYTES]),
        counted_grouped(count[FST_COUNT_FLOW_NEW], "flow"),
        counted_grouped(count[FST_COUNT_RST], "reset"), grouped(suspicious),
        grouped(stats.findings_suspected), grouped(stats.findings_confirmed));
    if (count[FST_COUNT_DROPPED] != 0) {
        text += fmt::format("dropped: {}\n", counted_grouped(count[FST_COUNT_DROPPED], "reset"));
    }
    if (const analysis::ChallengeTally& tally = stats.challenges; tally.asked != 0) {
        text += fmt::format("challenges: {} asked, {} upheld, {} refuted, {} unanswered\n",
                            grouped(tally.asked), grouped(tally.upheld), grouped(tally.refuted),
                            grouped(tally.unanswered));
    }
    if (stats.stamps) {
        text += fmt::format("stamps: {} written\n", grouped(stats.stamps->written));
    }
    for (const auto& [encapsulation, frames] : stats.unopened) {
        text += fmt::format("{} {} {}, which is not opened\n", counted_grouped(frames, "frame"),
                            frames == 1 ? "holds" : "hold", encapsulation);
    }
    return text + losses_text(stats);
}

}  // namespace flowstamp::output
