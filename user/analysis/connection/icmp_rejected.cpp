// SPDX-License-Identifier: Apache-2.0
#include "user/analysis/connection/icmp_rejected.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "flowstamp/hops.h"
#include "user/analysis/tracking/icmp_errors.h"
#include "user/analysis/tracking/tracking.h"

namespace flowstamp::analysis {

namespace {

constexpr std::size_t kMost = 4096;

/// Who sent the ICMP error.
net::Endpoint icmp_sender(const fst_packet& packet) {
    net::Endpoint sender;
    std::copy_n(reinterpret_cast<const std::uint8_t*>(packet.icmp_source), sender.address.size(),
                sender.address.begin());
    return sender;
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
    const auto slot = slots_.read(observation.event.slot);
    const bool known = slot && slot->generation == observation.event.generation;
    const bool established = known && (slot->state & FST_FLOW_ESTABLISHED);
    // Whoever can see a flow can quote it; who saw it begin here knows that it is one.
    const bool begun = known && !(slot->state & FST_FLOW_MIDWAY);
    const std::string box = icmp_sender(packet).ip_text();
    const bool is_peer = icmp_sender(packet).address == ends.second.address;
    const unsigned hops = fst_hops(packet.ttl);
    Finding finding{
        .kind = FindingKind::icmp_rejected,
        .verdict = begun ? FST_VERDICT_CONFIRMED : FST_VERDICT_SUSPECTED,
        .sighting = sighting_of(observation),
        .summary = fmt::format(
            "{}, {}, rejects what {} sends to {}: {}.{}", box, distance_text(hops),
            ends.first.ip_text(), ends.second.text(), icmp_words(packet),
            established ? " The connection stands: an established one outlives such errors." : ""),
        .advice = is_peer ? fmt::format("look at the firewall on {} itself, and whether anything "
                                        "listens on port {}",
                                        box, ends.second.port)
                          : fmt::format("look at the firewall or the routes of {}", box),
        .evidence = {{.signal = "icmp",
                      .strength = Strength::strong,
                      .packet = fmt::format("type {} code {}: {}", packet.icmp_type,
                                            packet.icmp_code, icmp_words(packet)),
                      .baseline =
                          fmt::format("quotes {} > {}", ends.first.text(), ends.second.text())},
                     {.signal = "sender",
                      .strength = Strength::strong,
                      .packet = fmt::format("{}, {}", box, distance_text(hops)),
                      .baseline = is_peer ? "the connection's other end" : "a box on the way"}},
        .slot = known ? *slot : fst_flow{},
    };
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
