// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/aggregator.h"

#include "user/net/identity.h"
#include "user/net/stamps.h"

namespace flowstamp::analysis {

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
    const fst_packet& packet = observation.event.packet;
    if (observation.slot) {
        if (const auto id = net::isn_id(*observation.slot)) {
            view.isn_id = id;
        }
        if (observation.kind() == FST_EVENT_RST) {
            if (view.resets && !view.resets->was_outlived(observation)) {
                view.resets->add(observation);
            } else {
                view.resets.emplace(observation);
            }
        }
        return;
    }
    if (observation.kind() == FST_EVENT_SYN) {
        if (!view.started) {
            view.started = observation.wall;
            view.probe = scan_probe(packet);
        }
        view.syn_seq = packet.seq;
    } else if (observation.kind() == FST_EVENT_SYN_ACK && view.syn_seq &&
               packet.ack == *view.syn_seq + 1) {
        view.isn_id = net::isn_id(*view.syn_seq, packet.seq);
    }
}

void Aggregator::record(Observation& observation) {
    View& its = view(view_of(observation.event));
    learn(its, observation);
    observation.isn_id = its.isn_id;
    if (observation.kind() == FST_EVENT_RST) {
        observation.packet_id = same_packet_.number(observation);
    }
}

std::optional<Nanoseconds> Aggregator::started(const ViewKey& view) const {
    const auto place = views_.find(view);
    return place == views_.end() ? std::nullopt : place->second.started;
}

void Aggregator::complete(FlowRecord& record) const {
    const fst_flow& flow = record.slot;
    const auto place = views_.find({record.slot_index, flow.generation, flow.key.ifindex});
    const View its = place == views_.end() ? View{} : place->second;
    record.start = its.started;
    record.stage = its.resets ? its.resets->stage : stage_of(flow);
    // An abandoned scan looks like a connection that was tampered with.
    if (its.probe != ScanProbe::none) {
        return;
    }
    const Nanoseconds last(static_cast<std::int64_t>(net::last_packet_ns(flow)));
    const Nanoseconds now = last + record.wall - record.last;
    record.signature = tampering_signature(flow, its.resets, now);
}

}  // namespace flowstamp::analysis
