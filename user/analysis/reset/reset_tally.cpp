// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/reset/reset_tally.h"

#include <chrono>

#include "flowstamp/acceptance_rules.h"
#include "user/net/names.h"

namespace flowstamp::analysis {

namespace {

constexpr Nanoseconds kWentOn = std::chrono::seconds(1);

}  // namespace

ResetTally::ResetTally(const Observation& first)
    : end(static_cast<std::uint8_t>(first.event.packet.direction & 1U)),
      first_ns_(first.event.packet.time_ns) {
    if (first.slot) {
        stage = stage_of(*first.slot);
        after_fin = fst_any_fin(first.slot->state) != 0;
    }
    count(first.event.packet);
}

bool ResetTally::was_outlived(const Observation& reset) const {
    if (!reset.slot || !stage) {
        return false;
    }
    const fst_direction& opener = reset.slot->direction[net::opener_of(*reset.slot)];
    const auto after = Nanoseconds(static_cast<std::int64_t>(opener.last_ns - first_ns_));
    return after >= kWentOn && stage_of(*reset.slot) > stage;
}

void ResetTally::add(const Observation& reset) {
    const fst_packet& packet = reset.event.packet;
    const bool seen_before = (reset.event.judgement.context & FST_CONTEXT_DUPLICATE_FRAME) &&
                             packet.tcp_flags == latest_flags_ && packet.ack == latest_ack_;
    if (!seen_before && (packet.direction & 1U) == end) {
        count(packet);
    }
}

void ResetTally::count(const fst_packet& packet) {
    latest_flags_ = packet.tcp_flags;
    latest_ack_ = packet.ack;
    if (packet.tcp_flags & FST_TCP_ACK) {
        with_ack++;
        return;
    }
    if (bare == 0) {
        ack = packet.ack;
    }
    acks_differ |= packet.ack != ack;
    ack_zero |= packet.ack == 0;
    bare++;
}

}  // namespace flowstamp::analysis
