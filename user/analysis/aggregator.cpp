// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/aggregator.h"

#include "user/net/identity.h"
#include "user/net/names.h"
#include "user/net/stamps.h"

namespace flowstamp::analysis {

namespace {

/// When the flow's SYN came, by its slot, CLOCK_MONOTONIC; nullopt if the slot no longer shows it.
std::optional<Nanoseconds> start_of(const fst_flow& flow) {
    const unsigned opener = net::opener_of(flow);
    const fst_direction& own = flow.direction[opener];
    if (!(flow.state & FST_OF(FST_FLOW_SYN, opener)) || own.packets > FST_RING_STAMPS) {
        return std::nullopt;
    }
    for (const fst_stamp& stamp : net::stamps_of(own)) {
        if ((stamp.tcp_flags & (FST_TCP_SYN | FST_TCP_ACK)) == FST_TCP_SYN) {
            return net::time_of(stamp, own);
        }
    }
    return std::nullopt;
}

}  // namespace

std::optional<Nanoseconds> Aggregator::View::started() const {
    if (has_started == 0) {
        return std::nullopt;
    }
    const std::int64_t us = static_cast<std::int64_t>(started_high_us) << 32 | started_low_us;
    return std::chrono::microseconds(us);
}

void Aggregator::View::start(Nanoseconds time) {
    if (has_started != 0) {
        return;
    }
    const auto us = std::chrono::floor<std::chrono::microseconds>(time).count();
    started_low_us = static_cast<std::uint32_t>(us);
    started_high_us = static_cast<std::uint32_t>(us >> 32) & 0xfffffU;
    has_started = 1;
}

Aggregator::View* Aggregator::view(std::uint32_t slot, std::uint32_t generation) {
    if (slot >= views_.size()) {
        return nullptr;
    }
    View& its = views_[slot];
    if (its.generation == generation) {
        return &its;
    }
    if (static_cast<std::int32_t>(generation - its.generation) < 0) {
        return nullptr;  // another CPU has reported the slot's next flow before
    }
    its = View{};
    its.generation = generation;
    resets_.erase(slot);
    return &its;
}

const Aggregator::View* Aggregator::known(std::uint32_t slot, std::uint32_t generation) const {
    return slot < views_.size() && views_[slot].generation == generation ? &views_[slot] : nullptr;
}

std::optional<ResetTally> Aggregator::resets(std::uint32_t slot, std::uint32_t generation) const {
    const auto place = resets_.find(slot);
    return place == resets_.end() || place->second.generation != generation
               ? std::nullopt
               : std::optional(place->second.tally);
}

void Aggregator::learn(View& view, const fst_flow& flow, Nanoseconds wall_offset) {
    if (net::isn_id(flow)) {
        const unsigned opener = net::opener_of(flow) & 1U;
        view.isn = {flow.isn[opener], flow.isn[opener ^ 1U]};
        view.has_isn = 2;
    }
    if (view.has_started == 0) {
        if (const auto start = start_of(flow)) {
            view.start(*start + wall_offset);
        }
    }
}

void Aggregator::learn(std::uint32_t slot, const fst_flow& flow, Nanoseconds wall_offset) {
    if (View* its = view(slot, flow.generation)) {
        learn(*its, flow, wall_offset);
    }
}

void Aggregator::learn(View& view, const Observation& observation) {
    const fst_packet& packet = observation.event.packet;
    if (observation.slot) {
        learn(view, *observation.slot, observation.wall - observation.time());
    } else if (observation.kind() == FST_EVENT_SYN) {
        if (view.has_started == 0) {
            view.start(observation.wall);
            view.probe = scan_probe(packet);
        }
        if (view.has_isn < 2) {
            view.isn[0] = packet.seq;
            view.has_isn = 1;
        }
    } else if (observation.kind() == FST_EVENT_SYN_ACK && view.has_isn != 0 &&
               packet.ack == view.isn[0] + 1) {
        view.isn[1] = packet.seq;
        view.has_isn = 2;
    }
}

void Aggregator::count_reset(const Observation& rst) {
    const ViewKey key = view_of(rst.event);
    const auto [place, is_new] =
        resets_.try_emplace(key.slot, Resets{key.generation, ResetTally(rst)});
    Resets& its = place->second;
    if (is_new) {
        return;
    }
    if (its.tally.was_outlived(rst)) {
        its.tally = ResetTally(rst);
    } else {
        its.tally.add(rst);
    }
}

void Aggregator::record(Observation& observation) {
    const ViewKey key = view_of(observation.event);
    const bool is_reset = observation.kind() == FST_EVENT_RST;
    if (View* its = view(key.slot, key.generation)) {
        learn(*its, observation);
        if (its->has_isn == 2) {
            observation.isn_id = net::isn_id(its->isn[0], its->isn[1]);
        }
        if (is_reset && observation.slot) {
            count_reset(observation);
        }
    }
    if (is_reset) {
        observation.packet_id = same_packet_.number(observation);
    }
}

std::optional<Nanoseconds> Aggregator::started(const ViewKey& view) const {
    const View* its = known(view.slot, view.generation);
    return its != nullptr ? its->started() : std::nullopt;
}

void Aggregator::complete(FlowRecord& record) const {
    const fst_flow& flow = record.slot;
    const Nanoseconds last(static_cast<std::int64_t>(net::last_packet_ns(flow)));
    View its{};
    if (const View* remembered = known(record.slot_index, flow.generation)) {
        its = *remembered;
    }
    learn(its, flow, record.last - last);
    const auto its_resets = resets(record.slot_index, flow.generation);
    if (const auto started = its.started()) {
        record.start = *started;
    }
    record.stage = its_resets ? its_resets->stage : stage_of(flow);
    // An abandoned scan looks like a connection that was tampered with.
    if (its.probe != ScanProbe::none) {
        return;
    }
    const Nanoseconds now = last + record.wall - record.last;
    record.signature = tampering_signature(flow, its_resets, now);
}

}  // namespace flowstamp::analysis
