// SPDX-License-Identifier: Apache-2.0
#include "user/detect/rests.h"

#include <algorithm>

namespace flowstamp {

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

/// Data, a FIN, or a keepalive: what its receiver answers.
bool wants_answer(const Observation& observation) {
    const fs_packet& packet = observation.event.packet;
    return packet.payload != 0 || (packet.tcp_flags & FS_TCP_FIN) ||
           (observation.slot &&
            packet.seq + 1 == observation.slot->direction[packet.direction & 1U].seq_edge);
}

}  // namespace

std::optional<Rests::Rest> Rests::file(const Observation& observation) {
    const ViewKey view = view_of(observation.event);
    const unsigned direction = observation.event.packet.direction & 1U;
    if (observation.kind() == FS_EVENT_AWAKE && wants_answer(observation)) {
        const auto known = rests_.find(view);
        if (known != rests_.end() && known->second.direction == direction) {
            return std::nullopt;  // again after another rest, unanswered: the first one counts
        }
        if (known == rests_.end()) {
            order_.push_back(view);
        }
        rests_[view] = {silence_before(observation), observation.time(), direction};
        if (order_.size() > kMost) {
            rests_.erase(order_.front());
            order_.pop_front();
        }
    } else if (observation.kind() == FS_EVENT_PROGRESS || observation.kind() == FS_EVENT_SYN) {
        if (const auto known = rests_.find(view); known != rests_.end()) {
            const Rest rest = known->second;
            rests_.erase(known);
            return observation.kind() == FS_EVENT_PROGRESS ? std::optional(rest) : std::nullopt;
        }
    }
    return std::nullopt;
}

const Rests::Rest* Rests::unanswered(const ViewKey& view) const {
    const auto found = rests_.find(view);
    return found == rests_.end() ? nullptr : &found->second;
}

}  // namespace flowstamp
