// SPDX-License-Identifier: GPL-2.0-only
// Updates a flow with a packet that is no RST: the work done for every packet.
#ifndef FLOWSTAMP_BPF_FLOW_OBSERVE_H
#define FLOWSTAMP_BPF_FLOW_OBSERVE_H

#include "bpf/export/events.h"
#include "bpf/flow/copies.h"
#include "bpf/flow/handshake.h"
#include "bpf/flow/learn.h"
#include "bpf/flow/ring.h"
#include "bpf/flow/silence.h"
#include "bpf/flow/table.h"
#include "bpf/reset/liveness.h"

/// The stamp and the counts; two CPUs at once may leave a count one short (ring.h).
static __always_inline void stamp(struct fst_direction* own, const struct fst_packet* packet) {
    stamp_packet(own, packet);
    own->packets += packet->segments;
    own->bytes += packet->ip_bytes;
    own->last_ns = packet->time_ns;
}

/// A SYN or SYN-ACK; false if it belongs to another connection.
static __always_inline int observe_handshake(struct scratch* scratch, struct fst_flow* flow,
                                             __u32 slot, int d) {
    return (scratch->packet.tcp_flags & FST_TCP_ACK) ? observe_syn_ack(scratch, flow, slot, d)
                                                     : observe_syn(scratch, flow, slot, d);
}

/// SYN, SYN-ACK, FIN, and packets while something is pending. A global function, as they are rare.
/// Sets FST_PACKET_OUT_OF_PROFILE if nothing may be learned from the packet.
noinline int observe_rare(__u32 slot) {
    struct scratch* scratch = scratch_get();
    struct fst_flow* flow = flow_get(slot);
    struct fst_packet* packet;
    int d;

    if (!scratch || !flow)
        return 0;
    packet = &scratch->packet;
    d = packet->direction & 1;
    if (packet->tcp_flags & FST_TCP_SYN) {
        if (!observe_handshake(scratch, flow, slot, d))
            packet->flags |= FST_PACKET_OUT_OF_PROFILE;
        // The SYN may have restarted the flow: below, only the new state counts.
    } else if (packet->flags & FST_PACKET_NEW_FLOW) {
        state_set(flow, FST_FLOW_MIDWAY);
    }
    if (!(packet->flags & FST_PACKET_OUT_OF_PROFILE) && !(packet->tcp_flags & FST_TCP_SYN) &&
        !packet_fits(&flow->direction[d], packet, flow->state))
        packet->flags |= FST_PACKET_OUT_OF_PROFILE;
    if (flow->state & FST_OF(FST_FLOW_AFTER_RST, d))
        observe_after_rst(slot);
    if (flow->state & FST_OF(FST_FLOW_AWAITS_EGRESS, d ^ 1))
        observe_egress(flow, packet, d ^ 1);
    if (flow->state & FST_OF(FST_FLOW_AWAITS_ACK, d ^ 1))
        observe_awaited_ack(flow, packet, slot, d);
    if (flow->state & FST_OF(FST_FLOW_AWAITS_SYN_ACK, d ^ 1))
        observe_stale_ack(flow, packet, slot, d);
    if (packet->flags & FST_PACKET_OUT_OF_PROFILE)
        return 0;
    if (!(flow->state & FST_FLOW_ESTABLISHED))
        observe_one_way(flow, packet, slot, d);
    if (!(flow->state & FST_FLOW_ESTABLISHED) && !(packet->tcp_flags & FST_TCP_SYN))
        observe_establishing(flow, packet, slot, d);
    if (packet->tcp_flags & FST_TCP_FIN)
        state_set(flow, FST_OF(FST_FLOW_FIN, d));
    return 0;
}

static __always_inline void report_transition(struct scratch* scratch, __u32 slot) {
    __u8 flags = scratch->packet.tcp_flags;

    if (flags & FST_TCP_SYN)
        emit(flags & FST_TCP_ACK ? FST_EVENT_SYN_ACK : FST_EVENT_SYN, slot);
    else if (flags & FST_TCP_FIN)
        emit(FST_EVENT_FIN, slot);
}

/// Any packet except a RST.
static __always_inline void observe(struct scratch* scratch, struct fst_flow* flow, __u32 slot) {
    struct fst_packet* packet = &scratch->packet;
    const int d = packet->direction & 1;
    struct fst_direction* own = &flow->direction[d];
    const __u32 coarse = (__u32)(packet->time_ns >> COARSE_SHIFT);
    const int was_silent = passed(packet->time_ns, own->last_ns, RTO_AFTER_NS);
    int new_ttl = 0, rest = 0;

    if (may_be_copy(own, packet) && observe_copy(slot)) {
        if (reports_every_repeat && packet->payload > 1)
            observe_repeated(slot);  // a replay compares the bytes
        return;
    }
    if (flow->seen_coarse != coarse) {
        rest = coarse - flow->seen_coarse - 1 >= REST_COARSE && coarse > flow->seen_coarse;
        flow->seen_coarse = coarse;
    }
    if ((packet->tcp_flags & (FST_TCP_SYN | FST_TCP_FIN)) || (flow->state & pending_of(d)) ||
        !(flow->state & FST_FLOW_ESTABLISHED))
        observe_rare(slot);
    else if (!packet_fits(own, packet, flow->state))
        packet->flags |= FST_PACKET_OUT_OF_PROFILE;
    if (was_silent | rest)
        observe_after_silence(slot, rest);

    version_begin(own);
    if (!(packet->flags & FST_PACKET_OUT_OF_PROFILE))
        new_ttl = learn(flow, packet, d);
    stamp(own, packet);
    version_end(own);

    if (packet->tcp_flags & (FST_TCP_SYN | FST_TCP_FIN))
        report_transition(scratch, slot);
    if (new_ttl)
        emit(FST_EVENT_TTL, slot);
    if ((packet->flags & (FST_PACKET_RETRANSMITTED | FST_PACKET_OUT_OF_PROFILE)) &&
        packet->payload > 1)
        observe_repeated(slot);
}

#endif
