// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/routing_loop.h"

#include <algorithm>

#include "user/analysis/tracking/icmp_errors.h"
#include "user/net/endpoint.h"
#include "user/net/stamps.h"

namespace flowstamp::analysis {

namespace {

net::Endpoint address_of(net::Endpoint end) {
    end.port = 0;
    return end;
}

/// A segment that starts with so few hops left was meant to expire (traceroute).
constexpr unsigned kFewHops = 32;

}  // namespace

void RoutingLoop::observe(const Observation& observation, FindingSink& sink) {
    if (observation.kind() == FST_EVENT_LOOP && observation.slot) {
        passed_again(observation, sink);
    } else if (observation.kind() == FST_EVENT_ICMP_ERROR &&
               is_time_exceeded(observation.event.packet)) {
        ran_out(observation, sink);
    }
}

FindingUpdates* RoutingLoop::updates_of(const fst_packet& packet) {
    const Ends ends{address_of(net::sender_of(packet)), address_of(net::receiver_of(packet))};
    if (loops_.size() >= kMost && !loops_.contains(ends)) {
        return nullptr;
    }
    return &loops_[ends];
}

void RoutingLoop::passed_again(const Observation& observation, FindingSink& sink) {
    const fst_packet& packet = observation.event.packet;
    FindingUpdates* updates = updates_of(packet);
    if (updates == nullptr) {
        return;
    }
    std::vector<std::uint64_t> ttls;
    for (const fst_stamp& stamp :
         net::stamps_of(observation.slot->direction[packet.direction & 1U])) {
        if (stamp.ip_id == packet.ip_id && stamp.tcp_flags == packet.tcp_flags) {
            ttls.push_back(stamp.ttl);
        }
    }
    Finding finding{
        .kind = FindingKind::routing_loop,
        .verdict = FST_VERDICT_CONFIRMED,
        .sighting = sighting_of(observation),
        .summary = {{.phrase = Phrase::packets_go_round,
                     .values = {field::sender_ip(net::sender_of(packet)),
                                field::receiver_ip(net::receiver_of(packet)),
                                field::interface(observation.interface)}}},
        .advice = {{.phrase = Phrase::compare_routes,
                    .values = {field::receiver_ip(net::receiver_of(packet))}}},
        .evidence = {{.signal = Signal::TTL_FALLS,
                      .observed = {field::ttls(std::move(ttls)), field::ip_id(packet.ip_id)}}},
        .slot = *observation.slot,
    };
    updates->report(std::move(finding), tracking_.findings, sink);
}

void RoutingLoop::ran_out(const Observation& observation, FindingSink& sink) {
    const fst_packet& packet = observation.event.packet;
    const auto slot = tracking_.slots.read(view_of(observation.event));
    if (!slot) {
        return;
    }
    // The quoted segment's sender: traceroute by TCP sends low TTLs on purpose.
    const fst_direction& own = slot->direction[packet.direction & 1U];
    const bool is_trace =
        std::ranges::any_of(own.ttl, [](std::uint8_t ttl) { return ttl != 0 && ttl < kFewHops; });
    if (is_trace || !(own.flags & FST_DIRECTION_SEEN)) {
        return;
    }
    FindingUpdates* updates = updates_of(packet);
    if (updates == nullptr) {
        return;
    }
    Finding finding{
        .kind = FindingKind::routing_loop,
        .verdict = FST_VERDICT_SUSPECTED,
        .sighting = sighting_of(observation),
        .summary = {{.phrase = Phrase::ttl_ran_out,
                     .values = {field::source(icmp_sender(packet)),
                                field::sender_ip(net::sender_of(packet)),
                                field::receiver_ip(net::receiver_of(packet))}}},
        .advice = {{.phrase = Phrase::compare_routes,
                    .values = {field::receiver_ip(net::receiver_of(packet))}}},
        .evidence = {{.signal = Signal::TIME_EXCEEDED,
                      .observed = {field::source(icmp_sender(packet))}}},
        .slot = *slot,
    };
    updates->report(std::move(finding), tracking_.findings, sink);
}

std::unique_ptr<Detector> make_routing_loop(Tracking& tracking) {
    return std::make_unique<RoutingLoop>(tracking);
}

}  // namespace flowstamp::analysis
