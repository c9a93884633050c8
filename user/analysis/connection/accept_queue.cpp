// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/accept_queue.h"

#include "user/analysis/tracking/both_ways.h"
#include "user/net/endpoint.h"

namespace flowstamp::analysis {

namespace {

constexpr Nanoseconds kForget = std::chrono::minutes(5);

}  // namespace

void AcceptQueue::observe(const Observation& observation, FindingSink& sink) {
    const ViewKey view = view_of(observation.event);
    switch (observation.kind()) {
        case FST_EVENT_SYN_ACK:
            repeated(observation, sink);
            break;
        case FST_EVENT_ACKED:
            end(view, Resolution::recovered, sink);
            break;
        case FST_EVENT_RST:
        case FST_EVENT_EVICTED:
        case FST_EVENT_ENDED:
            end(view, Resolution::ended, sink);
            break;
        default:
            break;
    }
}

void AcceptQueue::repeated(const Observation& observation, FindingSink& sink) {
    const ViewKey view = view_of(observation.event);
    const Handshakes::Handshake* handshake = tracking_.handshakes.of(view);
    if (handshake == nullptr || handshake->repeated_after == 0) {
        return;
    }
    const auto slot = tracking_.slots.read(view);
    const unsigned server = observation.event.packet.direction & 1U;
    if (!slot || !handshake->is_half_accepted(*slot) ||
        !(slot->direction[server ^ 1U].flags & FST_DIRECTION_DATA)) {
        return;
    }
    if (cases_.size() >= kMost && !cases_.contains(view)) {
        return;
    }
    Case& queued = cases_[view];
    queued.latest = observation.time();
    if (++queued.repeated < kEnough) {
        return;
    }
    const fst_packet& packet = observation.event.packet;
    const net::Endpoint listener = net::sender_of(packet);
    queued.finding = Finding{
        .kind = FindingKind::accept_queue,
        .verdict = FST_VERDICT_SUSPECTED,
        .sighting = sighting_of(observation),
        .summary = {{.phrase = Phrase::handshake_is_ignored,
                     .values = {field::client(net::receiver_of(packet)), field::server(listener),
                                field::server_ip(listener),
                                field::resent(handshake->repeated_after)}}},
        .advice = {{.phrase = Phrase::look_at_accept_queue,
                    .values = {field::server_ip(listener), field::port(listener.port)}}},
        .evidence = {{.signal = Signal::SYN_ACK_AGAIN,
                      .observed = {field::resent(handshake->repeated_after)}},
                     {.signal = Signal::DATA_IGNORED,
                      .observed = {field::seq(slot->isn[server ^ 1U] + 1)},
                      .baseline = Values{field::ack_edge(slot->direction[server].ack_edge)}}},
        .slot = *slot,
    };
    queued.updates.report(queued.finding, tracking_.findings, sink);
}

void AcceptQueue::end(const ViewKey& view, Resolution resolution, FindingSink& sink) {
    const auto found = cases_.find(view);
    if (found == cases_.end()) {
        return;
    }
    Case& queued = found->second;
    if (queued.updates.is_reported()) {
        if (resolution == Resolution::recovered) {
            const fst_packet& syn_ack = queued.finding.sighting.packet;
            queued.finding.summary = {{.phrase = Phrase::handshake_accepted_late,
                                       .values = {field::server(net::sender_of(syn_ack)),
                                                  field::client(net::receiver_of(syn_ack))}}};
            queued.finding.advice.clear();
        }
        queued.finding.resolution = resolution;
        queued.updates.report(queued.finding, tracking_.findings, sink);
    }
    cases_.erase(found);
}

void AcceptQueue::advance(Nanoseconds now, FindingSink&) {
    std::erase_if(cases_, [&](const auto& queued) { return now - queued.second.latest > kForget; });
}

std::unique_ptr<Detector> make_accept_queue(Tracking& tracking) {
    return std::make_unique<AcceptQueue>(tracking);
}

}  // namespace flowstamp::analysis
