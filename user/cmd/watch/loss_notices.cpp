// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/watch/loss_notices.h"

#include <fmt/format.h>

#include <utility>

#include "flowstamp/config.h"

namespace flowstamp::cmd {

std::optional<std::string> LossNotices::stamps_since_last(const analysis::StampTally& stamps) {
    const std::uint64_t now = stamps.lost - std::exchange(stamps_, stamps.lost);
    if (now == 0) {
        return std::nullopt;
    }
    return fmt::format(
        "{} stamps were lost, as they came faster than they were written; write to a faster disk, "
        "as .pcapng rather than .json, or watch fewer interfaces",
        now);
}

std::vector<std::string> LossNotices::since_last(const analysis::Stats& stats) {
    const auto& count = stats.counters;
    std::vector<std::string> lines;
    const auto add_line = [&](std::uint64_t& before, std::uint64_t now, std::string_view line) {
        if (now > before) {
            lines.push_back(fmt::format(fmt::runtime(line), now - before));
        }
        before = now;
    };
    add_line(
        events_, count[FST_COUNT_EVENT_LOST],
        "{} events were lost, as they came faster than they were read; watch fewer interfaces, or "
        "give this process more CPU");
    add_line(openings_, count[FST_COUNT_OPENING_UNSAMPLED],
             fmt::format("{{}} events of how flows opened were left out, as they came faster than "
                         "they were read: one flow in {} was sampled meanwhile, the others are "
                         "known by the flow table alone; watch fewer interfaces, or give this "
                         "process more CPU",
                         FST_OPENINGS_SAMPLED));
    add_line(flows_, count[FST_COUNT_EVICT_LIVE] + count[FST_COUNT_FLOW_LOST],
             "{} live flows were lost, as the flow table is full; raise --max-flows");
    add_line(unread_, stats.records_unread,
             "{} records were lost, as this program and its data path are of different versions; "
             "reinstall it");
    return lines;
}

}  // namespace flowstamp::cmd
