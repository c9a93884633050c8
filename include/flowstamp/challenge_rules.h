// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// The numbers of a challenge, as the data path makes it of a RST, and as user space asks it again.
#ifndef FLOWSTAMP_CHALLENGE_RULES_H
#define FLOWSTAMP_CHALLENGE_RULES_H

#include "flowstamp/acceptance_rules.h"
#include "flowstamp/flow.h"
#include "flowstamp/packet.h"

/// The number that a challenge of end `d` lies wholly below, for a RST with the number `rst_seq`: what the receiver has
/// acknowledged, and the RST's own: on a router that may be less.
static inline __u32 fst_challenge_below(const struct fst_flow* flow, __u32 rst_seq, int d) {
    const __u32 edge = flow->direction[(d & 1) ^ 1].ack_edge;

    return fst_sequence_after(rst_seq, edge) < 0 ? rst_seq : edge;
}

/// The sequence number of end `d`'s challenge with `bytes` old bytes. Host order.
static inline __u32 fst_challenge_seq(const struct fst_flow* flow, __u32 rst_seq, __u32 bytes,
                                      int d) {
    return fst_challenge_below(flow, rst_seq, d) - bytes - 1;
}

/// Whether the segment has the shape of a challenge that is asked again while nobody has answered. Its receiver only
/// acknowledges it, and takes nothing of it in, whoever sent it.
static inline int fst_is_asked_again(const struct fst_flow* flow, const struct fst_packet* packet) {
    const int d = packet->direction & 1;

    return packet->payload == 1 && packet->tcp_flags == FST_TCP_ACK &&
           (flow->reset_flags[d] & FST_RESET_CHALLENGED) &&
           packet->seq == fst_challenge_seq(flow, flow->rst_seq[d], 1, d);
}

#endif
