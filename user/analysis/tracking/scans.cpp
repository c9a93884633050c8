// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/tracking/scans.h"

#include "user/net/endpoint.h"

namespace flowstamp::analysis {

namespace {

/// Whether this is the opener's RST to a SYN-ACK that it has not acknowledged.
bool abandons_handshake(const Observation& observation) {
    if (observation.kind() != FST_EVENT_RST || !observation.slot) {
        return false;
    }
    const fst_flow& slot = *observation.slot;
    const unsigned opener = observation.event.packet.direction & 1U;
    return !(slot.state & FST_FLOW_MIDWAY) && (slot.state & FST_OF(FST_FLOW_SYN, opener)) &&
           (slot.state & FST_OF(FST_FLOW_SYN_ACK, opener ^ 1U)) &&
           !(slot.direction[opener].flags & FST_DIRECTION_ACKED);
}

}  // namespace

void Scans::record(const Observation& observation) {
    const fst_packet& packet = observation.event.packet;
    if (observation.kind() == FST_EVENT_SYN) {
        const ScanProbe probe = scan_probe(packet);
        if (probe == ScanProbe::none ||
            !probes_.try_emplace(view_of(observation.event), probe).second) {
            return;
        }
        order_.push_back(view_of(observation.event));
        if (order_.size() > kMost) {
            probes_.erase(order_.front());
            order_.pop_front();
        }
    } else if (abandons_handshake(observation)) {
        if (probed_.size() >= kMost) {
            probed_.clear();
        }
        Probed& probed =
            probed_[{net::sender_of(packet).address, net::receiver_of(packet).address}];
        if (observation.time() - probed.latest > kWithin) {
            probed.ports.clear();
        }
        probed.latest = observation.time();
        if (probed.ports.size() <= kPorts) {
            probed.ports.insert(net::receiver_of(packet).port);
        }
    }
}

std::optional<Scans::Scan> Scans::of(const Observation& rst) const {
    if (!abandons_handshake(rst)) {
        return std::nullopt;
    }
    Scan scan;
    if (const auto probe = probes_.find(view_of(rst.event)); probe != probes_.end()) {
        scan.probe = probe->second;
    }
    const fst_packet& packet = rst.event.packet;
    const auto probed =
        probed_.find({net::sender_of(packet).address, net::receiver_of(packet).address});
    if (probed != probed_.end() && probed->second.ports.size() > kPorts) {
        scan.ports = probed->second.ports.size();
    }
    return scan.probe == ScanProbe::none && scan.ports == 0 ? std::nullopt : std::optional(scan);
}

}  // namespace flowstamp::analysis
