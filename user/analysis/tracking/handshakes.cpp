// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/tracking/handshakes.h"

#include "flowstamp/acceptance_rules.h"
#include "user/analysis/finding_updates.h"

namespace flowstamp::analysis {

namespace {

/// A SYN is retransmitted after a second (RFC 6298, section 2): a later answer may be to another
/// SYN, which we did not see.
constexpr Nanoseconds kOneSyn = std::chrono::seconds(1);

bool within(const fst_packet& syn, const fst_packet& answer) {
    return answer.time_ns >= syn.time_ns &&
           Nanoseconds(static_cast<std::int64_t>(answer.time_ns - syn.time_ns)) < kOneSyn;
}

}  // namespace

void Handshakes::answered(Handshake& handshake, const Observation& observation) {
    if (observation.kind() == FST_EVENT_ESTABLISHED) {
        if (!handshake.established) {
            handshake.established = observation.time();
            opened_.push_back({observation.time(), view_of(observation.event)});
            if (opened_.size() > kMostOpened) {
                forget_opened();
            }
        }
    } else if (!handshake.syn_ack) {
        handshake.syn_ack = sighting_of(observation);
    } else if (handshake.syn_ack->packet.seq == observation.event.packet.seq) {
        handshake.repeated++;
        handshake.repeated_after += handshake.established ? 1U : 0U;
    }
}

void Handshakes::record(const Observation& observation) {
    const ViewKey key = view_of(observation.event);
    if (observation.kind() == FST_EVENT_SYN_ACK || observation.kind() == FST_EVENT_ESTABLISHED) {
        if (const auto place = handshakes_.find(key); place != handshakes_.end()) {
            answered(place->second, observation);
        }
        return;
    }
    if (observation.kind() != FST_EVENT_SYN) {
        return;
    }
    const auto [place, is_new] = handshakes_.try_emplace(key);
    if (is_new) {
        order_.push_back(key);
        drop_forgotten();
    }
    Handshake& handshake = place->second;
    if (handshake.syns == 0 || handshake.syn.seq != observation.event.packet.seq) {
        handshake = {.syn = observation.event.packet};  // another connection on the same ports
    }
    handshake.syns++;
}

/// The one whose third packet came first, unless it is of interest still.
void Handshakes::forget_opened() {
    const Opened oldest = opened_.front();
    opened_.pop_front();
    const auto place = handshakes_.find(oldest.view);
    if (place == handshakes_.end() || place->second.established != oldest.at) {
        return;
    }
    const Handshake& handshake = place->second;
    const std::uint16_t ip_id = handshake.syn_ack ? handshake.syn_ack->packet.ip_id : 0;
    if (handshake.repeated == 0 && (ip_id <= 1 || ip_id != handshake.syn.ip_id)) {
        handshakes_.erase(place);
    }
}

void Handshakes::advance(Nanoseconds now) {
    while (!opened_.empty() && opened_.front().at + kAfterOpening <= now) {
        forget_opened();
    }
}

/// Makes room for the latest, and keeps `order_` in proportion to what is remembered.
void Handshakes::drop_forgotten() {
    while (handshakes_.size() > kRemembered) {
        handshakes_.erase(order_.front());
        order_.pop_front();
    }
    if (order_.size() > 2 * (handshakes_.size() + kMostOpened)) {
        std::erase_if(order_, [&](const ViewKey& view) { return !handshakes_.contains(view); });
    }
}

const Handshakes::Handshake* Handshakes::of(const ViewKey& view) const {
    const auto place = handshakes_.find(view);
    return place == handshakes_.end() ? nullptr : &place->second;
}

std::optional<fst_packet> Handshakes::other_answer(const ResetObservation& rst) const {
    const Handshake* handshake = of(rst.key());
    if (handshake == nullptr || !handshake->syn_ack) {
        return std::nullopt;
    }
    const fst_packet& syn = handshake->syn;
    const fst_packet& syn_ack = handshake->syn_ack->packet;
    const fst_packet& packet = rst.packet();
    const bool answers_the_syn = (packet.tcp_flags & FST_TCP_ACK) && packet.seq == 0 &&
                                 packet.ack == syn.seq + 1 && syn_ack.ack == syn.seq + 1 &&
                                 packet.direction == syn_ack.direction &&
                                 packet.direction != syn.direction;
    const fst_direction& opener = rst.slot().direction[syn.direction & 1U];
    const bool ambiguous = handshake->syns > 1 || (syn.flags & FST_PACKET_MPTCP) ||
                           (opener.flags & FST_DIRECTION_ACKED);
    // A signed SYN-ACK, say, is thrown away by who has no key for it.
    if (!answers_the_syn || ambiguous || fst_is_doubtful(&syn_ack) || !within(syn, packet) ||
        !within(syn, syn_ack)) {
        return std::nullopt;
    }
    return syn_ack;
}

}  // namespace flowstamp::analysis
