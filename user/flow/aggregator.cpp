// SPDX-License-Identifier: Apache-2.0
#include "user/flow/aggregator.h"

#include "user/flow/identity.h"

namespace flowstamp {

Aggregator::View& Aggregator::view(const ViewKey& key) {
    const auto [place, is_new] = views_.try_emplace(key);
    if (is_new) {
        order_.push_back(key);
        if (order_.size() > max_views_) {
            views_.erase(order_.front());
            order_.pop_front();
        }
    }
    return place->second;
}

void Aggregator::learn(View& view, const Observation& observation) {
    const fs_packet& packet = observation.event.packet;
    if (observation.slot) {
        if (const auto id = flowstamp::isn_id(*observation.slot)) {
            view.isn_id = id;
        }
        return;
    }
    if (observation.kind() == FS_EVENT_SYN) {
        if (!view.started) {
            view.started = observation.wall;
        }
        view.syn_seq = packet.seq;
    } else if (observation.kind() == FS_EVENT_SYN_ACK && view.syn_seq &&
               packet.ack == *view.syn_seq + 1) {
        view.isn_id = flowstamp::isn_id(*view.syn_seq, packet.seq);
    }
}

void Aggregator::file(Observation& observation) {
    View& its = view(view_of(observation.event));
    learn(its, observation);
    observation.isn_id = its.isn_id;
    if (observation.kind() == FS_EVENT_RST) {
        observation.packet_id = same_packet_.number(observation);
    }
}

std::optional<Nanoseconds> Aggregator::started(const ViewKey& view) const {
    const auto place = views_.find(view);
    return place == views_.end() ? std::nullopt : place->second.started;
}

}  // namespace flowstamp
