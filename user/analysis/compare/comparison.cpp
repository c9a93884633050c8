// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/compare/comparison.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <ranges>
#include <utility>

#include "user/analysis/compare/changes.h"
#include "user/analysis/compare/findings.h"
#include "user/analysis/compare/join.h"
#include "user/analysis/compare/judge.h"
#include "user/analysis/compare/judged.h"
#include "user/analysis/compare/matched.h"
#include "user/analysis/compare/pairs.h"
#include "user/analysis/compare/recording.h"
#include "user/analysis/compare/way.h"

namespace flowstamp::analysis::compare {

namespace {

constexpr std::size_t kDelaysKept = 200'000;

class Comparer {
  public:
    Comparer(const Matched& matched, std::uint64_t first_id)
        : matched_(matched),
          clock_(matched.fit_clocks()),
          writer_({&matched.capture(0), &matched.capture(1)}, first_id) {}

    Judged run() {
        result_.comparison.clock = clock_;
        if (clock_) {
            collect_facts();
        }
        judge();
        report();
        std::ranges::stable_sort(result_.found, {}, [](const Found& its) {
            return std::pair(its.finding.kind == FindingKind::changed, its.finding.sighting.wall);
        });
        for (Found& its : result_.found) {
            writer_.number(its.finding);
        }
        conclude();
        return std::move(result_);
    }

  private:
    void collect_facts() {
        for (std::size_t i = 0; i < matched_.size(); i++) {
            for (unsigned direction = 0; direction < 2; direction++) {
                const auto way = matched_.way(i, direction);
                if (!way) {
                    continue;
                }
                WayFacts& facts = facts_[i][direction];
                facts = facts_of(*way, WayClock(clock_, way->goes_to_b));
                coverage_[way->goes_to_b ? 0 : 1].as_sender.add(facts.sender);
                coverage_[way->goes_to_b ? 1 : 0].as_receiver.add(facts.receiver);
                measure(*way, facts);
            }
        }
        for (const unsigned capture : {0U, 1U}) {
            const Recording& from = matched_.capture(capture);
            const auto dropped = from.dropped();
            coverage_[capture].is_known_incomplete = dropped.value_or(0) != 0 || from.cut() != 0;
            coverage_[capture].is_known_complete = dropped == 0 && from.cut() == 0;
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
        for (std::size_t i = 0; i < matched_.size(); i++) {
            const std::array ways = {matched_.way(i, 0), matched_.way(i, 1)};
            for (unsigned direction = 0; direction < 2; direction++) {
                if (clock_ && ways[direction]) {
                    judge_way(i, *ways[direction]);
                } else {
                    count_unjudgeable(i, direction);
                }
            }
            if (ways[0] && ways[1]) {
                add(i, 0, writer_.changed(matched_.joined(i), ways), result_.comparison.changed);
            }
        }
    }

    /// `packets`: those that it is about, if there is such a finding.
    void add(std::size_t connection, unsigned direction, std::optional<Finding> finding,
             std::uint64_t& count, bool is_received = false,
             std::span<const std::uint32_t> packets = {}) {
        if (!finding) {
            return;
        }
        count++;
        result_.found.push_back({.finding = *std::move(finding),
                                 .connection = connection,
                                 .direction = direction,
                                 .is_received = is_received,
                                 .packets = {packets.begin(), packets.end()}});
    }

    void judge_way(std::size_t connection, const Way& way) {
        const Joined& joined = matched_.joined(connection);
        const WayFacts& facts = facts_[connection][way.direction];
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
        std::vector<std::uint32_t> resets;
        std::ranges::copy(std::views::keys(forged), std::back_inserter(resets));
        add(connection, way.direction, writer_.forged(joined, way, clock, forged),
            result_.comparison.forged, true, resets);
        for (const auto& [sign, packets] : {std::pair{DataSign::never_sent, &facts.unsent_data},
                                            std::pair{DataSign::other_bytes, &facts.other_data},
                                            std::pair{DataSign::sent_later, &facts.early_data}}) {
            if (packets->empty()) {
                continue;
            }
            if (const auto proof = judge_data(way, facts, sender, sign)) {
                add(connection, way.direction,
                    writer_.injected(joined, way, *packets, *proof, sign),
                    result_.comparison.injected, true, *packets);
            } else {
                result_.comparison.unjudged[proof.error()]++;
            }
        }
        if (const auto lost = judge_lost(way, facts, clock, receiver)) {
            if (*lost) {
                add(connection, way.direction, writer_.eaten(joined, way, facts, **lost),
                    result_.comparison.eaten, false, (*lost)->packets);
            } else {
                result_.comparison.unjudged[lost->error()]++;
            }
        }
    }

    /// Resets that only one capture shows, where nothing is known of the clocks or sides.
    void count_unjudgeable(std::size_t connection, unsigned direction) {
        const Joined& joined = matched_.joined(connection);
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
        std::ranges::set_symmetric_difference(resets(matched_.packets(joined, 0, 0, direction)),
                                              resets(matched_.packets(joined, 1, 0, direction)),
                                              std::back_inserter(differing));
        if (!differing.empty()) {
            result_.comparison.unjudged[Unjudged::no_clock] += differing.size();
        }
    }

    void report() {
        Comparison& its = result_.comparison;
        its.joined = matched_.size();
        its.only_a = matched_.join().only_a.size();
        its.only_b = matched_.join().only_b.size();
        for (const unsigned capture : {0U, 1U}) {
            const Recording& from = matched_.capture(capture);
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
            const auto found = std::ranges::find(result_.found, kind,
                                                 [](const Found& its) { return its.finding.kind; });
            if (found != result_.found.end()) {
                result_.comparison.conclusion = found->finding.summary.front();
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

    const Matched& matched_;
    std::optional<ClockFit> clock_;
    FindingWriter writer_;
    std::vector<std::array<WayFacts, 2>> facts_{matched_.size()};  ///< by connection, direction
    std::array<Coverage, 2> coverage_{};
    std::array<std::vector<std::int64_t>, 2> delays_{};
    std::array<std::size_t, 2> most_pairs_{};
    Judged result_{};
};

}  // namespace

Judged judge(const Matched& matched, std::uint64_t first_id) {
    return Comparer(matched, first_id).run();
}

Compared without_packets(Judged judged) {
    Compared its{.comparison = std::move(judged.comparison)};
    for (Found& found : judged.found) {
        its.findings.push_back(std::move(found.finding));
    }
    return its;
}

Compared compare(const Recording& a, const Recording& b, std::uint64_t first_id) {
    return without_packets(judge(Matched(a, b), first_id));
}

}  // namespace flowstamp::analysis::compare
