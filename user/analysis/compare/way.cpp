// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/compare/way.h"

#include <algorithm>
#include <bitset>
#include <map>
#include <unordered_map>

namespace flowstamp::analysis::compare {

namespace {

std::uint64_t numbers_of(const SeenPacket& packet) {
    return std::uint64_t{packet.seq} << 32U | packet.ack;
}

/// A stream as one capture shows it.
struct Stream {
    ByteRanges ranges{};
    std::vector<std::int64_t> offsets{};   ///< of the first view's packets
    std::vector<std::uint64_t> numbers{};  ///< of packets without data, sorted
    /// When each byte was first seen, by range.
    struct First {
        ByteRange range;
        std::int64_t time_ns;
    };
    std::vector<First> firsts{};
    /// How the data behind a number begins, where that is known; sorted.
    struct Head {
        std::uint32_t seq;
        std::uint16_t head;
        friend auto operator<=>(const Head&, const Head&) = default;
    };
    std::vector<Head> heads{};
    /// The IP-IDs of packets with data; sorted.
    struct Id {
        std::uint32_t seq;
        std::uint16_t ip_id;
        friend auto operator<=>(const Id&, const Id&) = default;
    };
    std::vector<Id> ids{};

    Stream(const std::vector<Packets>& views, std::uint32_t base) {
        for (const Packets& view : views) {
            add(view, base, &view == &views.front());
        }
        std::ranges::sort(firsts, {}, [](const First& its) { return its.range.begin; });
        std::ranges::sort(numbers);
        std::ranges::sort(heads);
        std::ranges::sort(ids);
    }

    [[nodiscard]] std::span<const Head> heads_at(std::uint32_t seq) const {
        const auto found = std::ranges::equal_range(heads, seq, {}, &Head::seq);
        return {found.begin(), found.end()};
    }

    /// When the first byte of `range` was first seen; nothing if it was not.
    [[nodiscard]] std::optional<std::int64_t> first_seen(const ByteRange& range) const {
        auto found = std::ranges::upper_bound(firsts, range.begin, {},
                                              [](const First& its) { return its.range.begin; });
        if (found == firsts.begin()) {
            return std::nullopt;
        }
        const First& its = *std::prev(found);
        return its.range.end > range.begin ? std::optional(its.time_ns) : std::nullopt;
    }

  private:
    void add(const Packets& view, std::uint32_t base, bool is_main) {
        Unwrapper unwrap(base);
        for (const SeenPacket& packet : view) {
            // A reset's number may be anything: it moves nothing.
            Unwrapper aside = unwrap;
            const std::int64_t begin = (packet.is_reset() ? aside : unwrap).at(packet.seq);
            if (is_main) {
                offsets.push_back(begin);
            }
            if (packet.length() == 0) {
                if (!packet.is_reset()) {
                    numbers.push_back(numbers_of(packet));
                }
                continue;
            }
            if (packet.head != 0) {
                heads.push_back({packet.seq, packet.head});
                ids.push_back({packet.seq, packet.ip_id});
            }
            const ByteRange range{begin, begin + packet.length()};
            for (const ByteRange& fresh : ranges.missing_of(range)) {
                firsts.push_back({fresh, packet.time_ns});
            }
            ranges.add(range);
        }
    }
};

/// Collects what they do not agree on.
class WayReader {
  public:
    WayReader(const Way& way, const WayClock& clock)
        : way_(way),
          clock_(clock),
          base_(base_of(way)),
          sent_(way.sent, base_),
          received_(way.received, base_),
          sent_resets_(resets_of(way.sent_by_any)),
          received_resets_(resets_of(way.received)),
          acked_(acked(way.answers, base_)),
          acked_at_sender_(acked(way.answers_at_sender, base_)) {}

    WayFacts read() {
        read_pairs();
        read_received();
        read_resets();
        read_sent();
        return std::move(facts_);
    }

  private:
    static std::uint32_t base_of(const Way& way) {
        for (const Packets packets : {way.sent.front(), way.received.front()}) {
            for (const SeenPacket& packet : packets) {
                if (!packet.is_reset()) {
                    return packet.seq;
                }
            }
        }
        return 0;
    }

    /// How far the receiver has acknowledged the stream, as these packets of it show.
    static std::int64_t acked(const std::vector<Packets>& views, std::uint32_t base) {
        std::int64_t most = 0;
        for (const Packets& answers : views) {
            Unwrapper unwrap(base);
            for (const SeenPacket& packet : answers) {
                if ((packet.tcp_flags & (FST_TCP_ACK | FST_TCP_RST)) == FST_TCP_ACK) {
                    most = std::max(most, unwrap.at(packet.ack));
                }
            }
        }
        return most;
    }

    [[nodiscard]] bool sender_ran(std::int64_t receivers) const {
        const std::int64_t time = clock_.at_sender(receivers);
        return time - clock_.uncertainty() - facts_.most_delay_ns > way_.sender->begin_ns() &&
               time + clock_.uncertainty() < way_.sender->end_ns();
    }
    /// Whether it would have arrived while the receiver's capture ran.
    [[nodiscard]] bool receiver_ran(const SeenPacket& packet) const {
        constexpr std::int64_t kLate = 200'000'000;
        const std::int64_t time = clock_.at_receiver(packet.time_ns);
        return (time - clock_.uncertainty() > way_.receiver->begin_ns() || answers(packet)) &&
               time + clock_.uncertainty() + facts_.most_delay_ns + kLate < way_.receiver->end_ns();
    }
    /// Whether it acknowledges what the receiver's capture shows: then that ran before.
    [[nodiscard]] bool answers(const SeenPacket& packet) const {
        const Packets questions = way_.answers.front();
        return (packet.tcp_flags & FST_TCP_ACK) && !questions.empty() &&
               static_cast<std::int32_t>(packet.ack - questions.front().seq) > 0;
    }

    void read_pairs() {
        for (const Pair& pair : way_.pairs) {
            const SeenPacket& out = way_.sent.front()[pair.a];
            const SeenPacket& in = way_.received.front()[pair.b];
            facts_.most_delay_ns =
                std::max(facts_.most_delay_ns, clock_.at_sender(in.time_ns) - out.time_ns);
            ttls_[in.ttl] = true;
            kept_ids_ += out.ip_id == in.ip_id && in.ip_id != 0 ? 1 : 0;
        }
    }

    void read_received() {
        const Packets packets = way_.received.front();
        for (std::uint32_t i = 0; i < packets.size(); i++) {
            const SeenPacket& packet = packets[i];
            if (packet.is_reset() || !sender_ran(packet.time_ns)) {
                continue;
            }
            facts_.received_bytes += packet.payload;
            if (packet.length() == 0) {
                (std::ranges::binary_search(sent_.numbers, numbers_of(packet))
                     ? facts_.sender.has
                     : facts_.sender.lacks)++;
                continue;
            }
            const ByteRange range{received_.offsets[i], received_.offsets[i] + packet.length()};
            if (!sent_.ranges.holds(range)) {
                facts_.unsent_data.push_back(i);
                continue;
            }
            if (is_other_data(packet)) {
                facts_.other_data.push_back(i);
                continue;
            }
            const auto sent = sent_.first_seen(range);
            if (sent && *sent > clock_.sent_by(packet.time_ns)) {
                facts_.early_data.push_back(i);
                continue;
            }
            facts_.sender.has++;
        }
        tell_unsent_from_lost();
    }

    /// Whether the sender sent other bytes with that number, and these arrived as well: what only
    /// one packet shows may be the same one, changed on the way.
    [[nodiscard]] bool is_other_data(const SeenPacket& packet) const {
        const auto sent = sent_.heads_at(packet.seq);
        const auto is_genuine = [&](const Stream::Head& its) {
            return std::ranges::binary_search(sent, its);
        };
        return packet.head != 0 && !sent.empty() && !is_genuine({packet.seq, packet.head}) &&
               std::ranges::any_of(received_.heads_at(packet.seq), is_genuine) &&
               !may_be_damaged(packet);
    }

    /// Whether it may be one of the sender's own, of which bits were lost on the way: long packets
    /// are not captured whole, so their checksums tell nothing. It then has the TTL of the others,
    /// and the IP-ID of a packet that was sent with its number, if IP-IDs tell packets apart.
    [[nodiscard]] bool may_be_damaged(const SeenPacket& packet) const {
        return ttls_[packet.ttl] &&
               (!ids_tell() ||
                std::ranges::binary_search(sent_.ids, Stream::Id{packet.seq, packet.ip_id}));
    }

    /// Bytes that only the receiver's capture has: the sender's lost them, if the sender has sent
    /// what comes behind them. Else they are not the sender's, if it goes on, later, where they
    /// begin.
    void tell_unsent_from_lost() {
        std::erase_if(facts_.unsent_data, [this](std::uint32_t i) {
            const SeenPacket& packet = way_.received.front()[i];
            const ByteRange range{received_.offsets[i], received_.offsets[i] + packet.length()};
            const auto holes = sent_.ranges.missing_of(range);
            const bool is_beyond =
                sent_.ranges.empty() || holes.front().begin >= sent_.ranges.highest();
            if (is_beyond && goes_on_at(holes.front().begin, clock_.sent_by(packet.time_ns))) {
                return false;
            }
            facts_.has_doubtful_data = facts_.has_doubtful_data || is_beyond;
            facts_.sender.lacks += is_beyond ? 0 : 1;
            return true;
        });
    }

    /// Whether the sender's next number, later than `after`, is still at most `offset`.
    [[nodiscard]] bool goes_on_at(std::int64_t offset, std::int64_t after) const {
        const Packets packets = way_.sent.front();
        const auto later = std::ranges::upper_bound(packets, after, {}, &SeenPacket::time_ns);
        for (auto its = later; its != packets.end(); ++its) {
            const std::int64_t at = sent_.offsets[static_cast<std::size_t>(its - packets.begin())];
            if (!its->is_reset() && its->length() == 0 && at <= offset &&
                at + 1 >= sent_.ranges.highest()) {
                return true;
            }
        }
        return false;
    }

    /// Resets of one number in both captures are the same one, or the same again; but none arrives
    /// before it is sent.
    void read_resets() {
        std::unordered_map<std::uint32_t, std::int64_t> first_sent;  // by number: when
        std::vector<std::int64_t> lost;                              // when others were sent
        for (const Packets& packets : way_.sent_by_any) {
            for (const SeenPacket& packet : packets) {
                if (!packet.is_reset()) {
                    continue;
                }
                const auto [known, is_new] = first_sent.try_emplace(packet.seq, packet.time_ns);
                known->second = std::min(known->second, packet.time_ns);
                if (!received_resets_.contains(packet.seq)) {
                    lost.push_back(packet.time_ns);
                }
            }
        }
        std::ranges::sort(lost);
        constexpr std::int64_t kLongest = 2'000'000'000;  // more than any packet is on its way
        const Packets packets = way_.received.front();
        for (std::uint32_t i = 0; i < packets.size(); i++) {
            if (!packets[i].is_reset()) {
                continue;
            }
            const std::int64_t latest = clock_.sent_by(packets[i].time_ns);
            const auto same = first_sent.find(packets[i].seq);
            const bool was_sent = (same != first_sent.end() && same->second <= latest) ||
                                  way_.sender->has_reset(packets[i].seq, packets[i].ack, latest);
            if (was_sent && !came_before_that_sent(packets[i])) {
                continue;
            }
            const auto other = std::ranges::lower_bound(
                lost, latest - 2 * clock_.uncertainty() - facts_.most_delay_ns - kLongest);
            facts_.has_doubtful_reset =
                facts_.has_doubtful_reset || (other != lost.end() && *other <= latest);
            facts_.unsent_resets.push_back(i);
        }
    }

    /// Whether IP-IDs tell packets apart: nothing on the way changes them.
    [[nodiscard]] bool ids_tell() const { return kept_ids_ * 2 > way_.pairs.size(); }

    /// Whether each reset that was sent with this one's number arrived as it was sent, but later: this is another one, neither
    /// come twice nor made anew on the way.
    [[nodiscard]] bool came_before_that_sent(const SeenPacket& reset) const {
        const auto sent = sent_resets_.find(reset.seq);
        if (!ids_tell() || sent == sent_resets_.end()) {
            return false;
        }
        const auto& received = received_resets_.at(reset.seq);
        return std::ranges::all_of(sent->second, [&](const auto& its) {
            const auto same = received.find(its.first);
            return same != received.end() && same->second > reset.time_ns;
        });
    }

    /// Resets by sequence number: their IP-IDs, and when each came first.
    using Resets = std::unordered_map<std::uint32_t, std::map<std::uint16_t, std::int64_t>>;
    static Resets resets_of(const std::vector<Packets>& views) {
        Resets resets;
        for (const Packets& packets : views) {
            for (const SeenPacket& packet : packets) {
                if (packet.is_reset()) {
                    std::int64_t& first =
                        resets[packet.seq].try_emplace(packet.ip_id, packet.time_ns).first->second;
                    first = std::min(first, packet.time_ns);
                }
            }
        }
        return resets;
    }

    void read_sent() {
        const Packets packets = way_.sent.front();
        for (std::uint32_t i = 0; i < packets.size(); i++) {
            const SeenPacket& packet = packets[i];
            if (!receiver_ran(packet)) {
                continue;
            }
            facts_.sent_bytes += packet.payload;
            if (packet.is_reset()) {
                if (!received_resets_.contains(packet.seq)) {
                    facts_.lost_resets.push_back(i);
                }
            } else if (packet.length() == 0) {
                read_sent_ack(i);
            } else {
                read_sent_bytes(i);
            }
        }
    }

    void read_sent_ack(std::uint32_t i) {
        const SeenPacket& packet = way_.sent.front()[i];
        facts_.acks_sent++;
        if (std::ranges::binary_search(received_.numbers, numbers_of(packet))) {
            facts_.receiver.has++;
            facts_.unreceived_acks.clear();
            return;
        }
        facts_.acks_lost++;
        facts_.unreceived_acks.push_back(i);
    }

    void read_sent_bytes(std::uint32_t i) {
        const SeenPacket& packet = way_.sent.front()[i];
        const ByteRange range{sent_.offsets[i], sent_.offsets[i] + packet.length()};
        const auto missing = received_.ranges.missing_of(range);
        if (missing.empty()) {
            facts_.receiver.has++;
            const auto at = received_.first_seen(range);
            // Not if only one that was sent later arrived.
            if (at && clock_.at_receiver(packet.time_ns) - clock_.uncertainty() <= *at) {
                facts_.unreceived_acks.clear();
            }
        } else if (missing.back().end <= acked_) {
            facts_.receiver.lacks++;
        } else if (missing.back().end > acked_at_sender_) {
            // What a box on the way acknowledges, or has renumbered, is not lost.
            facts_.unreceived.push_back(i);
        }
    }

    const Way& way_;
    const WayClock& clock_;
    std::uint32_t base_;
    Stream sent_;
    Stream received_;
    Resets sent_resets_;
    Resets received_resets_;
    std::int64_t acked_;
    std::int64_t acked_at_sender_;
    std::bitset<256> ttls_{};   ///< of the received packets that were sent
    std::size_t kept_ids_ = 0;  ///< pairs with one IP-ID
    WayFacts facts_{};
};

}  // namespace

WayFacts facts_of(const Way& way, const WayClock& clock) {
    return WayReader(way, clock).read();
}

}  // namespace flowstamp::analysis::compare
