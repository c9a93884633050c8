// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/compare/crossings.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <map>
#include <tuple>
#include <utility>

namespace flowstamp::analysis::compare {

namespace {

/// So many candidates on either side of the likely one are looked at.
constexpr std::ptrdiff_t kLook = 32;

auto exact_key(const SeenPacket& its) {
    constexpr std::uint8_t kFlags = FST_TCP_SYN | FST_TCP_RST | FST_TCP_FIN;
    return std::tuple(its.seq, its.ack, its.payload, its.tcp_flags & kFlags);
}

/// Which sent packet is which received one. Packets that findings are about are no one else.
class Matcher {
  public:
    Matcher(const Way& way, const WayClock& clock, std::span<const Mark> marks)
        : clock_(clock),
          sent_(way.sent.front()),
          received_(way.received.front()),
          is_sent_taken_(sent_.size()),
          is_received_taken_(received_.size()),
          is_sent_linked_(sent_.size()),
          is_received_linked_(received_.size()) {
        for (const Mark& mark : marks) {
            (mark.is_received ? is_received_taken_ : is_sent_taken_)[mark.index] = true;
        }
        std::vector<std::int64_t> delays;
        delays.reserve(way.pairs.size());
        for (const Pair& pair : way.pairs) {
            delays.push_back(delay_of(pair.a, pair.b));
        }
        if (!delays.empty()) {
            const auto middle = delays.begin() + static_cast<std::ptrdiff_t>(delays.size() / 2);
            std::ranges::nth_element(delays, middle);
            usual_delay_ = *middle;
        }
        for (const Pair& pair : way.pairs) {
            if (!is_sent_taken_[pair.a] && !is_received_taken_[pair.b] && fits(pair.a, pair.b)) {
                link(pair.a, pair.b);
            }
        }
    }

    /// Indices of what was sent and what was received.
    [[nodiscard]] std::vector<Pair> match() {
        match_same();
        match_parts();
        return std::move(links_);
    }
    [[nodiscard]] bool is_sent_taken(std::uint32_t i) const { return is_sent_taken_[i]; }
    [[nodiscard]] bool is_received_taken(std::uint32_t i) const { return is_received_taken_[i]; }

  private:
    [[nodiscard]] std::int64_t delay_of(std::uint32_t sent, std::uint32_t received) const {
        return clock_.at_sender(received_[received].time_ns) - sent_[sent].time_ns;
    }
    [[nodiscard]] bool fits(std::uint32_t sent, std::uint32_t received) const {
        constexpr std::int64_t kLongest = 2'000'000'000;
        const std::int64_t delay = delay_of(sent, received);
        return delay >= -clock_.uncertainty() && delay <= kLongest;
    }
    void link(std::uint32_t sent, std::uint32_t received) {
        is_sent_taken_[sent] = is_received_taken_[received] = true;
        is_sent_linked_[sent] = is_received_linked_[received] = true;
        links_.push_back({sent, received});
    }

    /// What was sent again has the same numbers: the same IP-ID tells it, or else the time.
    void match_same() {
        std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t, int>,
                 std::vector<std::uint32_t>>
            sent;
        for (std::uint32_t i = 0; i < sent_.size(); i++) {
            if (!is_sent_taken_[i]) {
                sent[exact_key(sent_[i])].push_back(i);
            }
        }
        for (std::uint32_t i = 0; i < received_.size(); i++) {
            const auto same =
                is_received_taken_[i] ? sent.end() : sent.find(exact_key(received_[i]));
            const auto best = same == sent.end() ? std::nullopt : best_of(same->second, i);
            if (best) {
                link(*best, i);
            }
        }
    }

    [[nodiscard]] std::optional<std::uint32_t> best_of(const std::vector<std::uint32_t>& candidates,
                                                       std::uint32_t received) const {
        const std::int64_t likely = clock_.at_sender(received_[received].time_ns) - usual_delay_;
        const auto at = std::ranges::lower_bound(
            candidates, likely, {}, [this](std::uint32_t i) { return sent_[i].time_ns; });
        const auto from = at - std::min(at - candidates.begin(), kLook);
        const auto to = at + std::min(candidates.end() - at, kLook);
        std::optional<std::uint32_t> best;
        std::pair<bool, std::int64_t> best_rank;
        for (auto its = from; its != to; ++its) {
            const std::uint16_t id = received_[received].ip_id;
            const std::pair rank{id == 0 || sent_[*its].ip_id != id,
                                 std::abs(delay_of(*its, received) - usual_delay_)};
            if (!is_sent_taken_[*its] && fits(*its, received) && (!best || rank < best_rank)) {
                best = *its;
                best_rank = rank;
            }
        }
        return best;
    }

    /// A network card cuts a large packet behind the sender's capture, or merges several before the
    /// receiver's: the one with the first byte is the other one.
    void match_parts() {
        for (std::uint32_t i = 0; i < received_.size(); i++) {
            if (!is_received_taken_[i] && is_data(received_[i])) {
                const auto whole = holder(sent_, received_[i].seq,
                                          clock_.at_sender(received_[i].time_ns) - usual_delay_);
                if (whole && fits(*whole, i) && !is_marked(*whole)) {
                    link(*whole, i);
                }
            }
        }
        for (std::uint32_t i = 0; i < sent_.size(); i++) {
            if (!is_sent_taken_[i] && is_data(sent_[i])) {
                const auto whole = holder(received_, sent_[i].seq,
                                          clock_.at_receiver(sent_[i].time_ns + usual_delay_));
                if (whole && fits(i, *whole) && is_linked(*whole)) {
                    link(i, *whole);
                }
            }
        }
    }

    static bool is_data(const SeenPacket& its) { return its.payload != 0 && !its.is_reset(); }
    /// Taken by a finding: it has no link.
    [[nodiscard]] bool is_marked(std::uint32_t sent) const {
        return is_sent_taken_[sent] && !is_sent_linked_[sent];
    }
    [[nodiscard]] bool is_linked(std::uint32_t received) const {
        return !is_received_taken_[received] || is_received_linked_[received];
    }

    /// The packet of about that time that has the byte `seq`.
    static std::optional<std::uint32_t> holder(Packets packets, std::uint32_t seq,
                                               std::int64_t time) {
        const auto at = std::ranges::lower_bound(packets, time, {}, &SeenPacket::time_ns);
        const auto from = at - std::min(at - packets.begin(), kLook);
        const auto to = at + std::min(packets.end() - at, kLook);
        std::optional<std::uint32_t> best;
        std::int64_t least = 0;
        for (auto its = from; its != to; ++its) {
            const std::int64_t away = std::abs(its->time_ns - time);
            if (is_data(*its) && seq - its->seq < its->payload && (!best || away < least)) {
                best = static_cast<std::uint32_t>(its - packets.begin());
                least = away;
            }
        }
        return best;
    }

    const WayClock& clock_;
    Packets sent_;
    Packets received_;
    std::vector<bool> is_sent_taken_;
    std::vector<bool> is_received_taken_;
    std::vector<bool> is_sent_linked_;
    std::vector<bool> is_received_linked_;
    std::int64_t usual_delay_ = 0;
    std::vector<Pair> links_;
};

/// Both by A's clock.
Crossing crossing_of(const Way& way, const WayClock& clock, const SeenPacket* sent,
                     const SeenPacket* received) {
    Crossing its{.direction = static_cast<std::uint8_t>(way.direction),
                 .goes_to_b = way.goes_to_b,
                 .passage = sent && received ? Passage::arrived : Passage::one_sided};
    auto& at_sender = way.goes_to_b ? its.at_a : its.at_b;
    auto& at_receiver = way.goes_to_b ? its.at_b : its.at_a;
    if (sent) {
        at_sender = *sent;
    }
    if (received) {
        at_receiver = *received;
    }
    if (its.at_b) {
        its.at_b->time_ns = way.goes_to_b ? clock.at_sender(its.at_b->time_ns)
                                          : clock.at_receiver(its.at_b->time_ns);
    }
    return its;
}

}  // namespace

std::vector<Crossing> crossings_of(const Way& way, const WayClock& clock,
                                   std::span<const Mark> marks) {
    const Packets sent = way.sent.front();
    const Packets received = way.received.front();
    Matcher matcher(way, clock, marks);
    std::vector<Crossing> crossings;
    for (const Pair& link : matcher.match()) {
        crossings.push_back(crossing_of(way, clock, &sent[link.a], &received[link.b]));
    }
    for (const Mark& mark : marks) {
        crossings.push_back(mark.is_received
                                ? crossing_of(way, clock, nullptr, &received[mark.index])
                                : crossing_of(way, clock, &sent[mark.index], nullptr));
        crossings.back().passage = mark.is_received ? Passage::never_sent : Passage::eaten;
        crossings.back().finding = mark.finding;
    }
    for (std::uint32_t i = 0; i < sent.size(); i++) {
        if (!matcher.is_sent_taken(i)) {
            crossings.push_back(crossing_of(way, clock, &sent[i], nullptr));
        }
    }
    for (std::uint32_t i = 0; i < received.size(); i++) {
        if (!matcher.is_received_taken(i)) {
            crossings.push_back(crossing_of(way, clock, nullptr, &received[i]));
        }
    }
    return crossings;
}

void thin_out(Crossings& crossings) {
    constexpr std::size_t kEnds = 4;
    constexpr std::size_t kBefore = 5;
    constexpr std::size_t kAfter = 8;
    constexpr std::size_t kRowBegins = 6;  // of those that one finding is about
    constexpr std::size_t kRowEnds = 2;
    std::vector<Crossing>& list = crossings.list;
    std::ranges::stable_sort(list, {}, &Crossing::time_ns);
    std::vector<bool> kept(list.size());
    const auto keep = [&](std::size_t from, std::size_t to) {
        for (std::size_t i = from; i < std::min(to, list.size()); i++) {
            kept[i] = true;
        }
    };
    keep(0, kEnds);
    keep(list.size() - std::min(list.size(), kEnds), list.size());
    std::map<std::uint64_t, std::vector<std::size_t>> rows;
    for (std::size_t i = 0; i < list.size(); i++) {
        if (list[i].finding) {
            rows[*list[i].finding].push_back(i);
        }
    }
    for (const auto& [finding, row] : rows) {
        for (std::size_t i = 0; i < row.size(); i++) {
            if (i < kRowBegins || i + kRowEnds >= row.size()) {
                keep(row[i] - std::min(row[i], kBefore), row[i] + kAfter + 1);
            }
        }
    }
    std::vector<Crossing> rest;
    std::uint64_t left_out = 0;
    for (std::size_t i = 0; i < list.size(); i++) {
        if (!kept[i]) {
            left_out++;
            continue;
        }
        rest.push_back(list[i]);
        rest.back().left_out_before = std::exchange(left_out, 0);
    }
    crossings.left_out_after = left_out;
    list = std::move(rest);
}

}  // namespace flowstamp::analysis::compare
