// SPDX-License-Identifier: GPL-2.0-only
// What silence shows: a side that sends again because nothing was acknowledged, one that speaks after
// a long rest, whether it is answered, and a direction that is never seen. Told as transitions; how
// long a silence must last to mean something is for user space to say.
#ifndef FLOWSTAMP_BPF_SILENCE_H
#define FLOWSTAMP_BPF_SILENCE_H

#include "bpf/life.h"

/// A retransmission by timer comes after a silence of its sender's (RFC 6298; Linux: 200 ms at the
/// least); those of fast recovery come amid other packets, and are of no interest here.
#define RESENT_AFTER_NS 150000000ULL

/// A flow that was silent for more than so many units of 2^30 ns had a rest: about ten seconds.
#define REST_COARSE 9

/// Packets of one direction before the other's absence means something.
#define ONE_WAY_PACKETS 8

/// Whether the packet only repeats what its sender has sent before, and wants an answer: data, a FIN,
/// or a keepalive (RFC 9293, section 3.8.4).
static __always_inline int asks_again(const struct fs_direction* own,
                                      const struct fs_packet* packet) {
    const __u32 end = packet->seq + packet->payload + !!(packet->tcp_flags & FS_TCP_FIN);

    return (own->flags & FS_DIRECTION_SEEN) && !(packet->tcp_flags & FS_TCP_SYN) &&
           sequence_after(end, own->seq_edge) <= 0 &&
           (end != packet->seq || packet->seq != own->seq_edge);
}

/// Whether the packet, new or not, occupies sequence space or is a keepalive: its receiver answers.
static __always_inline int wants_answer(const struct fs_direction* own,
                                        const struct fs_packet* packet) {
    return packet->payload || (packet->tcp_flags & (FS_TCP_SYN | FS_TCP_FIN)) ||
           ((own->flags & FS_DIRECTION_SEEN) && packet->seq + 1 == own->seq_edge);
}

/// A packet of side `d` after a silence of that side, before it is learned and stamped. `rest`: the
/// whole flow was silent.
noinline int observe_after_silence(__u32 slot, __u32 rest) {
    struct scratch* scratch = scratch_get();
    struct fs_flow* flow = flow_get(slot);
    struct fs_direction* own;
    struct fs_packet* packet;
    int d;

    if (!scratch || !flow)
        return 0;
    packet = &scratch->packet;
    d = packet->direction & 1;
    own = &flow->direction[d];
    if (flow_closed(flow->state) || (packet->flags & (FS_PACKET_NEW_FLOW | FS_PACKET_UNFIT)) ||
        (packet->tcp_flags & FS_TCP_SYN))
        return 0;
    if (rest)
        emit_slot(FS_EVENT_AWAKE, slot);
    if (asks_again(own, packet))
        emit_slot(FS_EVENT_RESENT, slot);
    else if (!rest)
        return 0;
    if (wants_answer(own, packet))
        state_set(flow, FS_OF(FS_FLOW_AWAITED, d));
    return 0;
}

/// Data that comes again, amid others, or that lacks what its side's packets bear: from another
/// distance than one of its side's latest packets, one of the two may be an injected one (a man on
/// the side that won the race). In a replay any that comes again: there the bytes themselves are
/// compared.
noinline int observe_repeated(__u32 slot) {
    struct scratch* scratch = scratch_get();
    struct fs_flow* flow = flow_get(slot);
    struct fs_direction* own;
    __u32 hops, before;
    int told = tells_every_repeat;

    if (!scratch || !flow)
        return 0;
    own = &flow->direction[scratch->packet.direction & 1];
    hops = fs_hops(scratch->packet.ttl);
    UNROLL
    for (int i = 0; i < FS_RING_STAMPS; i++) {
        before = fs_hops(own->ring[i].ttl);
        told |= own->ring[i].ttl && (before >= hops + 2 || hops >= before + 2);
    }
    if (told && scratch->packet.seq - own->seq_edge + SEQUENCE_REACH <= 2 * SEQUENCE_REACH)
        emit_slot(FS_EVENT_REPEATED, slot);
    return 0;
}

/// A packet of the side from which an answer is awaited: is it one?
static __always_inline void observe_awaited(struct fs_flow* flow, const struct fs_packet* packet,
                                            __u32 slot, int d) {
    const struct fs_direction* own = &flow->direction[d];

    if (!(packet->tcp_flags & FS_TCP_ACK) || (packet->flags & FS_PACKET_UNFIT) ||
        (packet->ack - own->ack_edge - 1 >= SEQUENCE_REACH &&
         packet->ack != flow->direction[d ^ 1].seq_edge))
        return;
    state_clear(flow, FS_OF(FS_FLOW_AWAITED, d ^ 1));
    emit(FS_EVENT_PROGRESS, slot);
}

/// A packet of a flow that is not established, as far as has been seen.
static __always_inline void observe_one_way(struct fs_flow* flow, const struct fs_packet* packet,
                                            __u32 slot, int d) {
    if ((flow->state & FS_FLOW_ONE_WAY) || !(packet->tcp_flags & FS_TCP_ACK) ||
        flow->direction[d].packets + packet->segments < ONE_WAY_PACKETS ||
        (flow->direction[d ^ 1].flags & FS_DIRECTION_SEEN))
        return;
    state_set(flow, FS_FLOW_ONE_WAY);
    emit_slot(FS_EVENT_ONE_WAY, slot);
}

#endif
