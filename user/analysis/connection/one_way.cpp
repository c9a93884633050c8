// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/one_way.h"

#include "user/analysis/tracking/tracking.h"
#include "user/net/endpoint.h"

namespace flowstamp::analysis {

void OneWay::observe(const Observation& observation, FindingSink& sink) {
    if (observation.kind() != FST_EVENT_ONE_WAY || !observation.slot) {
        return;
    }
    const fst_packet& packet = observation.event.packet;
    const fst_direction& own = observation.slot->direction[packet.direction & 1U];
    // A sender that mostly retransmits gets no answer on any path.
    if (own.retransmitted * 2U >= own.packets) {
        return;
    }
    const std::pair ends{net::sender_of(packet), net::receiver_of(packet)};
    const bool is_known = !interfaces_.insert(packet.key.ifindex).second || latest_ == ends;
    if (is_known) {
        return;
    }
    latest_ = ends;
    Finding finding{
        .kind = FindingKind::one_way,
        .verdict = FST_VERDICT_SUSPECTED,
        .sighting = sighting_of(observation),
        .summary = {{.phrase = Phrase::one_direction_only,
                     .values = {field::sender(net::sender_of(packet)),
                                field::receiver(net::receiver_of(packet)),
                                field::interface(observation.interface)}}},
        .advice = {{.phrase = Phrase::watch_both_directions}},
        .evidence = {{.signal = Signal::ONE_DIRECTION,
                      .observed = {field::packets(own.packets + packet.segments)},
                      .baseline = Values{field::packets(0)}},
                     {.signal = Signal::ACKNOWLEDGES, .observed = {field::ack(packet.ack)}}},
        .slot = *observation.slot,
    };
    FindingUpdates().report(std::move(finding), findings_, sink);
}

std::unique_ptr<Detector> make_one_way(Tracking& tracking) {
    return std::make_unique<OneWay>(tracking.findings);
}

}  // namespace flowstamp::analysis
