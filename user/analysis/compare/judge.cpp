// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/compare/judge.h"

#include <algorithm>
#include <cmath>

namespace flowstamp::analysis::compare {

namespace {

/// By the sender's clock: what was received then was sent by then. By the two clocks; or because the
/// receiver's next packet, which left after that, has reached the sender's capture.
std::int64_t sent_by(const Way& way, const WayClock& clock, std::int64_t received_ns) {
    std::int64_t earliest = clock.sent_by(received_ns);
    for (const Pair& pair : way.back) {
        if (way.answers.front()[pair.b].time_ns > received_ns) {
            earliest = std::min(earliest, way.answers_at_sender.front()[pair.a].time_ns);
        }
    }
    return earliest;
}

/// The sender's first packet of the connection later than `after`, but for resets and SYNs.
std::optional<std::int64_t> went_on(const Way& way, std::int64_t after) {
    std::optional<std::int64_t> first;
    for (const Packets& packets : way.sent) {
        const auto later = std::ranges::upper_bound(packets, after, {}, &SeenPacket::time_ns);
        const auto found = std::ranges::find_if(later, packets.end(), [](const SeenPacket& its) {
            return (its.tcp_flags & (FST_TCP_RST | FST_TCP_SYN)) == 0;
        });
        if (found != packets.end()) {
            first = std::min(first.value_or(found->time_ns), found->time_ns);
        }
    }
    return first;
}

/// Pure ACKs need not all arrive: routers thin them out. A row of them at the end is loss if no
/// usual loss explains it.
bool is_silence(const WayFacts& facts) {
    constexpr std::size_t kLeast = 3;
    constexpr double kUnlikely = 1e-6;
    constexpr double kUsualLoss = 0.01;
    const std::size_t row = facts.unreceived_acks.size();
    if (row < kLeast) {
        return false;
    }
    const auto others = static_cast<double>(facts.acks_sent - row);
    const auto lost = static_cast<double>(facts.acks_lost - row);
    const double share = std::max(kUsualLoss, (lost + 1) / (others + 1));
    return std::pow(share, static_cast<double>(row)) <= kUnlikely;
}

/// Whether anything arrived that was certainly sent later than that.
bool arrived_later(const Way& way, const WayFacts& facts, const WayClock& clock,
                   std::int64_t sent_ns) {
    const Packets packets = way.received.front();
    return std::ranges::any_of(packets, [&](const SeenPacket& packet) {
        return !packet.is_reset() &&
               clock.at_sender(packet.time_ns) - clock.uncertainty() - facts.most_delay_ns >
                   sent_ns;
    });
}

}  // namespace

std::expected<Proof, Unjudged> judge_reset(const Way& way, const WayFacts& facts,
                                           const WayClock& clock, const Coverage& sender,
                                           std::uint32_t index) {
    const std::int64_t time = way.received.front()[index].time_ns;
    const std::int64_t latest = sent_by(way, clock, time);
    const std::int64_t earliest = clock.at_sender(time) - clock.uncertainty() - facts.most_delay_ns;
    if (facts.has_doubtful_reset || facts.has_doubtful_data) {
        return std::unexpected(Unjudged::ambiguous);
    }
    if (way.pairs.empty()) {
        return std::unexpected(Unjudged::direction_unseen);
    }
    if (way.sender->end_ns() < latest || way.sender->begin_ns() >= earliest) {
        return std::unexpected(Unjudged::not_running);
    }
    if (sender.is_lossy() || facts.sender.is_lossy()) {
        return std::unexpected(Unjudged::capture_incomplete);
    }
    const auto later = went_on(way, latest);
    if (later || sender.is_complete(sender.as_sender)) {
        return Proof{.went_on_ns = later, .others = facts.sender.has};
    }
    return std::unexpected(sender.as_sender.lacks + sender.as_receiver.lacks != 0
                               ? Unjudged::capture_incomplete
                               : Unjudged::too_few_packets);
}

/// Other bytes with the same number prove it by themselves. That the sender's stream goes on where
/// unsent data begins does so beside a capture that hardly loses anything; that data came too early
/// only if the capture lost nothing: it may lack the first time that these bytes were sent.
std::expected<Proof, Unjudged> judge_data(const Way& way, const WayFacts& facts,
                                          const Coverage& sender, DataSign sign) {
    if (way.pairs.empty()) {
        return std::unexpected(Unjudged::direction_unseen);
    }
    if (sign != DataSign::other_bytes && (sender.is_lossy() || facts.sender.is_lossy())) {
        return std::unexpected(Unjudged::capture_incomplete);
    }
    if (sign == DataSign::sent_later && !sender.is_complete(sender.as_sender)) {
        return std::unexpected(sender.as_sender.lacks + sender.as_receiver.lacks != 0
                                   ? Unjudged::capture_incomplete
                                   : Unjudged::too_few_packets);
    }
    return Proof{.went_on_ns = std::nullopt, .others = facts.sender.has};
}

std::optional<std::expected<Lost, Unjudged>> judge_lost(const Way& way, const WayFacts& facts,
                                                        const WayClock& clock,
                                                        const Coverage& receiver) {
    constexpr std::size_t kSeveral = 3;
    Lost lost;
    lost.packets = facts.unreceived;
    if (!facts.has_doubtful_reset) {  // else it may have arrived as another one
        lost.packets.insert(lost.packets.end(), facts.lost_resets.begin(), facts.lost_resets.end());
    }
    if (is_silence(facts) || (!lost.packets.empty() && !facts.unreceived_acks.empty())) {
        // ACKs behind the last packet that arrived are part of what was lost.
        lost.packets.insert(lost.packets.end(), facts.unreceived_acks.begin(),
                            facts.unreceived_acks.end());
    }
    if (lost.packets.empty()) {
        return std::nullopt;
    }
    if (way.ports_reused) {
        return std::unexpected(Unjudged::ports_reused);
    }
    if (receiver.is_lossy() || facts.receiver.is_lossy()) {
        return std::unexpected(Unjudged::capture_incomplete);
    }
    const bool is_complete = receiver.is_complete(receiver.as_receiver);
    if (way.pairs.empty() && !is_complete) {
        return std::unexpected(Unjudged::direction_unseen);
    }
    if (lost.packets.size() < kSeveral && !is_complete) {
        return std::unexpected(Unjudged::too_few_packets);
    }
    std::ranges::sort(lost.packets);
    lost.is_reset = lost.packets.size() == 1 && facts.lost_resets.size() == 1;
    for (const std::uint32_t index : lost.packets) {
        lost.bytes += way.sent.front()[index].payload;
    }
    lost.is_all_after =
        !arrived_later(way, facts, clock, way.sent.front()[lost.packets.front()].time_ns);
    return lost;
}

}  // namespace flowstamp::analysis::compare
