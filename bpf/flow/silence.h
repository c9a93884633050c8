// SPDX-License-Identifier: GPL-2.0-only
// What silence shows: retransmissions because nothing was acknowledged, packets after a long idle
// period and whether they are acknowledged, and a direction that is never seen. Only transitions
// are reported: user space decides how long a silence must last to be significant.
#ifndef FLOWSTAMP_BPF_FLOW_SILENCE_H
#define FLOWSTAMP_BPF_FLOW_SILENCE_H

#include "bpf/export/events.h"
#include "bpf/flow/handshake.h"
#include "bpf/flow/table.h"
#include "bpf/maps.h"
#include "flowstamp/acceptance_rules.h"
#include "flowstamp/reset_rules.h"

/// A timeout retransmission follows a silence of its sender (RFC 6298; Linux: at least 200 ms).
/// Fast retransmissions come between other packets, and are not reported here.
#define RTO_AFTER_NS 150000000ULL

/// A flow that was silent for more than this many units of 2^30 ns may have been idle: each silence of
/// 9.7 s is reported, and none of less than 8.6 s. User space knows to the nanosecond.
#define REST_COARSE 8

/// Packets of one direction before the absence of the other is reported.
#define ONE_WAY_PACKETS 8

/// Whether the packet only repeats what its sender has sent before, and must be acknowledged: data,
/// a FIN, or a keepalive (RFC 9293, section 3.8.4).
static __always_inline int repeats_itself(const struct fst_direction* own,
                                          const struct fst_packet* packet) {
    const __u32 end = fst_sequence_end(packet);

    return (own->flags & FST_DIRECTION_SEEN) && !(packet->tcp_flags & FST_TCP_SYN) &&
           fst_sequence_after(end, own->seq_edge) <= 0 &&
           (end != packet->seq || packet->seq != own->seq_edge);
}

/// A packet after a silence of its side, before it is learned and stamped. `rest`: the whole flow
/// was idle.
noinline int observe_after_silence(__u32 slot, __u32 rest) {
    struct scratch* scratch = scratch_get();
    struct fst_flow* flow = flow_get(slot);
    struct fst_direction* own;
    struct fst_packet* packet;
    int d;

    if (!scratch || !flow)
        return 0;
    packet = &scratch->packet;
    d = packet->direction & 1;
    own = &flow->direction[d];
    if (flow_closed(flow->state) ||
        (packet->flags & (FST_PACKET_NEW_FLOW | FST_PACKET_OUT_OF_PROFILE)) ||
        (packet->tcp_flags & FST_TCP_SYN))
        return 0;
    if (rest)
        emit_slot(FST_EVENT_IDLE_RESUMED, slot);
    if (repeats_itself(own, packet)) {
        emit_slot(FST_EVENT_RTO_RETRANSMIT, slot);
        if (flow->state & FST_OF(FST_FLOW_SACKED, d))
            state_clear(flow, FST_OF(FST_FLOW_SACKED, d));  // the next SACK is reported again
    } else if (!rest)
        return 0;
    if (fst_wants_answer(own, packet))
        state_set(flow, FST_OF(FST_FLOW_AWAITS_ACK, d));
    return 0;
}

/// Data sent again, or data that does not fit its side (no timestamps, for one). Reported if its
/// hop count differs from that of one of the side's latest packets: one of the two may be injected
/// (by a man-on-the-side who won the race). A replay reports all data sent again, as it compares
/// the bytes.
noinline int observe_repeated(__u32 slot) {
    struct scratch* scratch = scratch_get();
    struct fst_flow* flow = flow_get(slot);
    struct fst_direction* own;
    __u32 hops, before;
    int report = reports_every_repeat;

    if (!scratch || !flow)
        return 0;
    own = &flow->direction[scratch->packet.direction & 1];
    hops = fst_hops(scratch->packet.ttl);
    UNROLL
    for (int i = 0; i < FST_RING_STAMPS; i++) {
        before = fst_hops(own->ring[i].ttl);
        report |= own->ring[i].ttl && (before >= hops + 2 || hops >= before + 2);
    }
    if (report && fst_within_reach(scratch->packet.seq, own->seq_edge))
        emit_slot(FST_EVENT_DATA_REPEATED, slot);
    return 0;
}

/// A packet of the side from which an ACK is awaited: reports it if it is that ACK.
static __always_inline void observe_awaited_ack(struct fst_flow* flow,
                                                const struct fst_packet* packet, __u32 slot,
                                                int d) {
    const struct fst_direction* own = &flow->direction[d];

    if (!(packet->tcp_flags & FST_TCP_ACK) || (packet->flags & FST_PACKET_OUT_OF_PROFILE))
        return;
    if (packet->ack - own->ack_edge - 1 >= FST_SEQUENCE_REACH &&
        packet->ack != flow->direction[d ^ 1].seq_edge)
        return;
    state_clear(flow, FST_OF(FST_FLOW_AWAITS_ACK, d ^ 1));
    emit(FST_EVENT_ACKED, slot);
}

/// A packet of a flow that was not seen to be established: reports, once, that only one direction
/// is seen.
static __always_inline void observe_one_way(struct fst_flow* flow, const struct fst_packet* packet,
                                            __u32 slot, int d) {
    if ((flow->state & FST_FLOW_ONE_WAY) || !(packet->tcp_flags & FST_TCP_ACK) ||
        flow->direction[d].packets + packet->segments < ONE_WAY_PACKETS ||
        (flow->direction[d ^ 1].flags & FST_DIRECTION_SEEN))
        return;
    state_set(flow, FST_FLOW_ONE_WAY);
    emit_slot(FST_EVENT_ONE_WAY, slot);
}

#endif
