// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/icmp_rejected.h"

#include <array>

#include "flowstamp/acceptance_rules.h"
#include "flowstamp/hops.h"
#include "user/analysis/tracking/icmp_errors.h"
#include "user/analysis/tracking/tracking.h"

namespace flowstamp::analysis {

namespace {

constexpr std::size_t kMost = 4096;

IcmpError error_of(const fst_packet& packet) {
    return {.is_v6 = (packet.flags & FST_PACKET_IPV6) != 0,
            .type = packet.icmp_type,
            .code = packet.icmp_code};
}

/// Some routers start at a TTL of their own (Meraki: 200): that tells no distance.
FieldValue distance_of(const fst_packet& packet) {
    const std::uint8_t hops = fst_hops(packet.ttl);
    return hops <= FST_HOPS_MAX ? field::hops(hops) : field::hops(std::nullopt);
}

}  // namespace

void IcmpRejected::observe(const Observation& observation, FindingSink& sink) {
    const fst_packet& packet = observation.event.packet;
    if (observation.kind() != FST_EVENT_ICMP_ERROR || !is_rejection(packet)) {
        return;
    }
    const Ends ends{net::sender_of(packet), net::receiver_of(packet)};
    if (!reported_.contains(ends)) {
        order_.push_back(ends);
    }
    FindingUpdates& updates = reported_[ends];
    const auto slot = slots_.read(view_of(observation.event));
    const bool established = slot && (slot->state & FST_FLOW_ESTABLISHED) &&
                             !fst_any_rst(slot->state) && !fst_any_fin(slot->state);
    // Confirmed only if the quoted flow was seen from its start.
    const bool begun = slot && !(slot->state & FST_FLOW_MIDWAY);
    const net::Endpoint box = icmp_sender(packet);
    const bool is_peer = box.address == ends.second.address;
    const FieldValue hops = distance_of(packet);
    Finding finding{
        .kind = FindingKind::icmp_rejected,
        .verdict = begun ? FST_VERDICT_CONFIRMED : FST_VERDICT_SUSPECTED,
        .sighting = sighting_of(observation),
        .summary = {{.phrase = Phrase::icmp_rejects,
                     .values = {field::source(box), hops, field::sender_ip(ends.first),
                                field::receiver(ends.second),
                                field::icmp_error(error_of(packet))}}},
        .advice = {is_peer
                       ? Statement{.phrase = Phrase::look_at_host_firewall,
                                   .values = {field::source(box), field::port(ends.second.port)}}
                       : Statement{.phrase = Phrase::look_at_box, .values = {field::source(box)}}},
        .evidence = {{.signal = Signal::ICMP,
                      .observed = {field::icmp_type(packet.icmp_type),
                                   field::icmp_code(packet.icmp_code)},
                      .baseline = Values{field::from(ends.first), field::to(ends.second)}},
                     {.signal = Signal::SENDER,
                      .observed = {field::source(box), hops, field::is_other_end(is_peer)}}},
        .slot = slot.value_or(fst_flow{}),
    };
    if (established) {
        finding.summary.push_back({.phrase = Phrase::connection_outlives_icmp});
    }
    updates.report(std::move(finding), findings_, sink);
    if (order_.size() > kMost) {
        reported_.erase(order_.front());
        order_.pop_front();
    }
}

std::unique_ptr<Detector> make_icmp_rejected(Tracking& tracking) {
    return std::make_unique<IcmpRejected>(tracking.slots, tracking.findings);
}

}  // namespace flowstamp::analysis
