// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <set>

#include "flowstamp/flow.h"
#include "user/analysis/observation.h"

namespace flowstamp::analysis {

/// Whether a flow's slot shows both of its directions, from its beginning. Otherwise nothing that is
/// said of it is more than suspected.
[[nodiscard]] inline bool is_whole_view(const fst_flow& flow) {
    return !(flow.state & FST_FLOW_MIDWAY) &&
           (flow.direction[0].flags & flow.direction[1].flags & FST_DIRECTION_SEEN);
}

[[nodiscard]] inline fst_verdict most_of(const fst_flow& flow) {
    return is_whole_view(flow) ? FST_VERDICT_CONFIRMED : FST_VERDICT_SUSPECTED;
}

/// The interfaces at which some flow has shown both of its directions. At others, nobody can say that
/// an answer did not come: it may pass elsewhere.
class BothWays {
  public:
    void learn(const fst_flow& flow) {
        if (flow.direction[0].flags & flow.direction[1].flags & FST_DIRECTION_SEEN) {
            interfaces_.insert(flow.key.ifindex);
        }
    }
    void learn(const Observation& observation) {
        const fst_packet& packet = observation.event.packet;
        // A SYN-ACK, a RST to a SYN or an ICMP error belongs to a flow that began the other way.
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
