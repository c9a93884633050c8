// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/compare/matched.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace flowstamp::analysis::compare {

namespace {

/// Pairs whose first index is that at the sender's side of a way, in that order.
std::vector<Pair> by_sender(std::vector<Pair> pairs, bool goes_to_b) {
    if (!goes_to_b) {
        for (Pair& pair : pairs) {
            std::swap(pair.a, pair.b);
        }
        std::ranges::sort(pairs, {}, &Pair::a);
    }
    return pairs;
}

}  // namespace

Matched::Matched(const Recording& a, const Recording& b)
    : captures_{&a, &b}, join_(compare::join(a, b)) {
    pair_packets();
    orient_the_rest();
}

Packets Matched::packets(const Joined& joined, unsigned capture, std::size_t view,
                         unsigned direction) const {
    return captures_[capture]->packets(joined.views[capture][view],
                                       joined.direction_of(capture, view, direction));
}

void Matched::pair_packets() {
    connections_.resize(join_.connections.size());
    for (std::size_t i = 0; i < connections_.size(); i++) {
        const Joined& joined = join_.connections[i];
        Connection& its = connections_[i];
        const std::array a = {packets(joined, 0, 0, 0), packets(joined, 0, 0, 1)};
        const std::array b = {packets(joined, 1, 0, 0), packets(joined, 1, 0, 1)};
        for (unsigned way = 0; way < 2; way++) {
            its.pairs[way] = pairs_of(a[way], b[way]);
        }
        its.goes_to_b = goes_to_b(a, b, its.pairs);
        if (its.goes_to_b) {
            is_at_a_.try_emplace(end_at_a(joined, 0), *its.goes_to_b);
            is_at_a_.try_emplace(end_at_a(joined, 1), !*its.goes_to_b);
        }
    }
}

net::Endpoint Matched::end_at_a(const Joined& joined, unsigned end) const {
    net::Endpoint its = net::end_of(captures_[0]->views()[joined.main(0)].key, end);
    its.port = 0;
    return its;
}
/// Connections of which one direction is missing: by the sides of their ends' other ones.
void Matched::orient_the_rest() {
    for (std::size_t i = 0; i < connections_.size(); i++) {
        if (connections_[i].goes_to_b) {
            continue;
        }
        const auto sender = is_at_a_.find(end_at_a(join_.connections[i], 0));
        const auto other = is_at_a_.find(end_at_a(join_.connections[i], 1));
        if (sender != is_at_a_.end() &&
            (other == is_at_a_.end() || other->second != sender->second)) {
            connections_[i].goes_to_b = sender->second;
        } else if (other != is_at_a_.end() && sender == is_at_a_.end()) {
            connections_[i].goes_to_b = !other->second;
        }
    }
}

std::optional<ClockFit> Matched::fit_clocks() const {
    if (captures_[0]->size() == 0) {
        return std::nullopt;
    }
    ClockFitter fitter(captures_[0]->begin_ns(), captures_[0]->end_ns());
    for (std::size_t i = 0; i < connections_.size(); i++) {
        const Connection& its = connections_[i];
        for (unsigned way = 0; way < 2 && its.goes_to_b; way++) {
            const Packets a = packets(join_.connections[i], 0, 0, way);
            const Packets b = packets(join_.connections[i], 1, 0, way);
            for (const Pair& pair : its.pairs[way]) {
                if (!a[pair.a].is_reset()) {
                    fitter.add(a[pair.a].time_ns, b[pair.b].time_ns - a[pair.a].time_ns,
                               *its.goes_to_b != (way == 1));
                }
            }
        }
    }
    return fitter.fit();
}

std::optional<Way> Matched::way(std::size_t connection, unsigned direction) const {
    const Joined& joined = join_.connections[connection];
    const Connection& its = connections_[connection];
    if (!its.goes_to_b) {
        return std::nullopt;
    }
    Way way;
    way.goes_to_b = *its.goes_to_b != (direction == 1);
    way.direction = direction;
    const unsigned from = way.goes_to_b ? 0 : 1;
    const unsigned to = from ^ 1U;
    way.sender = captures_[from];
    way.receiver = captures_[to];
    for (std::size_t view = 0; view < joined.views[from].size(); view++) {
        way.sent.push_back(packets(joined, from, view, direction));
        way.answers_at_sender.push_back(packets(joined, from, view, direction ^ 1U));
        const std::uint32_t index = joined.views[from][view];
        for (const std::uint32_t same : captures_[from]->same_ports(index)) {
            way.sent_by_any.push_back(
                captures_[from]->packets(same, joined.direction_of(from, view, direction)));
        }
    }
    for (std::size_t view = 0; view < joined.views[to].size(); view++) {
        way.received.push_back(packets(joined, to, view, direction));
        way.answers.push_back(packets(joined, to, view, direction ^ 1U));
    }
    for (const unsigned capture : {0U, 1U}) {
        for (const std::uint32_t view : joined.views[capture]) {
            const View& seen = captures_[capture]->views()[view];
            way.ports_reused = way.ports_reused || seen.has_successor || seen.succeeds;
        }
    }
    way.pairs = by_sender(its.pairs[direction], way.goes_to_b);
    way.back = by_sender(its.pairs[direction ^ 1U], way.goes_to_b);
    return way;
}

}  // namespace flowstamp::analysis::compare
