// SPDX-License-Identifier: GPL-2.0-only
// The evidence that a RST shows on arrival, against its flow's history. Each rule names its guard;
// figures and sources are in docs/findings.md.
#ifndef FLOWSTAMP_BPF_RESET_SIGNALS_H
#define FLOWSTAMP_BPF_RESET_SIGNALS_H

#include "bpf/reset/reset_view.h"

/// The RTT must be known and long enough for its fractions to mean anything.
#define RTT_SAMPLES_ENOUGH 4
#define RTT_MEANINGFUL_US 5000U

/// IP-IDs of known injectors: Sandvine; Henan's firewall (which sends data, without DF).
#define ID_SANDVINE 0x3412
#define ID_HENAN 0x0001

/// The nearest, or the farthest, of a side's packets, in hops.
noinline __u32 side_hops(__u32 slot, __u32 want_farthest) {
    __u32 nearest = 255, farthest = 0;
    struct reset_view view;

    if (!reset_view(&view, slot))
        return 255;
    for (int i = 0; i < FST_TTL_SET; i++) {
        __u32 hops = fst_hops(view.own->ttl[i]);

        if (!view.own->ttl[i])
            break;
        nearest = hops < nearest ? hops : nearest;
        farthest = hops > farthest ? hops : farthest;
    }
    return want_farthest ? farthest : nearest;
}

static __always_inline int shares_base(const struct fst_direction* own, __u8 ttl) {
    int same = 0;

    UNROLL
    for (int i = 0; i < FST_TTL_SET; i++)
        same |= own->ttl[i] && fst_ttl_base(own->ttl[i]) == fst_ttl_base(ttl);
    return same;
}

/// The latest reset in this side's name before this one.
static __always_inline struct fst_earlier_reset earlier_reset(const struct reset_view* view) {
    const struct fst_flow* flow = view->flow;

    return (struct fst_earlier_reset){.seq = flow->rst_seq[view->d],
                                      .time_us = flow->rst_us[view->d],
                                      .ttl = flow->rst_ttl[view->d],
                                      .tcp_flags = flow->rst_tcp_flags[view->d]};
}

/// Another reset in this name came by another path. By itself, as the verifier would follow what
/// comes after it once per comparison.
noinline int judge_two_paths(__u32 slot) {
    struct fst_earlier_reset before;
    struct reset_view view;

    if (!reset_view(&view, slot))
        return 0;
    before = earlier_reset(&view);
    add(&view, fst_two_paths(&before, view.packet, view.now_us, view.judgement->context),
        FST_SIGNAL_TWO_PATHS);
    return 0;
}

/// Path: hops against those of the side's fitting packets.
noinline int judge_path(__u32 slot) {
    const __u32 nearest = side_hops(slot, 0), farthest = side_hops(slot, 1);
    struct reset_view view;
    int same_base, stateless;
    __u32 hops;

    if (!reset_view(&view, slot))
        return 0;
    hops = fst_hops(view.packet->ttl);
    view.judgement->hops = (__u8)hops;
    view.judgement->base_hops = 255;
    if (!has_baseline(view.own))
        return 0;
    view.judgement->base_hops = (__u8)nearest;
    stateless = !!(view.judgement->context & FST_CONTEXT_STATELESS);
    // Not one of the usual initial TTLs: a count of hops cannot be had.
    if ((view.own->flags & FST_DIRECTION_TTL_MANY) || farthest > FST_HOPS_MAX ||
        hops > FST_HOPS_MAX || (stateless && nearest > FST_STATELESS_HOPS_MAX))
        return 0;
    same_base = shares_base(view.own, view.packet->ttl);
    add(&view, !same_base, FST_SIGNAL_TTL_BASE);
    add(&view, hops + 2 <= nearest && (same_base || !stateless), FST_SIGNAL_NEARER);
    add(&view, hops >= farthest + 2 && (view.own->flags & FST_DIRECTION_BASE), FST_SIGNAL_FARTHER);
    add(&view, hops + 1 == nearest || hops == farthest + 1, FST_SIGNAL_ONE_HOP);
    return 0;
}

/// IP-ID: IPv4 only. Linux' own stateless RST bears 0 always, so 0 and a break prove nothing.
noinline int judge_id(__u32 slot) {
    const struct fst_direction* own;
    const struct fst_packet* packet;
    __u16 id, apart, df;
    struct reset_view view;
    int continues;
    __u8 class;

    if (!reset_view(&view, slot) || (view.packet->flags & FST_PACKET_IPV6))
        return 0;
    own = view.own;
    packet = view.packet;
    id = packet->ip_id;
    apart = own->ip_id - view.other->ip_id;
    df = packet->flags & FST_PACKET_DF;
    class = fst_id_class_of(own);
    continues = fst_id_continues(own, id);
    // Both sides counting closely together may meet by chance; and a sender whose latest packet has
    // an ID of the other side copies them as a rule.
    add(&view,
        id > 1 && !continues && (__u16)(apart + FST_SAME_COUNTER) > 2 * FST_SAME_COUNTER &&
            ring_has_id(slot, view.d ^ 1, id, 0) && !ring_has_id(slot, view.d ^ 1, own->ip_id, 0),
        FST_SIGNAL_ID_ECHO);
    add(&view,
        !continues && !ring_has_id(slot, view.d, id, FST_TCP_RST) &&
            (id == ID_SANDVINE || (id == ID_HENAN && packet->payload && !df)),
        FST_SIGNAL_ID_CONSTANT);
    add(&view,
        !id && !df && (own->flags & (FST_DIRECTION_DF | FST_DIRECTION_NO_DF)) == FST_DIRECTION_DF,
        FST_SIGNAL_ID_ZERO_NO_DF);
    add(&view,
        (own->flags & FST_DIRECTION_BASE) &&
            !(own->flags & (df ? FST_DIRECTION_DF : FST_DIRECTION_NO_DF)),
        FST_SIGNAL_DF_FLIPPED);
    add(&view, class == FST_ID_FLOW && !continues, FST_SIGNAL_ID_BREAK);
    add(&view,
        class == FST_ID_FLOW && continues &&
            (!(view.flow->state & FST_FLOW_TS) || (packet->flags & FST_PACKET_TS)),
        FST_SIGNAL_ID_IN_SEQUENCE);
    return 0;
}

/// A peer that puts timestamps on every RST+ACK: Linux, by its TTL, DF and per-flow IDs. XNU and
/// the BSDs never do.
static __always_inline int linux_like(const struct fst_direction* own) {
    return fst_ttl_base(own->ttl[0]) == 64 && fst_id_class_of(own) == FST_ID_FLOW &&
           (own->flags & (FST_DIRECTION_DF | FST_DIRECTION_NO_DF)) == FST_DIRECTION_DF;
}

/// Window, timestamps, payload, link.
noinline int judge_header(__u32 slot) {
    const struct fst_packet* packet;
    struct reset_view view;
    int foreign;
    __u8 votes;

    if (!reset_view(&view, slot))
        return 0;
    packet = view.packet;
    foreign = packet->window && (view.own->flags & FST_DIRECTION_WINDOWS_2) &&
              !(view.own->windows & window_bit(packet->window));
    add(&view, foreign, FST_SIGNAL_WINDOW_FOREIGN);
    add(&view, foreign && packet->window == view.other->window, FST_SIGNAL_WINDOW_ECHO);
    add(&view, fst_lacks_timestamps(view.flow, packet) && linux_like(view.own),
        FST_SIGNAL_NO_TIMESTAMPS);
    add(&view, packet->payload != 0, FST_SIGNAL_DATA);
    votes = fst_mac_votes(view.own);
    add(&view,
        (packet->flags & FST_PACKET_MAC) && votes >= MAC_VOTES_ENOUGH && votes != FST_MAC_MIXED &&
            !(view.flow->state & FST_FLOW_DUPLICATE_FRAMES) &&
            !mac_equal(view.flow->mac[view.d & 1], packet->src_mac),
        FST_SIGNAL_MAC_FOREIGN);
    return 0;
}

/// Timestamps: TSecr is one that the receiver sent (ten minutes of ticks back at the most), TSval
/// is where the sender's clock is. And time: it acknowledges data that cannot have been there yet.
noinline int judge_time(__u32 slot) {
    const struct fst_direction *own, *other;
    const struct fst_packet* packet;
    struct reset_view view;
    __u32 clock, since_us;

    if (!reset_view(&view, slot))
        return 0;
    own = view.own;
    other = view.other;
    packet = view.packet;
    clock = own->ts_offset + time_ms(packet->time_ns);
    add(&view,
        (view.flow->state & FST_FLOW_TS) && (packet->flags & FST_PACKET_TS) &&
            (own->flags & other->flags & FST_DIRECTION_TS_CLOCK) &&
            other->ts_val - packet->ts_ecr <= 600000 &&
            fst_sequence_after(packet->ts_val, own->ts_val) >= 0 &&
            ((own->flags & FST_DIRECTION_TS_FAST) ||
             fst_sequence_after(packet->ts_val, clock) <= FST_CLOCK_AHEAD),
        FST_SIGNAL_TIMESTAMPS_VALID);
    // Once its sender has reset the flow itself, any box in front of it may answer what still
    // comes.
    if ((view.flow->state & FST_OF(FST_FLOW_RST, view.d & 1)) ||
        !(packet->tcp_flags & FST_TCP_ACK) || fst_rtt_samples(own) < RTT_SAMPLES_ENOUGH ||
        own->min_rtt_us < RTT_MEANINGFUL_US || packet->ack != other->seq_edge ||
        !(other->flags & FST_DIRECTION_DATA))
        return 0;
    since_us = view.now_us - other->edge_us;
    add(&view, since_us < own->min_rtt_us / 4, FST_SIGNAL_ACK_TOO_SOON);
    add(&view, since_us >= own->min_rtt_us / 4 && since_us < own->min_rtt_us / 2,
        FST_SIGNAL_ACK_SOON);
    return 0;
}

/// One SYN answered twice, and a second RST that guesses higher (Weaver, Sommer, Paxson, NDSS 2009:
/// SYN_RST and RST_SEQ_CHANGE).
noinline int judge_conclusive(__u32 slot) {
    const struct fst_direction *own, *other;
    const struct fst_packet* packet;
    const struct fst_flow* flow;
    struct reset_view view;
    struct fst_earlier_reset before;
    __u8 d;

    if (!reset_view(&view, slot))
        return 0;
    own = view.own;
    other = view.other;
    packet = view.packet;
    flow = view.flow;
    d = view.d & 1;
    // The other order, SYN-ACK after RST, shows in a later packet.
    add(&view,
        !packet->seq && (packet->tcp_flags & FST_TCP_ACK) && packet->ack == flow->isn[d ^ 1] + 1 &&
            (flow->state & FST_OF(FST_FLOW_SYN_ACK, d)) &&
            (own->flags & FST_DIRECTION_BASE_SYN_ACK) &&  // no doubtful one
            (flow->state & FST_OF(FST_FLOW_SYN, d ^ 1)) && !(other->flags & FST_DIRECTION_ACKED) &&
            !(flow->state & FST_OF(FST_FLOW_RST, d ^ 1)) &&  // nor one that it has reset
            !other->retransmitted && flow->isn[d] + 1 != 0,
        FST_SIGNAL_SYN_RST);
    before = earlier_reset(&view);
    add(&view,
        fst_sequence_guess(&before, packet, view.now_us, own, other, view.judgement->signals,
                           view.judgement->context),
        FST_SIGNAL_SEQ_CHANGE);
    return 0;
}

#endif
