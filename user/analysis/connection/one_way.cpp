// SPDX-License-Identifier: Apache-2.0
#include "user/analysis/connection/one_way.h"

#include <fmt/format.h>

#include "user/net/endpoint.h"
#include "user/analysis/tracking/tracking.h"

namespace flowstamp::analysis {

void OneWay::observe(const Observation& observation, FindingSink& sink) {
    if (observation.kind() != FST_EVENT_ONE_WAY || !observation.slot) {
        return;
    }
    const fst_packet& packet = observation.event.packet;
    const fst_direction& own = observation.slot->direction[packet.direction & 1U];
    // A sender that only repeats itself is not being answered anywhere.
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
        .summary = fmt::format(
            "Of {} > {}, only this direction passes {}: the answers take another way.",
            net::sender_of(packet).text(), net::receiver_of(packet).text(), observation.interface),
        .advice =
            "watch where both directions pass, or compare the routes there and back; half "
            "a flow shows no forged reset for certain, and a stateful firewall here would "
            "drop it",
        .evidence = {{.signal = "one-direction",
                      .strength = Strength::strong,
                      .packet = fmt::format("{} packets", own.packets + packet.segments),
                      .baseline = "none of the other direction"},
                     {.signal = "acknowledges",
                      .strength = Strength::strong,
                      .packet = fmt::format("acknowledges up to {}", packet.ack),
                      .baseline = "bytes that did not pass here"}},
        .slot = *observation.slot,
    };
    FindingUpdates().report(std::move(finding), findings_, sink);
}

std::unique_ptr<Detector> make_one_way(Tracking& tracking) {
    return std::make_unique<OneWay>(tracking.findings);
}

}  // namespace flowstamp::analysis
