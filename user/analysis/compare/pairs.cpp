// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/compare/pairs.h"

#include <algorithm>
#include <span>
#include <tuple>

namespace flowstamp::analysis::compare {

namespace {

struct Numbered {
    std::uint64_t numbers;  ///< sequence and acknowledgement number
    std::uint32_t index;
    std::uint8_t kind;  ///< flags that count, and whether it has data

    [[nodiscard]] auto key() const { return std::tuple(numbers, kind); }
};

std::vector<Numbered> numbered(std::span<const SeenPacket> packets) {
    constexpr std::uint8_t kFlags = FST_TCP_SYN | FST_TCP_RST | FST_TCP_FIN;
    constexpr std::uint8_t kData = FST_TCP_PSH;  // the bit is free here: PSH is not compared
    std::vector<Numbered> list;
    list.reserve(packets.size());
    for (std::uint32_t i = 0; i < packets.size(); i++) {
        const SeenPacket& packet = packets[i];
        // The FIN of a packet that was split travels in the last of its parts.
        const std::uint8_t flags =
            packet.payload != 0 ? packet.tcp_flags & ~FST_TCP_FIN : packet.tcp_flags;
        list.push_back(
            {std::uint64_t{packet.seq} << 32U | packet.ack, i,
             static_cast<std::uint8_t>((flags & kFlags) | (packet.payload != 0 ? kData : 0U))});
    }
    std::ranges::sort(list, {},
                      [](const Numbered& its) { return std::tuple(its.key(), its.index); });
    return list;
}

bool is_single(const std::vector<Numbered>& list, std::size_t at) {
    return (at == 0 || list[at - 1].key() != list[at].key()) &&
           (at + 1 == list.size() || list[at + 1].key() != list[at].key());
}

/// More pairs of `direction` that lost TTL on the way to B, less those that lost it on the way to A.
std::int64_t ttl_votes(std::span<const SeenPacket> a, std::span<const SeenPacket> b,
                       const std::vector<Pair>& pairs) {
    std::int64_t votes = 0;
    for (const Pair& pair : pairs) {
        const int lost = a[pair.a].ttl - b[pair.b].ttl;
        votes += lost > 0 ? 1 : lost < 0 ? -1 : 0;
    }
    return votes;
}

/// How much later at B the packets of direction 0 are than those of direction 1, by any two clocks,
/// ns: the median over each packet with the next one of the other direction, so close that no clock
/// drifts between. 0 if there are none.
std::int64_t time_difference(const std::array<std::span<const SeenPacket>, 2>& a,
                             const std::array<std::span<const SeenPacket>, 2>& b,
                             const std::array<std::vector<Pair>, 2>& pairs) {
    std::vector<std::int64_t> differences;
    std::size_t next = 0;
    for (const Pair& pair : pairs[0]) {
        const std::int64_t time = a[0][pair.a].time_ns;
        while (next < pairs[1].size() && a[1][pairs[1][next].a].time_ns < time) {
            next++;
        }
        if (next == pairs[1].size()) {
            break;
        }
        const Pair& other = pairs[1][next];
        differences.push_back((b[0][pair.b].time_ns - time) -
                              (b[1][other.b].time_ns - a[1][other.a].time_ns));
    }
    if (differences.empty()) {
        return 0;
    }
    const auto middle = differences.begin() + static_cast<std::ptrdiff_t>(differences.size() / 2);
    std::ranges::nth_element(differences, middle);
    return *middle;
}

}  // namespace

std::vector<Pair> pairs_of(std::span<const SeenPacket> a, std::span<const SeenPacket> b) {
    const std::vector<Numbered> of_a = numbered(a);
    const std::vector<Numbered> of_b = numbered(b);
    std::vector<Pair> pairs;
    std::size_t i = 0;
    std::size_t j = 0;
    while (i < of_a.size() && j < of_b.size()) {
        if (of_a[i].key() < of_b[j].key()) {
            i++;
        } else if (of_b[j].key() < of_a[i].key()) {
            j++;
        } else {
            if (is_single(of_a, i) && is_single(of_b, j)) {
                pairs.push_back({of_a[i].index, of_b[j].index});
            }
            const auto key = of_a[i].key();
            for (; i < of_a.size() && of_a[i].key() == key; i++) {
            }
            for (; j < of_b.size() && of_b[j].key() == key; j++) {
            }
        }
    }
    std::ranges::sort(pairs, {}, &Pair::a);
    return pairs;
}

std::optional<bool> goes_to_b(const std::array<std::span<const SeenPacket>, 2>& a,
                              const std::array<std::span<const SeenPacket>, 2>& b,
                              const std::array<std::vector<Pair>, 2>& pairs) {
    constexpr std::int64_t kClear = 1'000'000;
    const std::int64_t there = ttl_votes(a[0], b[0], pairs[0]);
    const std::int64_t back = ttl_votes(a[1], b[1], pairs[1]);
    const std::int64_t later = time_difference(a, b, pairs);
    if ((there > 0 && back <= 0) || (there == 0 && back < 0)) {
        return later < -kClear ? std::nullopt : std::optional(true);
    }
    if ((there < 0 && back >= 0) || (there == 0 && back > 0)) {
        return later > kClear ? std::nullopt : std::optional(false);
    }
    return later == 0 ? std::nullopt : std::optional(later > 0);
}

}  // namespace flowstamp::analysis::compare
