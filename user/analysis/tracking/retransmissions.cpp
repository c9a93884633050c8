// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/tracking/retransmissions.h"

#include "flowstamp/acceptance_rules.h"
#include "user/analysis/tracking/icmp_errors.h"

namespace flowstamp::analysis {

Nanoseconds newest_byte_sent(const Observation& observation, const fst_direction& own) {
    const auto now_us = static_cast<std::uint32_t>(observation.event.packet.time_ns / 1000);
    return observation.time() - std::chrono::microseconds(now_us - own.edge_us);
}

void Retransmissions::record(const Observation& observation) {
    acknowledged_.reset();
    const ViewKey view = view_of(observation.event);
    const unsigned direction = observation.event.packet.direction & 1U;
    switch (observation.kind()) {
        case FST_EVENT_RTO_RETRANSMIT:
            retransmitted(observation);
            break;
        case FST_EVENT_SACKED:
            if (gaps_.size() >= kMost) {
                gaps_.erase(gaps_.begin());
            }
            gaps_[{view, direction ^ 1U}] = {observation.event.packet.ack,
                                             observation.event.packet.sack_bytes};
            if (const auto found = waits_.find({view, direction ^ 1U}); found != waits_.end()) {
                found->second.sacked = true;
                found->second.still_sacked = true;
                found->second.sacked_bytes = observation.event.packet.sack_bytes;
            }
            break;
        case FST_EVENT_ENDED:
        case FST_EVENT_EVICTED:
            for (const unsigned side : {0U, 1U}) {
                waits_.erase({view, side});
                gaps_.erase({view, side});
                too_big_.erase({view, side});
            }
            break;
        case FST_EVENT_ACKED:
            // What had been acknowledged here before is sent again all the same: its sender has not
            // received that acknowledgement, nor need it receive this one.
            if (const auto found = waits_.find({view, direction ^ 1U});
                found != waits_.end() && !found->second.seen_acked) {
                acknowledged_ = *found;
                waits_.erase(found);
            }
            break;
        case FST_EVENT_ICMP_ERROR:
            if (is_too_big(observation.event.packet) &&
                (too_big_.size() < kMost || too_big_.contains({view, direction}))) {
                too_big_[{view, direction}] = {observation.event.packet.mss,
                                               icmp_sender(observation.event.packet)};
            }
            break;
        default:
            break;
    }
}

void Retransmissions::retransmitted(const Observation& observation) {
    const fst_packet& packet = observation.event.packet;
    const unsigned direction = packet.direction & 1U;
    const Side side{view_of(observation.event), direction};
    if (!observation.slot || (waits_.size() >= kMost && !waits_.contains(side))) {
        return;
    }
    const fst_direction& own = observation.slot->direction[direction];
    const fst_direction& other = observation.slot->direction[direction ^ 1U];
    Wait& wait = waits_[side];
    const bool window_reopened = wait.window_closed && other.window != 0;
    if (window_reopened || (wait.seen_acked && fst_sequence_after(packet.seq, wait.seq) > 0)) {
        wait = {};  // what was sent until then were probes, or its sender has gone on
    }
    if (packet.seq == wait.seq && packet.payload != 0 && packet.payload < wait.payload) {
        wait.shrunk_from = wait.payload;
        wait.lost_so = wait.same_size;
    }
    wait.seq = packet.seq;
    if (const auto too_big = too_big_.find(side); too_big != too_big_.end()) {
        wait.mtu = too_big->second.mtu;
        wait.router = too_big->second.router;
    }
    if (wait.times++ == 0) {
        wait.since = newest_byte_sent(observation, own);
    }
    wait.latest = observation.time();
    wait.same_size = wait.payload == packet.payload ? wait.same_size + 1 : 1;
    wait.payload = packet.payload;
    wait.ip_bytes = packet.ip_bytes;
    if (const auto gap = gaps_.find(side); gap != gaps_.end() && gap->second.seq == packet.seq) {
        wait.sacked = true;
        wait.sacked_bytes = gap->second.bytes_behind;
    }
    const bool is_heard = other.flags & FST_DIRECTION_ACKED;
    wait.window_closed = is_heard && other.window == 0;
    // One byte that is acknowledged already is a keepalive (RFC 1122, section 4.2.3.6).
    wait.seen_acked = is_heard && packet.payload > 1 &&
                      fst_sequence_after(packet.seq + packet.payload, other.ack_edge) <= 0;
}

void Retransmissions::advance(Nanoseconds now) {
    if (now - swept_ >= kForget) {
        swept_ = now;
        std::erase_if(waits_, [&](const auto& wait) { return now - wait.second.latest > kForget; });
    }
}

const Retransmissions::Wait* Retransmissions::of(const ViewKey& view, unsigned direction) const {
    const auto found = waits_.find({view, direction});
    return found == waits_.end() ? nullptr : &found->second;
}

}  // namespace flowstamp::analysis
