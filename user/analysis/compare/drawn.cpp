// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/compare/drawn.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <utility>

#include "user/analysis/compare/judged.h"
#include "user/analysis/compare/matched.h"
#include "user/analysis/compare/way.h"

namespace flowstamp::analysis::compare {

namespace {

/// Who sends which direction, and from which number on.
Crossings ends_of(const Matched& matched, const Joined& joined) {
    Crossings its;
    for (unsigned direction = 0; direction < 2; direction++) {
        for (const unsigned capture : {0U, 1U}) {
            const View& view = matched.capture(capture).views()[joined.main(capture)];
            const unsigned end = joined.direction_of(capture, 0, direction);
            its.ends[capture][direction] = net::end_of(view.key, end);
            const Packets packets = matched.packets(joined, capture, 0, direction);
            const bool has_first = its.begins[direction].has_value();
            if (view.isn[end]) {
                its.begins[direction] = view.isn[end];
            } else if (!has_first && !packets.empty()) {
                its.begins[direction] = packets.front().seq;
            }
            if (!packets.empty() && (packets.front().tcp_flags & FST_TCP_SYN) &&
                !(packets.front().tcp_flags & FST_TCP_ACK)) {
                its.opener = direction;
            }
        }
    }
    return its;
}

/// The packets of a direction that findings are about.
std::vector<Mark> marks_of(const std::vector<Found>& found, std::size_t connection,
                           unsigned direction) {
    std::vector<Mark> marks;
    for (std::size_t i = 0; i < found.size(); i++) {
        if (found[i].connection == connection && found[i].direction == direction) {
            for (const std::uint32_t index : found[i].packets) {
                marks.push_back(
                    {.is_received = found[i].is_received, .index = index, .finding = i});
            }
        }
    }
    return marks;
}

std::optional<Crossings> crossings(const Matched& matched, const Judged& judged,
                                   std::size_t connection) {
    const std::optional<ClockFit>& clock = judged.comparison.clock;
    const std::array ways = {matched.way(connection, 0), matched.way(connection, 1)};
    if (!clock || !ways[0] || !ways[1]) {
        return std::nullopt;
    }
    Crossings its = ends_of(matched, matched.joined(connection));
    for (unsigned direction = 0; direction < 2; direction++) {
        std::ranges::move(
            crossings_of(*ways[direction], WayClock(clock, ways[direction]->goes_to_b),
                         marks_of(judged.found, connection, direction)),
            std::back_inserter(its.list));
    }
    thin_out(its);
    return its;
}

}  // namespace

ComparedAndDrawn compare_and_draw(const Recording& a, const Recording& b, std::uint64_t first_id,
                                  std::size_t most) {
    const Matched matched(a, b);
    Judged judged = judge(matched, first_id);
    ComparedAndDrawn its;
    std::map<std::size_t, std::size_t> places;  // of connections
    for (std::size_t i = 0; i < judged.found.size() && most != 0; i++) {
        const std::size_t connection = judged.found[i].connection;
        const auto [place, is_new] = places.try_emplace(connection, places.size());
        if (place->second >= most) {
            its.not_drawn += is_new ? 1 : 0;
            continue;
        }
        if (is_new) {
            its.drawn.push_back(
                {.findings = {}, .crossings = crossings(matched, judged, connection)});
        }
        its.drawn[place->second].findings.push_back(i);
    }
    its.compared = without_packets(std::move(judged));
    return its;
}

}  // namespace flowstamp::analysis::compare
