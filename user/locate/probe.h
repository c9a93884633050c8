// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "flowstamp/flow.h"

namespace flowstamp::locate {

/// A flow as one of its ends, a host's own, may go on with it. Numbers in host order.
struct FlowPoint {
    fst_flow_key key{};
    unsigned own = 0;  ///< which end of the key is here
    /// The lowest sequence number that the peer has not acknowledged: SND.UNA of RFC 9293.
    std::uint32_t unacknowledged = 0;
    std::uint32_t ack = 0;     ///< the highest number that was acknowledged to the peer
    std::uint16_t window = 0;  ///< as it was last sent, unscaled
    bool has_timestamps = false;
    std::uint32_t ts_val = 0;  ///< the latest that was sent; TSecr is the peer's latest
    std::uint32_t ts_ecr = 0;
    bool dont_fragment = false;

    [[nodiscard]] bool is_v4() const;
};

/// Where end `own` of the flow stands, by what was seen of it. Nothing unless both ends have
/// acknowledged something: then there is no sequence number below which all is old.
[[nodiscard]] std::optional<FlowPoint> point_of(const fst_flow& flow, unsigned own);

/// A segment of a flow whose TTL ends on its way.
struct Probe {
    unsigned number = 0;  ///< of this trace, from 0: no two have one sequence number
    std::uint8_t ttl = 0;
    std::uint16_t ip_id = 0;  ///< not 0: then the kernel would choose it
    std::uint32_t seq = 0;
    std::uint32_t ack = 0;
};

/// Sequence and acknowledgement numbers of a probe. It has no data, and begins below all that its
/// peer has not acknowledged, as a keepalive does (RFC 9293, section 3.8.4; RFC 1122, section
/// 4.2.3.6): a stack that it reaches answers with an ACK at the most, and takes nothing from it
/// (RFC 9293, section 3.10.7.4). As each has another sequence number, connection tracking does not
/// count them as retransmissions, after three of which Linux forgets a connection sooner
/// (nf_conntrack_tcp_max_retrans). And as none is under way, this host's own stack ignores the ICMP
/// errors about them (RFC 5927, section 4.1; Linux: tcp_v4_err()).
void number_probe(Probe& probe, const FlowPoint& point);

/// The probe from its IP header on, as a raw socket with IP_HDRINCL takes it.
[[nodiscard]] std::vector<std::uint8_t> packet_of(const Probe& probe, const FlowPoint& point);

}  // namespace flowstamp::locate
