// SPDX-License-Identifier: GPL-2.0-only
// The circumstances of a RST (FST_CONTEXT_*): what its flow had come to when it arrived.
#ifndef FLOWSTAMP_BPF_RESET_CONTEXT_H
#define FLOWSTAMP_BPF_RESET_CONTEXT_H

#include "bpf/flow/copies.h"
#include "bpf/reset/reset_view.h"

#define IDLE_NS 60000000000ULL
#define PROVOKED_US 1000000U

/// Bytes that a SYN may carry (RFC 7413), and a refusal acknowledges.
#define SYN_DATA_MAX 65535

static __always_inline int is_stateless_shape(const struct reset_view* view) {
    const struct fst_packet* packet = view->packet;

    return (packet->tcp_flags & ~(FST_TCP_ECE | FST_TCP_CWR)) == FST_TCP_RST && !packet->window &&
           !(packet->flags & FST_PACKET_OPTIONS) && !packet->payload &&
           (view->other->flags & FST_DIRECTION_ACKED) &&
           view->other->ack_edge - packet->seq <= FST_SEQUENCE_REACH;
}

/// Whether the receiver sent something that the RST's sender can have been answering: half a least
/// round trip ago or earlier, but no more than a second and a few round trips. Where the ring holds
/// nothing that old, it held so a moment before.
static __always_inline int may_be_provoked(const struct fst_direction* other, __u32 now_us,
                                           __u32 rtt_us) {
    int provoked = other->packets > FST_RING_STAMPS, older = 0;

    UNROLL
    for (int i = 0; i < FST_RING_STAMPS; i++) {
        __u32 age_us = now_us - other->ring[i].time_us;

        if (!other->ring[i].ttl || age_us < rtt_us / 2)
            continue;
        older = 1;
        if (age_us <= PROVOKED_US + 4 * rtt_us)
            return 1;
    }
    return provoked && !older;
}

/// Whether the RST refuses a SYN with which the other side begins a new connection on the flow's addresses and
/// ports: what is known of the old one says nothing about it. One that lies in the old one's window is that one's,
/// as it would end it.
static __always_inline int refuses_new_connection(const struct reset_view* view, __u32 slot) {
    const struct candidate* candidate = candidate_get(slot);
    const int other = view->d ^ 1;

    return candidate && (view->flow->state & FST_FLOW_CANDIDATE) &&
           (view->flow->state & FST_OF(FST_FLOW_LOCAL, other)) &&
           (candidate->handshake & (1 << other)) && (view->packet->tcp_flags & FST_TCP_ACK) &&
           view->packet->ack - candidate->isn[other] - 1 <= SYN_DATA_MAX &&
           !(view->judgement->context & FST_CONTEXT_IN_WINDOW);
}

/// 1: the RST is not about the flow's own connection, and nothing that is known of that is held against it.
noinline int judge_context(__u32 slot) {
    const struct fst_direction *own, *other;
    const struct fst_packet* packet;
    struct reset_view view;
    __u32 state, ahead;
    __u64 last_ns;
    int in_window, at_fin;

    if (!reset_view(&view, slot))
        return 0;
    own = view.own;
    other = view.other;
    packet = view.packet;
    state = view.flow->state;
    last_ns = own->last_ns > other->last_ns ? own->last_ns : other->last_ns;
    if ((state & FST_OF(FST_FLOW_SYN, view.d ^ 1)) && !(state & FST_OF(FST_FLOW_SYN_ACK, view.d)) &&
        (packet->tcp_flags & FST_TCP_ACK) && fst_acks_syn(view.flow, packet->ack, view.d ^ 1))
        set(&view, 1, FST_CONTEXT_TO_SYN);
    else
        set(&view, (state & FST_FLOW_MIDWAY) || !(own->flags & other->flags & FST_DIRECTION_SEEN),
            FST_CONTEXT_HALF_VIEW);
    set(&view, !has_baseline(own), FST_CONTEXT_NO_BASELINE);
    set(&view, fst_any_fin(state), FST_CONTEXT_FIN);
    set(&view, state & FST_OF(FST_FLOW_RST, view.d ^ 1), FST_CONTEXT_AFTER_OWN_RST);
    set(&view, state & (FST_OF(FST_FLOW_FORGED, 0) | FST_OF(FST_FLOW_FORGED, 1)),
        FST_CONTEXT_FORGED_BEFORE);
    set(&view, is_stateless_shape(&view), FST_CONTEXT_STATELESS);
    set(&view, last_ns && passed(packet->time_ns, last_ns, IDLE_NS), FST_CONTEXT_FLOW_IDLE);
    set(&view,
        (own->last_ns && passed(packet->time_ns, own->last_ns, FST_SENDER_IDLE_NS)) ||
            (state & FST_OF(FST_FLOW_RST, view.d)) || fst_both_fins(state),
        FST_CONTEXT_SENDER_IDLE);
    set(&view,
        packet->ip_id && view.flow->rst_ttl[view.d] == packet->ttl &&
            packet->ip_id == own->ring[(own->ring_next - 1) & (FST_RING_STAMPS - 1)].ip_id &&
            view.now_us - view.flow->rst_us[view.d] < COPY_US &&
            packet->seq == view.flow->rst_seq[view.d] &&
            packet->tcp_flags == view.flow->rst_tcp_flags[view.d],
        FST_CONTEXT_DUPLICATE_FRAME);
    if (!(other->flags & FST_DIRECTION_ACKED))
        return 0;
    ahead = packet->seq - other->ack_edge;
    in_window = ahead <= fst_accepts_ahead(view.flow, view.d ^ 1);
    at_fin = fst_is_at_fin(view.flow, packet->seq, view.d);
    set(&view, !ahead || at_fin || (in_window && packet->seq == own->seq_edge), FST_CONTEXT_EXACT);
    set(&view, !ahead || at_fin || in_window, FST_CONTEXT_IN_WINDOW);
    set(&view, may_be_provoked(other, view.now_us, own->min_rtt_us), FST_CONTEXT_PROVOKED);
    if (!refuses_new_connection(&view, slot))
        return 0;
    set(&view, 1, FST_CONTEXT_TO_SYN);
    return 1;
}

#endif
