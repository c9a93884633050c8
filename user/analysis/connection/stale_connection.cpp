// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/stale_connection.h"

#include "user/net/endpoint.h"

namespace flowstamp::analysis {

void StaleConnection::observe(const Observation& observation, FindingSink& sink) {
    if (observation.kind() == FST_EVENT_STALE_ACK) {
        answered(observation, sink);
        return;
    }
    if (observation.kind() != FST_EVENT_SYN_ACK) {
        return;
    }
    const SynTracker::Attempt* attempt = tracking_.syns.answered_by(observation.event.packet);
    const auto found = attempt == nullptr ? stale_.end() : stale_.find(attempt->id);
    if (found == stale_.end()) {
        return;
    }
    Stale& stale = found->second;
    if (stale.updates.is_reported()) {
        stale.finding.summary = {
            {.phrase = Phrase::stale_connection_replaced,
             .values = {field::client(net::receiver_of(observation.event.packet)),
                        field::server(net::sender_of(observation.event.packet)),
                        field::span(observation.time() - attempt->first)}}};
        stale.finding.advice.clear();
        stale.finding.resolution = Resolution::answered;
        stale.updates.report(stale.finding, tracking_.findings, sink);
    }
    stale_.erase(found);
}

void StaleConnection::answered(const Observation& observation, FindingSink& sink) {
    const SynTracker::Attempt* attempt = tracking_.syns.of_view(view_of(observation.event));
    if (attempt == nullptr || attempt->stale_answers < kEnough || attempt->sent < kEnough) {
        return;
    }
    if (stale_.size() >= kMost && !stale_.contains(attempt->id)) {
        stale_.erase(stale_.begin());
    }
    const fst_packet& packet = observation.event.packet;
    Stale& stale = stale_[attempt->id];
    stale.finding = Finding{
        .kind = FindingKind::stale_connection,
        .verdict = FST_VERDICT_CONFIRMED,
        .sighting = sighting_of(observation),
        .summary = {{.phrase = Phrase::answered_by_old_connection,
                     .values = {field::client(net::receiver_of(packet)),
                                field::server(net::sender_of(packet)),
                                field::server_ip(net::sender_of(packet)),
                                field::times(attempt->sent)}}},
        .advice = {{.phrase = Phrase::use_another_port,
                    .values = {field::server_ip(net::sender_of(packet))}}},
        .evidence = {{.signal = Signal::STALE_ACK,
                      .observed = {field::ack(packet.ack), field::times(attempt->stale_answers)},
                      .baseline = Values{field::ack(attempt->seq + 1)}}},
    };
    stale.updates.report(stale.finding, tracking_.findings, sink);
}

std::unique_ptr<Detector> make_stale_connection(Tracking& tracking) {
    return std::make_unique<StaleConnection>(tracking);
}

}  // namespace flowstamp::analysis
