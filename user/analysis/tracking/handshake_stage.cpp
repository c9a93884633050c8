// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/tracking/handshake_stage.h"

#include "user/net/names.h"
#include "user/net/stamps.h"

namespace flowstamp::analysis {

namespace {

/// Packets with PSH, without retransmissions. Only for a direction whose packets are all still in
/// its ring.
int pushes(const fst_direction& own) {
    int pushed = 0;
    int syns = 0;
    for (const fst_stamp& stamp : net::stamps_of(own)) {
        pushed += (stamp.tcp_flags & FST_TCP_PSH) != 0 && (stamp.tcp_flags & FST_TCP_RST) == 0;
        syns += (stamp.tcp_flags & FST_TCP_SYN) != 0;
    }
    const int syns_again = syns > 1 ? syns - 1 : 0;
    return pushed - (own.retransmitted - syns_again);
}

}  // namespace

std::optional<HandshakeStage> stage_of(const fst_flow& flow) {
    const unsigned opener = net::opener_of(flow);
    if ((flow.state & FST_FLOW_MIDWAY) || !(flow.state & FST_OF(FST_FLOW_SYN, opener))) {
        return std::nullopt;
    }
    const fst_direction& own = flow.direction[opener];
    if (!(own.flags & FST_DIRECTION_ACKED)) {
        return HandshakeStage::syn;
    }
    if (!(own.flags & FST_DIRECTION_DATA)) {
        return HandshakeStage::ack;
    }
    return own.packets > FST_RING_STAMPS || pushes(own) > 1 ? HandshakeStage::later
                                                            : HandshakeStage::psh;
}

std::string_view name_of(HandshakeStage stage) {
    switch (stage) {
        case HandshakeStage::syn:
            return "syn";
        case HandshakeStage::ack:
            return "ack";
        case HandshakeStage::psh:
            return "psh";
        case HandshakeStage::later:
            break;
    }
    return "later";
}

}  // namespace flowstamp::analysis
