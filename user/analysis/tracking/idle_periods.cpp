// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/tracking/idle_periods.h"

#include <iterator>

#include "flowstamp/acceptance_rules.h"
#include "flowstamp/reset_rules.h"
#include "user/net/stamps.h"

namespace flowstamp::analysis {

Nanoseconds silence_before(const Observation& observation) {
    if (!observation.slot) {
        return Nanoseconds::zero();
    }
    const std::uint64_t last = net::last_packet_ns(*observation.slot);
    return last == 0 ? Nanoseconds::zero()
                     : observation.time() - Nanoseconds(static_cast<std::int64_t>(last));
}

namespace {

bool wants_answer(const Observation& observation) {
    const fst_packet& packet = observation.event.packet;
    return observation.slot &&
           fst_wants_answer(&observation.slot->direction[packet.direction & 1U], &packet);
}

/// Whether both directions are seen, all that `sender` had sent was acknowledged, and it may send.
bool all_acknowledged(const fst_flow& flow, unsigned sender) {
    const fst_direction& own = flow.direction[sender];
    const fst_direction& other = flow.direction[sender ^ 1U];
    return (own.flags & FST_DIRECTION_SEEN) && (other.flags & FST_DIRECTION_ACKED) &&
           own.seq_edge == other.ack_edge && other.window != 0;
}

bool waits_for_nothing(const fst_flow& flow) {
    return all_acknowledged(flow, 0) && all_acknowledged(flow, 1) && !fst_any_fin(flow.state);
}

bool has_carried_data(const fst_flow& flow) {
    return ((flow.direction[0].flags | flow.direction[1].flags) & FST_DIRECTION_DATA) != 0;
}

}  // namespace

bool was_at_rest(const fst_flow& flow) {
    return waits_for_nothing(flow) && has_carried_data(flow);
}

void IdlePeriods::record(const Observation& observation) {
    survived_.reset();
    const ViewKey view = view_of(observation.event);
    const unsigned direction = observation.event.packet.direction & 1U;
    if (observation.kind() == FST_EVENT_IDLE_RESUMED && wants_answer(observation) &&
        silence_before(observation) >= kLeast && waits_for_nothing(*observation.slot) &&
        !(observation.event.packet.tcp_flags & FST_TCP_FIN)) {
        if (const auto known = entries_.find(view); known != entries_.end()) {
            if (known->second.period.direction == direction) {
                return;  // idle once more without an answer: the first period counts
            }
            remove(known);
        }
        add(view, {.length = silence_before(observation),
                   .resumed_at = observation.time(),
                   .direction = direction,
                   .after_data = has_carried_data(*observation.slot)});
    } else if (observation.kind() == FST_EVENT_ACKED || observation.kind() == FST_EVENT_SYN) {
        if (const auto known = entries_.find(view); known != entries_.end()) {
            if (observation.kind() == FST_EVENT_ACKED) {
                survived_ = known->second.period;
            }
            remove(known);
        }
    }
}

void IdlePeriods::add(const ViewKey& view, const IdlePeriod& period) {
    order_.push_back(view);
    entries_.insert_or_assign(view, Entry{period, std::prev(order_.end())});
    if (order_.size() > kMost) {
        entries_.erase(order_.front());
        order_.pop_front();
    }
}

void IdlePeriods::remove(Entries::iterator entry) {
    order_.erase(entry->second.place);
    entries_.erase(entry);
}

const IdlePeriods::IdlePeriod* IdlePeriods::unanswered(const ViewKey& view) const {
    const auto found = entries_.find(view);
    const bool is_known = found != entries_.end() && found->second.period.after_data;
    return is_known ? &found->second.period : nullptr;
}

const IdlePeriods::IdlePeriod* IdlePeriods::answered_by(const Observation& rst) const {
    const auto found = entries_.find(view_of(rst.event));
    if (found == entries_.end()) {
        return nullptr;
    }
    const IdlePeriod& idle = found->second.period;
    const bool answers = idle.direction != (rst.event.packet.direction & 1U) &&
                         rst.time() - idle.resumed_at < kAnswerWithin;
    return answers ? &idle : nullptr;
}

}  // namespace flowstamp::analysis
