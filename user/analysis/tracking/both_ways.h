// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <set>

#include "flowstamp/flow.h"
#include "user/analysis/observation.h"

namespace flowstamp::analysis {

/// Whether a flow's slot shows both directions, from the flow's first packet.
[[nodiscard]] inline bool is_whole_view(const fst_flow& flow) {
    return !(flow.state & FST_FLOW_MIDWAY) &&
           (flow.direction[0].flags & flow.direction[1].flags & FST_DIRECTION_SEEN);
}

/// The highest verdict of a finding about this flow: suspected at most, unless it is seen whole.
[[nodiscard]] inline fst_verdict highest_verdict(const fst_flow& flow) {
    return is_whole_view(flow) ? FST_VERDICT_CONFIRMED : FST_VERDICT_SUSPECTED;
}

/// The interfaces at which some flow has shown both directions. At others, an answer that is not
/// seen may have taken another path.
class BothWays {
  public:
    void learn(const fst_flow& flow) {
        if (flow.direction[0].flags & flow.direction[1].flags & FST_DIRECTION_SEEN) {
            interfaces_.insert(flow.key.ifindex);
        }
    }
    void learn(const Observation& observation) {
        const fst_packet& packet = observation.event.packet;
        // A SYN-ACK or an ICMP error of a known flow answers a packet of the other direction.
        const bool answers =
            observation.kind() == FST_EVENT_SYN_ACK || observation.kind() == FST_EVENT_ICMP_ERROR;
        if (answers && !(packet.flags & FST_PACKET_NEW_FLOW)) {
            interfaces_.insert(packet.key.ifindex);
        }
        if (observation.slot) {
            learn(*observation.slot);
        }
    }

    [[nodiscard]] bool pass(std::uint32_t ifindex) const { return interfaces_.contains(ifindex); }

  private:
    std::set<std::uint32_t> interfaces_;
};

}  // namespace flowstamp::analysis
