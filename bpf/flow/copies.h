// SPDX-License-Identifier: GPL-2.0-only
// Copies: one packet seen more than once. A capture on all interfaces sees it on a bridge and on
// its ports, a mirror port delivers it twice, a router forwards it out of the interface that it
// came in by. Nothing is learned from a copy: it is no retransmission, no second SYN, and its TTL
// is that of a later place.
#ifndef FLOWSTAMP_BPF_FLOW_COPIES_H
#define FLOWSTAMP_BPF_FLOW_COPIES_H

#include "bpf/export/events.h"
#include "bpf/flow/handshake.h"
#include "bpf/flow/learn.h"
#include "bpf/flow/ring.h"
#include "bpf/maps.h"
#include "flowstamp/acceptance_rules.h"

/// A copy comes within this time of the packet.
#define COPY_US 50000U

/// ... and within this one if neither IP-ID nor timestamp names the packet: Linux sends nothing
/// again sooner (tcp_rtx_synack, RACK's least reordering window is a quarter of a round trip).
#define COPY_WITHOUT_NAME_US 1000U

/// Whether the packet can be a copy at all: it moves neither its side's sequence edge nor its ACK
/// edge. Most packets do, and cost these two comparisons.
static __always_inline int may_be_copy(const struct fst_direction* own,
                                       const struct fst_packet* packet) {
    const __u32 end = fst_sequence_end(packet);

    return (own->flags & FST_DIRECTION_SEEN) && fst_sequence_after(end, own->seq_edge) <= 0 &&
           (!(packet->tcp_flags & FST_TCP_ACK) ||
            fst_sequence_after(packet->ack, own->ack_edge) <= 0);
}

/// Whether the sender gives each packet another IP-ID.
static __always_inline int id_names_packet(const struct fst_direction* own,
                                           const struct fst_packet* packet) {
    return packet->ip_id && fst_id_class_of(own) != FST_ID_CONSTANT;
}

/// How old a packet may be that this one, without an IP-ID of its own, is a copy of; 0: none.
static __always_inline __u32 nameless_copy_us(const struct fst_direction* own,
                                              const struct fst_packet* packet) {
    if (packet->tcp_flags & FST_TCP_SYN)
        return packet->seq + 1 == own->seq_edge ? COPY_US : 0;
    if (!packet->payload && packet->window != own->window)
        return 0;  // a window update
    if (packet->flags & FST_PACKET_TS)
        return packet->ts_val == own->ts_val ? COPY_US : 0;
    return COPY_WITHOUT_NAME_US;
}

/// Whether the packet came from outside in the name of an end that is behind this interface. A
/// stack refuses its own address as a source (Linux: fib_validate_source()).
static __always_inline int is_from_wrong_side(const struct fst_flow* flow,
                                              const struct fst_packet* packet, int d) {
    return packet->hook != FST_HOOK_TC_EGRESS && (flow->state & FST_OF(FST_FLOW_LOCAL, d));
}

/// Whether a router throws the packet away, and its receiver never sees it (Linux: ip_forward()). Of a side that sends
/// so by itself, as BGP does to a neighbour, every packet is meant for this host, or passes a bridge.
static __always_inline int is_thrown_away_here(const struct fst_flow* flow,
                                               const struct fst_packet* packet, int d) {
    return packet->ttl <= 1 && flow->direction[d].ttl[0] > 1 && verifies_checksums &&
           packet->hook != FST_HOOK_TC_EGRESS && !fst_is_own_stack(flow, d ^ 1);
}

/// What the packet, no SYN, is to its receiver (enum fst_acceptance). A global function, so that the
/// verifier checks it once.
noinline int acceptance_of(__u32 slot) {
    struct scratch* scratch = scratch_get();
    const struct fst_flow* flow = flow_get(slot);

    if (!scratch || !flow)
        return FST_ACCEPTED;
    if (is_thrown_away_here(flow, &scratch->packet, scratch->packet.direction & 1))
        return FST_REFUSED;
    return (int)fst_acceptance_of(flow, &scratch->packet, scratch->packet.direction & 1);
}

/// Whether the packet came by the link of its side's first packets: with the same source MAC.
static __always_inline int came_by_the_same_link(const struct fst_flow* flow,
                                                 const struct fst_packet* packet, int d) {
    return (packet->flags & FST_PACKET_MAC) && fst_mac_votes(&flow->direction[d]) &&
           mac_equal(flow->mac[d], packet->src_mac);
}

/// A packet that may_be_copy(). False if it is none: then it may report a gap in the other side's
/// stream (SACK), as only a packet that acknowledges nothing new does. True if it is one: it is
/// then stamped if it is from another place than the packet, but not counted. Its third sighting on
/// one link, each with a lower TTL than the one before, is a routing loop.
noinline int observe_copy(__u32 slot) {
    struct scratch* scratch = scratch_get();
    struct fst_flow* flow = flow_get(slot);
    __u32 seen = 0, same_ttl = 0, above = 0, within_us;
    struct fst_direction* own;
    struct fst_packet* packet;
    int d, named;

    if (!scratch || !flow)
        return 0;
    packet = &scratch->packet;
    d = packet->direction & 1;
    own = &flow->direction[d];
    named = id_names_packet(own, packet);
    within_us = named ? COPY_US : nameless_copy_us(own, packet);
    if ((packet->flags & FST_PACKET_TS) && fst_sequence_after(packet->ts_val, own->ts_val) > 0)
        within_us = 0;  // sent later than any before it
    // It may be the data in front of a FIN that came too early: that is heard, whatever looks like it.
    if (packet->payload && (flow->state & FST_OF(FST_FLOW_FIN_AHEAD, d)))
        within_us = 0;
    // A challenge ACK may look like the ACK before it: where an answer is awaited, only an IP-ID
    // shows a copy. And it may be that of an ACK which was damaged: what comes in to a socket of this host is heard.
    if ((flow->state & pending_of(d)) && (!named || fst_is_own_stack(flow, d ^ 1)))
        within_us = 0;
    UNROLL
    for (int i = 0; i < FST_RING_STAMPS; i++) {
        const struct fst_stamp* stamp = &own->ring[i];

        if (!stamp->ttl || stamp->tcp_flags != packet->tcp_flags || stamp->ip_id != packet->ip_id ||
            time_us(packet->time_ns) - stamp->time_us >= within_us)
            continue;
        seen = 1;
        same_ttl |= stamp->ttl == packet->ttl;
        above += stamp->ttl > packet->ttl;  // copies with one TTL are stamped once
    }
    if (!seen || (!(packet->tcp_flags & FST_TCP_SYN) && acceptance_of(slot) == FST_REFUSED) ||
        (!named && (packet->flags & FST_PACKET_SACK) && !(packet->tcp_flags & FST_TCP_SYN))) {
        if ((packet->flags & FST_PACKET_SACK) && !(packet->tcp_flags & FST_TCP_SYN) &&
            !(flow->state & FST_OF(FST_FLOW_SACKED, d ^ 1))) {
            state_set(flow, FST_OF(FST_FLOW_SACKED, d ^ 1));
            emit(FST_EVENT_SACKED, slot);
        }
        return 0;
    }
    packet->flags |= FST_PACKET_DUPLICATE_FRAME;
    if (packet->hook == FST_HOOK_TC_EGRESS && !fst_is_own_stack(flow, d))
        flow->after_rst[d] |= FST_END_SENT_ON;
    if (!(flow->state & FST_FLOW_DUPLICATE_FRAMES) && !is_from_wrong_side(flow, packet, d) &&
        (named || packet->payload || (packet->tcp_flags & FST_TCP_SYN)))
        state_set(flow, FST_FLOW_DUPLICATE_FRAMES);
    if (same_ttl)
        return 1;
    version_begin(own);
    stamp_packet(own, segment_in_memory(packet), time_us(packet->time_ns));
    version_end(own);
    if (above >= 2 && !(flow->state & FST_FLOW_LOOP) && came_by_the_same_link(flow, packet, d)) {
        state_set(flow, FST_FLOW_LOOP);
        emit_slot(FST_EVENT_LOOP, slot);
    }
    return 1;
}

#endif
