// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/report/ladder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "user/base/time_text.h"
#include "user/output/text/counted.h"

namespace flowstamp::output {

namespace {

using analysis::compare::Crossing;
using analysis::compare::Crossings;
using analysis::compare::SeenPacket;

/// Numbers wrap; one shortly below the first is negative.
std::int64_t relative(std::uint32_t number, std::uint32_t first) {
    constexpr std::uint32_t kBelow = 0xff000000;
    const std::uint32_t distance = number - first;
    return distance >= kBelow ? static_cast<std::int32_t>(distance)
                              : static_cast<std::int64_t>(distance);
}

TracedPacket traced(const SeenPacket& seen, unsigned direction,
                    const std::array<std::uint32_t, 2>& first, bool is_v4) {
    TracedPacket its{.wall = Nanoseconds(seen.time_ns),
                     .frame = seen.frame,
                     .seq = relative(seen.seq, first.at(direction)),
                     .payload = seen.payload,
                     .window = seen.window,
                     .sender = static_cast<std::uint8_t>(direction),
                     .ttl = seen.ttl,
                     .tcp_flags = seen.tcp_flags};
    if (seen.tcp_flags & FST_TCP_ACK) {
        its.ack = relative(seen.ack, first.at(direction ^ 1U));
    }
    if (is_v4) {
        its.ip_id = seen.ip_id;
    }
    return its;
}

std::string length_text(double nanoseconds) {
    return duration_text(Nanoseconds(static_cast<std::int64_t>(std::abs(nanoseconds))));
}

}  // namespace

std::string Ladder::left_out() const {
    std::uint64_t count = left_out_after;
    for (const Arrow& arrow : arrows) {
        count += arrow.left_out_before;
    }
    return count == 0 ? ""
                      : fmt::format(
                            "{} not drawn: shown are the beginning, the end, and what is "
                            "next to what the findings are about.",
                            counted_grouped(count, "packet"));
}

Ladder ladder_of(const Crossings& crossings, const analysis::compare::ClockFit& clock,
                 std::span<const std::size_t> entries, const std::array<std::string, 2>& names) {
    Ladder ladder{
        .captures = names,
        .ends = crossings.ends,
        .first_numbers = {crossings.begins[0].value_or(0), crossings.begins[1].value_or(0)},
        .opener = crossings.opener,
        .left_out_after = crossings.left_out_after};
    ladder.clocks = fmt::format(
        "Time is that of {}; {}'s clock is {} {}, to within {}, and its times are drawn earlier or "
        "later by that. Time runs downwards, not to scale.",
        names[0], names[1], length_text(clock.offset_ns), clock.offset_ns < 0 ? "behind" : "ahead",
        length_text(clock.uncertainty_ns));
    for (const Crossing& its : crossings.list) {
        Ladder::Arrow arrow{.goes_to_b = its.goes_to_b,
                            .passage = its.passage,
                            .left_out_before = its.left_out_before};
        if (its.finding) {
            arrow.entry = entries[*its.finding];
        }
        const auto point = [&](const std::optional<SeenPacket>& seen, unsigned capture) {
            return seen ? std::optional(traced(*seen, its.direction, ladder.first_numbers,
                                               crossings.ends.at(capture)[0].is_v4()))
                        : std::nullopt;
        };
        arrow.at_a = point(its.at_a, 0);
        arrow.at_b = point(its.at_b, 1);
        ladder.arrows.push_back(std::move(arrow));
    }
    return ladder;
}

}  // namespace flowstamp::output
