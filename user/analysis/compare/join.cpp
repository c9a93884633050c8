// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/compare/join.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <unordered_map>
#include <utility>

#include "user/net/identity.h"

namespace flowstamp::analysis::compare {

namespace {

constexpr std::uint32_t kNone = UINT32_MAX;
/// Packets of a view that are looked up in the other capture: half from each end.
constexpr std::size_t kLookedUp = 128;
/// Packets in common that make one connection of two, where ports tell nothing.
constexpr unsigned kEnough = 3;

/// The other capture's packets by their numbers; only of views that are not joined yet.
class Numbers {
  public:
    struct Place {
        std::uint32_t view;
        std::uint8_t direction;
    };

    Numbers(const Recording& recording, const std::vector<std::uint32_t>& views) {
        for (const std::uint32_t view : views) {
            for (unsigned direction = 0; direction < 2; direction++) {
                for (const SeenPacket& packet : recording.packets(view, direction)) {
                    places_.try_emplace(number_of(packet),
                                        Place{view, static_cast<std::uint8_t>(direction)});
                }
            }
        }
    }

    [[nodiscard]] const Place* find(const SeenPacket& packet) const {
        const auto found = places_.find(number_of(packet));
        return found == places_.end() ? nullptr : &found->second;
    }

  private:
    static std::uint64_t number_of(const SeenPacket& packet) {
        return std::uint64_t{packet.seq} << 32U | packet.ack;
    }
    std::unordered_map<std::uint64_t, Place> places_;
};

bool has_both_isns(const View& view) {
    return view.isn[0] && view.isn[1];
}

bool is_same_flow(fst_flow_key one, fst_flow_key other) {
    one.ifindex = other.ifindex = 0;
    return std::memcmp(&one, &other, sizeof(one)) == 0;
}

/// Whether the same end of both has known numbers that differ.
bool contradicts(const View& one, const View& other, unsigned swapped) {
    for (unsigned end = 0; end < 2; end++) {
        const auto& its = one.isn[end];
        const auto& others = other.isn[end ^ swapped];
        if (its && others && *its != *others) {
            return true;
        }
    }
    return false;
}

/// Joins what both initial sequence numbers join.
void join_by_isns(const Recording& a, const Recording& b, Join& result) {
    std::unordered_map<std::uint64_t, std::size_t> known;
    std::array<std::vector<std::uint32_t>*, 2> rest = {&result.only_a, &result.only_b};
    for (const unsigned capture : {0U, 1U}) {
        const std::vector<View>& views = (capture == 0 ? a : b).views();
        for (std::uint32_t index = 0; index < views.size(); index++) {
            if (!has_both_isns(views[index])) {
                rest[capture]->push_back(index);
                continue;
            }
            const auto [entry, is_new] = known.try_emplace(
                net::isn_id(*views[index].isn[0], *views[index].isn[1]), result.connections.size());
            if (is_new) {
                result.connections.emplace_back();
            }
            result.connections[entry->second].views[capture].push_back(index);
        }
    }
    std::erase_if(result.connections, [&](Joined& joined) {
        for (const unsigned capture : {0U, 1U}) {
            if (joined.views[capture ^ 1U].empty()) {
                std::ranges::copy(joined.views[capture], std::back_inserter(*rest[capture]));
                return true;
            }
        }
        return false;
    });
}

/// The largest view of each capture first, and how the views' directions correspond.
void arrange(const Recording& a, const Recording& b, Joined& joined) {
    for (const unsigned capture : {0U, 1U}) {
        const std::vector<View>& views = (capture == 0 ? a : b).views();
        std::ranges::stable_sort(joined.views[capture], std::ranges::greater{},
                                 [&](std::uint32_t view) { return views[view].packets(); });
        const auto& reference = a.views()[joined.main(0)].isn[0];
        for (const std::uint32_t view : joined.views[capture]) {
            joined.direction[capture].push_back(views[view].isn[0] == reference ? 0 : 1);
        }
    }
}

/// The one view of the other capture that has packets of `view`, and whether its directions are
/// the other way round.
class Counterpart {
  public:
    Counterpart(const Recording& own, const Recording& other, const Numbers& numbers)
        : own_(own), other_(other), numbers_(numbers) {}

    struct Found {
        std::uint32_t view = kNone;
        unsigned swapped = 0;
        JoinedBy by = JoinedBy::numbers;
    };

    [[nodiscard]] std::optional<Found> of(std::uint32_t view) const {
        std::vector<Vote> votes;
        for (unsigned direction = 0; direction < 2; direction++) {
            const auto packets = own_.packets(view, direction);
            const std::size_t half = std::min(packets.size(), kLookedUp / 2);
            count(packets.first(half), direction, votes);
            count(packets.last(std::min(packets.size() - half, kLookedUp / 2)), direction, votes);
        }
        return decide(view, votes);
    }

  private:
    struct Vote {
        std::uint32_t view;
        unsigned swapped;
        unsigned numbers;  ///< packets with the same two numbers
        unsigned syns;
    };

    void count(std::span<const SeenPacket> packets, unsigned direction,
               std::vector<Vote>& votes) const {
        std::uint64_t latest = 0;
        for (const SeenPacket& packet : packets) {
            const std::uint64_t number = std::uint64_t{packet.seq} << 32U | packet.ack;
            if (number == latest) {
                continue;  // sent again, or nothing new: it says nothing more
            }
            latest = number;
            const Numbers::Place* place = numbers_.find(packet);
            if (place == nullptr) {
                continue;
            }
            const unsigned swapped = place->direction ^ direction;
            auto vote = std::ranges::find_if(votes, [&](const Vote& its) {
                return its.view == place->view && its.swapped == swapped;
            });
            if (vote == votes.end()) {
                vote = votes.insert(votes.end(), {place->view, swapped, 0, 0});
            }
            (packet.ack == 0 ? vote->syns : vote->numbers)++;
        }
    }

    [[nodiscard]] std::optional<Found> decide(std::uint32_t view,
                                              const std::vector<Vote>& votes) const {
        const View& its = own_.views()[view];
        std::optional<Found> found;
        for (const Vote& vote : votes) {
            const View& others = other_.views()[vote.view];
            const bool same_flow = is_same_flow(its.key, others.key) && vote.swapped == 0;
            const bool is_enough = same_flow
                                       ? vote.numbers + vote.syns != 0
                                       : vote.numbers >= kEnough ||
                                             (vote.syns != 0 && shares_server(its, others, vote));
            if (!is_enough || contradicts(its, others, vote.swapped)) {
                continue;
            }
            if (found) {
                return std::nullopt;  // two would do: which one is not known
            }
            found = {vote.view, vote.swapped, same_flow ? JoinedBy::ports : JoinedBy::numbers};
        }
        return found;
    }

    /// A SYN's one number is not enough: its receiver must be the same, too.
    static bool shares_server(const View& its, const View& others, const Vote& vote) {
        for (unsigned end = 0; end < 2; end++) {
            const unsigned server = end ^ 1U;
            const unsigned there = server ^ vote.swapped;
            if (its.isn[end] && its.isn[end] == others.isn[end ^ vote.swapped] &&
                its.key.port[server] == others.key.port[there] &&
                std::memcmp(its.key.address[server], others.key.address[there],
                            sizeof(its.key.address[server])) == 0) {
                return true;
            }
        }
        return false;
    }

    const Recording& own_;
    const Recording& other_;
    const Numbers& numbers_;
};

/// Joins the rest by what their packets have in common.
void join_by_numbers(const Recording& a, const Recording& b, Join& result) {
    if (result.only_a.empty() || result.only_b.empty()) {
        return;
    }
    const Numbers numbers(b, result.only_b);
    const Counterpart counterpart(a, b, numbers);
    std::unordered_map<std::uint32_t, std::vector<std::pair<std::uint32_t, Counterpart::Found>>>
        found;
    for (const std::uint32_t view : result.only_a) {
        if (const auto its = counterpart.of(view)) {
            found[its->view].emplace_back(view, *its);
        }
    }
    std::vector<bool> joined_a(a.views().size());
    std::vector<bool> joined_b(b.views().size());
    for (const auto& [view, own] : found) {
        // Several of A's for one of B's: its views by other interfaces, or a mistake.
        const bool is_one_flow = std::ranges::all_of(own, [&](const auto& its) {
            return is_same_flow(a.views()[its.first].key, a.views()[own.front().first].key);
        });
        if (!is_one_flow) {
            continue;
        }
        Joined& joined = result.connections.emplace_back();
        joined.by = own.front().second.by;
        joined.views[1].push_back(view);
        joined.direction[1].push_back(static_cast<std::uint8_t>(own.front().second.swapped));
        joined_b[view] = true;
        for (const auto& [its, how] : own) {
            joined.views[0].push_back(its);
            joined.direction[0].push_back(0);
            joined_a[its] = true;
        }
    }
    std::erase_if(result.only_a, [&](std::uint32_t view) { return joined_a[view]; });
    std::erase_if(result.only_b, [&](std::uint32_t view) { return joined_b[view]; });
}

}  // namespace

Join join(const Recording& a, const Recording& b) {
    Join result;
    join_by_isns(a, b, result);
    for (Joined& joined : result.connections) {
        arrange(a, b, joined);
    }
    join_by_numbers(a, b, result);
    std::ranges::sort(result.connections, {}, [](const Joined& joined) { return joined.main(0); });
    return result;
}

}  // namespace flowstamp::analysis::compare
