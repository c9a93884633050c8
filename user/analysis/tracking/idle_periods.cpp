// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/tracking/idle_periods.h"

#include <algorithm>

#include "flowstamp/reset_rules.h"

namespace flowstamp::analysis {

Nanoseconds silence_before(const Observation& observation) {
    if (!observation.slot) {
        return Nanoseconds::zero();
    }
    const auto last =
        std::max(observation.slot->direction[0].last_ns, observation.slot->direction[1].last_ns);
    return last == 0 ? Nanoseconds::zero()
                     : observation.time() - Nanoseconds(static_cast<std::int64_t>(last));
}

namespace {

bool wants_answer(const Observation& observation) {
    const fst_packet& packet = observation.event.packet;
    return observation.slot &&
           fst_wants_answer(&observation.slot->direction[packet.direction & 1U], &packet);
}

}  // namespace

void IdlePeriods::record(const Observation& observation) {
    survived_.reset();
    const ViewKey view = view_of(observation.event);
    const unsigned direction = observation.event.packet.direction & 1U;
    if (observation.kind() == FST_EVENT_IDLE_RESUMED && wants_answer(observation)) {
        const auto known = idle_periods_.find(view);
        if (known != idle_periods_.end() && known->second.direction == direction) {
            return;  // again after another rest, unanswered: the first one counts
        }
        if (known == idle_periods_.end()) {
            order_.push_back(view);
        }
        idle_periods_[view] = {silence_before(observation), observation.time(), direction};
        if (order_.size() > kMost) {
            idle_periods_.erase(order_.front());
            order_.pop_front();
        }
    } else if (observation.kind() == FST_EVENT_ACKED || observation.kind() == FST_EVENT_SYN) {
        if (const auto known = idle_periods_.find(view); known != idle_periods_.end()) {
            if (observation.kind() == FST_EVENT_ACKED) {
                survived_ = known->second;
            }
            idle_periods_.erase(known);
        }
    }
}

const IdlePeriods::IdlePeriod* IdlePeriods::unanswered(const ViewKey& view) const {
    const auto found = idle_periods_.find(view);
    return found == idle_periods_.end() ? nullptr : &found->second;
}

}  // namespace flowstamp::analysis
