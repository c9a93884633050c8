// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/compare/comparison.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <numeric>
#include <ranges>
#include <unordered_map>
#include <utility>

#include "user/analysis/compare/changes.h"
#include "user/analysis/compare/crossings.h"
#include "user/analysis/compare/drawn.h"
#include "user/analysis/compare/findings.h"
#include "user/analysis/compare/join.h"
#include "user/analysis/compare/judge.h"
#include "user/analysis/compare/pairs.h"
#include "user/analysis/compare/recording.h"
#include "user/analysis/compare/way.h"
#include "user/net/endpoint_hash.h"

namespace flowstamp::analysis::compare {

namespace {

constexpr std::size_t kDelaysKept = 200'000;

/// A connection in both captures, as far as it is compared.
struct Connection {
    std::array<std::vector<Pair>, 2> pairs{};  ///< by the direction of A's first view
    std::optional<bool> goes_to_b{};           ///< direction 0
    std::array<WayFacts, 2> facts{};
    std::array<std::vector<Mark>, 2> marks{};  ///< by direction; of findings by their index
};

struct AddressHash {
    std::size_t operator()(const net::Endpoint& end) const noexcept { return net::hash_of(end); }
};

class Comparer {
  public:
    Comparer(const Recording& a, const Recording& b, std::uint64_t first_id, std::size_t draw)
        : captures_{&a, &b}, join_(join(a, b)), writer_(captures_, first_id), draw_(draw) {}

    ComparedAndDrawn run() {
        match();
        orient_the_rest();
        clock_ = fit();
        result_.comparison.clock = clock_;
        if (clock_) {
            collect_facts();
        }
        judge();
        report();
        sort_findings();
        conclude();
        writer_.number(result_.findings);
        draw();
        drawing_.compared = std::move(result_);
        return std::move(drawing_);
    }

  private:
    [[nodiscard]] Packets packets_of(const Joined& joined, unsigned capture, std::size_t view,
                                     unsigned way) const {
        return captures_[capture]->packets(joined.views[capture][view],
                                           joined.direction_of(capture, view, way));
    }

    void match() {
        connections_.resize(join_.connections.size());
        for (std::size_t i = 0; i < connections_.size(); i++) {
            const Joined& joined = join_.connections[i];
            Connection& its = connections_[i];
            const std::array a = {packets_of(joined, 0, 0, 0), packets_of(joined, 0, 0, 1)};
            const std::array b = {packets_of(joined, 1, 0, 0), packets_of(joined, 1, 0, 1)};
            for (unsigned way = 0; way < 2; way++) {
                its.pairs[way] = pairs_of(a[way], b[way]);
            }
            its.goes_to_b = goes_to_b(a, b, its.pairs);
            if (its.goes_to_b) {
                remember_sides(joined, *its.goes_to_b);
            }
        }
    }

    [[nodiscard]] net::Endpoint end_at_a(const Joined& joined, unsigned end) const {
        net::Endpoint its = net::end_of(captures_[0]->views()[joined.main(0)].key, end);
        its.port = 0;
        return its;
    }
    void remember_sides(const Joined& joined, bool goes_to_b) {
        is_at_a_.try_emplace(end_at_a(joined, 0), goes_to_b);
        is_at_a_.try_emplace(end_at_a(joined, 1), !goes_to_b);
    }

    /// Connections of which one direction is missing: by the sides of their ends' other ones.
    void orient_the_rest() {
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

    [[nodiscard]] std::optional<ClockFit> fit() const {
        if (captures_[0]->size() == 0) {
            return std::nullopt;
        }
        ClockFitter fitter(captures_[0]->begin_ns(), captures_[0]->end_ns());
        for (std::size_t i = 0; i < connections_.size(); i++) {
            const Connection& its = connections_[i];
            for (unsigned way = 0; way < 2 && its.goes_to_b; way++) {
                const Packets a = packets_of(join_.connections[i], 0, 0, way);
                const Packets b = packets_of(join_.connections[i], 1, 0, way);
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

    /// Pairs whose first index is that at the sender's side of a way, in that order.
    static std::vector<Pair> by_sender(std::vector<Pair> pairs, bool goes_to_b) {
        if (!goes_to_b) {
            for (Pair& pair : pairs) {
                std::swap(pair.a, pair.b);
            }
            std::ranges::sort(pairs, {}, &Pair::a);
        }
        return pairs;
    }

    /// Nothing if it is not known where the connection's ends are.
    [[nodiscard]] std::optional<Way> way_of(std::size_t connection, unsigned direction) const {
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
            way.sent.push_back(packets_of(joined, from, view, direction));
            way.answers_at_sender.push_back(packets_of(joined, from, view, direction ^ 1U));
            const std::uint32_t index = joined.views[from][view];
            for (const std::uint32_t same : captures_[from]->same_ports(index)) {
                way.sent_by_any.push_back(
                    captures_[from]->packets(same, joined.direction_of(from, view, direction)));
            }
        }
        for (std::size_t view = 0; view < joined.views[to].size(); view++) {
            way.received.push_back(packets_of(joined, to, view, direction));
            way.answers.push_back(packets_of(joined, to, view, direction ^ 1U));
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

    void collect_facts() {
        for (std::size_t i = 0; i < connections_.size(); i++) {
            for (unsigned direction = 0; direction < 2; direction++) {
                const auto way = way_of(i, direction);
                if (!way) {
                    continue;
                }
                WayFacts& facts = connections_[i].facts[direction];
                facts = facts_of(*way, WayClock(clock_, way->goes_to_b));
                coverage_[way->goes_to_b ? 0 : 1].as_sender.add(facts.sender);
                coverage_[way->goes_to_b ? 1 : 0].as_receiver.add(facts.receiver);
                measure(*way, facts);
            }
        }
        for (const unsigned capture : {0U, 1U}) {
            const auto dropped = captures_[capture]->dropped();
            coverage_[capture].is_known_incomplete =
                dropped.value_or(0) != 0 || captures_[capture]->cut() != 0;
            coverage_[capture].is_known_complete = dropped == 0 && captures_[capture]->cut() == 0;
        }
    }

    void measure(const Way& way, const WayFacts& facts) {
        WayReport& report = result_.comparison.ways[way.goes_to_b ? 0 : 1];
        std::vector<std::int64_t>& delays = delays_[way.goes_to_b ? 0 : 1];
        std::uint32_t latest = 0;
        for (const Pair& pair : way.pairs) {
            report.reordered += pair.b < latest ? 1 : 0;
            latest = std::max(latest, pair.b);
            if (delays.size() < kDelaysKept) {
                const WayClock clock(clock_, way.goes_to_b);
                delays.push_back(clock.at_sender(way.received.front()[pair.b].time_ns) -
                                 way.sent.front()[pair.a].time_ns);
            }
        }
        report.pairs += way.pairs.size();
        report.sent_bytes += facts.sent_bytes;
        report.received_bytes += facts.received_bytes;
        const auto hops = hops_of(way);
        if (hops && way.pairs.size() > most_pairs_[way.goes_to_b ? 0 : 1]) {
            most_pairs_[way.goes_to_b ? 0 : 1] = way.pairs.size();
            report.hops = hops;
        }
    }

    void judge() {
        for (std::size_t i = 0; i < connections_.size(); i++) {
            std::array<std::optional<Way>, 2> ways = {way_of(i, 0), way_of(i, 1)};
            for (unsigned direction = 0; direction < 2; direction++) {
                if (clock_ && ways[direction]) {
                    judge_way(i, *ways[direction]);
                } else {
                    count_unjudgeable(i, direction);
                }
            }
            if (ways[0] && ways[1]) {
                add(i, writer_.changed(join_.connections[i], ways), result_.comparison.changed);
            }
        }
    }

    /// Whether there is such a finding.
    bool add(std::size_t connection, std::optional<Finding> finding, std::uint64_t& count) {
        if (!finding) {
            return false;
        }
        count++;
        result_.findings.push_back(*std::move(finding));
        connection_of_.push_back(connection);
        return true;
    }

    /// The latest finding is about these packets.
    template <class Indices>
    void mark(std::size_t connection, const Way& way, bool is_received, const Indices& indices) {
        for (const std::uint32_t index : indices) {
            connections_[connection].marks[way.direction].push_back(
                {is_received, index, result_.findings.size() - 1});
        }
    }

    void sort_findings() {
        std::vector<std::size_t> order(result_.findings.size());
        std::iota(order.begin(), order.end(), 0);
        std::ranges::stable_sort(order, {}, [this](std::size_t i) {
            const Finding& its = result_.findings[i];
            return std::pair(its.kind == FindingKind::changed, its.sighting.wall);
        });
        std::vector<Finding> sorted;
        std::vector<std::size_t> connection_of;
        place_of_.resize(order.size());
        for (const std::size_t i : order) {
            place_of_[i] = sorted.size();
            sorted.push_back(std::move(result_.findings[i]));
            connection_of.push_back(connection_of_[i]);
        }
        result_.findings = std::move(sorted);
        connection_of_ = std::move(connection_of);
    }

    void draw() {
        std::map<std::size_t, std::size_t> places;
        for (std::size_t i = 0; i < result_.findings.size() && draw_ != 0; i++) {
            const auto [place, is_new] = places.try_emplace(connection_of_[i], places.size());
            if (place->second >= draw_) {
                drawing_.not_drawn += is_new ? 1 : 0;
                continue;
            }
            if (is_new) {
                drawing_.drawn.push_back({.findings = {}, .crossings = crossings(place->first)});
            }
            drawing_.drawn[place->second].findings.push_back(i);
        }
    }

    [[nodiscard]] std::optional<Crossings> crossings(std::size_t connection) const {
        const std::array ways = {way_of(connection, 0), way_of(connection, 1)};
        if (!clock_ || !ways[0] || !ways[1]) {
            return std::nullopt;
        }
        Crossings its = ends_of(join_.connections[connection]);
        for (unsigned direction = 0; direction < 2; direction++) {
            std::vector<Mark> marks = connections_[connection].marks[direction];
            for (Mark& mark : marks) {
                mark.finding = place_of_[mark.finding];
            }
            std::ranges::move(
                crossings_of(*ways[direction], WayClock(clock_, ways[direction]->goes_to_b), marks),
                std::back_inserter(its.list));
        }
        thin_out(its);
        return its;
    }

    /// Who sends which direction, and from which number on.
    [[nodiscard]] Crossings ends_of(const Joined& joined) const {
        Crossings its;
        for (unsigned direction = 0; direction < 2; direction++) {
            for (const unsigned capture : {0U, 1U}) {
                const View& view = captures_[capture]->views()[joined.main(capture)];
                const unsigned end = joined.direction_of(capture, 0, direction);
                its.ends[capture][direction] = net::end_of(view.key, end);
                const Packets packets = packets_of(joined, capture, 0, direction);
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

    void judge_way(std::size_t connection, const Way& way) {
        const Joined& joined = join_.connections[connection];
        const WayFacts& facts = connections_[connection].facts[way.direction];
        const WayClock clock(clock_, way.goes_to_b);
        const Coverage& sender = coverage_[way.goes_to_b ? 0 : 1];
        const Coverage& receiver = coverage_[way.goes_to_b ? 1 : 0];
        std::vector<std::pair<std::uint32_t, Proof>> forged;
        for (const std::uint32_t index : facts.unsent_resets) {
            const auto proof = judge_reset(way, facts, clock, sender, index);
            if (proof) {
                forged.emplace_back(index, *proof);
            } else {
                result_.comparison.unjudged[proof.error()]++;
            }
        }
        if (add(connection, writer_.forged(joined, way, clock, forged),
                result_.comparison.forged)) {
            mark(connection, way, true, std::views::keys(forged));
        }
        for (const auto& [sign, packets] : {std::pair{DataSign::never_sent, &facts.unsent_data},
                                            std::pair{DataSign::other_bytes, &facts.other_data},
                                            std::pair{DataSign::sent_later, &facts.early_data}}) {
            if (packets->empty()) {
                continue;
            }
            if (const auto proof = judge_data(way, facts, sender, sign)) {
                add(connection, writer_.injected(joined, way, *packets, *proof, sign),
                    result_.comparison.injected);
                mark(connection, way, true, *packets);
            } else {
                result_.comparison.unjudged[proof.error()]++;
            }
        }
        if (const auto lost = judge_lost(way, facts, clock, receiver)) {
            if (*lost) {
                add(connection, writer_.eaten(joined, way, facts, **lost),
                    result_.comparison.eaten);
                mark(connection, way, false, (*lost)->packets);
            } else {
                result_.comparison.unjudged[lost->error()]++;
            }
        }
    }

    /// Resets that only one capture shows, where nothing is known of the clocks or sides.
    void count_unjudgeable(std::size_t connection, unsigned direction) {
        const Joined& joined = join_.connections[connection];
        const auto resets = [](Packets packets) {
            std::vector<std::uint32_t> numbers;
            for (const SeenPacket& packet : packets) {
                if (packet.is_reset()) {
                    numbers.push_back(packet.seq);
                }
            }
            std::ranges::sort(numbers);
            return numbers;
        };
        std::vector<std::uint32_t> differing;
        std::ranges::set_symmetric_difference(resets(packets_of(joined, 0, 0, direction)),
                                              resets(packets_of(joined, 1, 0, direction)),
                                              std::back_inserter(differing));
        if (!differing.empty()) {
            result_.comparison.unjudged[Unjudged::no_clock] += differing.size();
        }
    }

    void report() {
        Comparison& its = result_.comparison;
        its.joined = join_.connections.size();
        its.only_a = join_.only_a.size();
        its.only_b = join_.only_b.size();
        for (const unsigned capture : {0U, 1U}) {
            const Recording& from = *captures_[capture];
            its.captures[capture] = {.file = from.file(),
                                     .packets = from.size(),
                                     .left_out = from.left_out(),
                                     .cut = from.cut(),
                                     .dropped = from.dropped(),
                                     .begin = Nanoseconds(from.size() ? from.begin_ns() : 0),
                                     .end = Nanoseconds(from.size() ? from.end_ns() : 0),
                                     .coverage = coverage_[capture]};
            its.ways[capture].delay = delay_of(delays_[capture]);
        }
    }

    void conclude() {
        for (const FindingKind kind : {FindingKind::forged_rst, FindingKind::injected_segment,
                                       FindingKind::eaten, FindingKind::changed}) {
            const auto found = std::ranges::find(result_.findings, kind, &Finding::kind);
            if (found != result_.findings.end()) {
                result_.comparison.conclusion = found->summary.front();
                return;
            }
        }
    }

    static std::optional<WayReport::Delay> delay_of(std::vector<std::int64_t>& delays) {
        if (delays.empty()) {
            return std::nullopt;
        }
        std::ranges::sort(delays);
        const auto at = [&](std::size_t percent) {
            return Nanoseconds(delays[(delays.size() - 1) * percent / 100]);
        };
        return WayReport::Delay{.least = at(0), .median = at(50), .p95 = at(95), .most = at(100)};
    }

    std::array<const Recording*, 2> captures_;
    Join join_;
    FindingWriter writer_;
    std::vector<Connection> connections_;
    std::unordered_map<net::Endpoint, bool, AddressHash> is_at_a_;
    std::optional<ClockFit> clock_{};
    std::array<Coverage, 2> coverage_{};
    std::array<std::vector<std::int64_t>, 2> delays_{};
    std::array<std::size_t, 2> most_pairs_{};
    std::size_t draw_;
    std::vector<std::size_t> connection_of_;  ///< of each finding
    std::vector<std::size_t> place_of_;       ///< of each finding as it was found
    Compared result_{};
    ComparedAndDrawn drawing_{};
};

}  // namespace

ComparedAndDrawn compare_and_draw(const Recording& a, const Recording& b, std::uint64_t first_id,
                                  std::size_t most) {
    return Comparer(a, b, first_id, most).run();
}

Compared compare(const Recording& a, const Recording& b, std::uint64_t first_id) {
    return compare_and_draw(a, b, first_id, 0).compared;
}

}  // namespace flowstamp::analysis::compare
