// SPDX-License-Identifier: GPL-2.0-only
// The baseline of one side's genuine packets: sequence, TTLs, IP-IDs, windows, timestamps, MAC.
// Nothing is learned from a RST, or from a packet that does not fit.
#ifndef FLOWSTAMP_BPF_FLOW_LEARN_H
#define FLOWSTAMP_BPF_FLOW_LEARN_H

#include "bpf/flow/clock.h"
#include "bpf/flow/time.h"
#include "bpf/maps.h"
#include "bpf/packet/segment.h"
#include "flowstamp/acceptance_rules.h"
#include "flowstamp/reset_rules.h"

#define MAC_VOTES_ENOUGH 3

/// The RTT is sampled from every ACK of a side's first packets, then from one packet in sixteen:
/// reading the other direction's cache line costs a miss when two CPUs share the flow.
#define RTT_EAGER_PACKETS 32

/// Bytes of a full-sized segment on Ethernet.
#define ONE_SEGMENT 1460

static __always_inline __u32 window_bit(__u16 window) {
    return 1U << (((__u32)window * 0x9e3779b1U) >> 27);
}

/// Whether the side has a baseline: a SYN-ACK or a later packet. A SYN alone is not enough:
/// scanners craft it, while their kernel sends the RST.
static __always_inline int has_baseline(const struct fst_direction* own) {
    return own->flags & (FST_DIRECTION_BASE | FST_DIRECTION_BASE_SYN_ACK);
}

/// True if the TTL is new to the side. `moved`: the packet moved an edge. One that did not may be a
/// packet that anyone repeated: nothing tells where its sender is.
static __always_inline int learn_ttl(struct fst_direction* own, __u8 ttl, int moved) {
    if (own->ttl[0] == ttl)
        return 0;
    if (!own->ttl[0]) {
        own->ttl[0] = ttl;
        return 0;
    }
    if (!moved)
        return 0;
    UNROLL
    for (int i = 1; i < FST_TTL_SET; i++) {
        if (own->ttl[i] == ttl)
            return 0;
        if (!own->ttl[i]) {
            own->ttl[i] = ttl;
            return 1;
        }
    }
    own->flags |= FST_DIRECTION_TTL_MANY;
    return 0;
}

/// Forgets what the side's packets have shown. Their count stays.
static __always_inline void forget_end(struct fst_direction* own) {
    own->flags = 0;
    own->min_rtt_us = 0;
    own->windows = 0;
    own->id_class = 0;
    own->retransmitted = 0;
    own->rtt_and_mac = 0;
    UNROLL
    for (int i = 0; i < FST_TTL_SET; i++)
        own->ttl[i] = 0;
}

static __always_inline enum fst_id_class id_step(const struct fst_direction* own, __u16 id) {
    __u16 step = id - own->ip_id;

    if (step == 0)
        return id ? FST_ID_CONSTANT : FST_ID_ZERO;
    if (step == 1)
        return FST_ID_FLOW;
    return step <= 4096 ? FST_ID_GLOBAL : FST_ID_RANDOM;
}

/// The class is the majority of steps (Boyer-Moore vote). A small step back is reordering and does
/// not vote. Not for a SYN-ACK: Linux sends it with ID 0, whatever IDs follow.
static __always_inline void learn_id(struct fst_direction* own, __u16 ip_id, __u16 segments) {
    __u8 votes = own->id_class >> 4, class = own->id_class & 0x0f;
    __u16 back = own->ip_id - ip_id;

    if (back == 0xffff && own->id_class == (15 << 4 | FST_ID_FLOW)) {  // as ever
        own->ip_id = ip_id + segments - 1;
        return;
    }

    if (own->flags & (FST_DIRECTION_BASE | FST_DIRECTION_BASE_SYN)) {
        enum fst_id_class step = id_step(own, ip_id);

        if (back >= 1 && back <= 64)
            return;
        if (step == class)
            votes = votes < 15 ? votes + 1 : votes;
        else if (votes == 0)
            class = step, votes = 1;
        else
            votes--;
        own->id_class = (__u8)(votes << 4) | class;
    }
    own->ip_id = ip_id + segments - 1;
}

static __always_inline void state_set(struct fst_flow* flow, __u32 bits) {
    __sync_fetch_and_or(&flow->state, bits);
}

static __always_inline void state_clear(struct fst_flow* flow, __u32 bits) {
    __sync_fetch_and_and(&flow->state, ~bits);
}

/// Whether the window in the packet is its sender's latest: it acknowledges more, or brings data or
/// closes the window where its side stands, or opens the window. An older packet's is not (Linux:
/// tcp_may_update_window()); what leaves here is in its order. To be asked before the packet is
/// learned.
static __always_inline int updates_window(const struct fst_direction* own, struct segment segment) {
    const __s32 newer = fst_sequence_after(ack_of(segment), own->ack_edge);
    const __s32 ahead = fst_sequence_after(seq_of(segment), own->seq_edge);
    const __u16 window = window_of(segment);

    return newer > 0 || segment.packet->hook == FST_HOOK_TC_EGRESS ||
           !(own->flags & FST_DIRECTION_ACKED) ||
           (!newer &&
            (window > own->window || (ahead >= 0 && (ahead || payload_of(segment) || !window))));
}

static __always_inline void learn_window(struct fst_direction* own, __u16 window, int latest) {
    if (latest)
        own->window = window;
    own->windows |= window_bit(window);
    own->flags |= ((own->flags & FST_DIRECTION_WINDOWS_1) ? FST_DIRECTION_WINDOWS_2
                                                          : FST_DIRECTION_WINDOWS_1) |
                  (window >= 1024 ? FST_DIRECTION_WINDOW_1K : 0) |
                  (window >= 8192 ? FST_DIRECTION_WINDOW_8K : 0);
}

static __always_inline int mac_equal(const __u8* a, const __u8* b) {
    __u8 differ = 0;

    UNROLL
    for (int i = 0; i < 6; i++)
        differ |= a[i] ^ b[i];
    return !differ;
}

/// Whether the MAC of the side's next packet is compared: those of its first packets, then that of every
/// 64th, which is enough to know whether the side has a single one.
static __always_inline int learns_mac(const struct fst_direction* own) {
    const __u8 votes = fst_mac_votes(own);

    return votes < MAC_VOTES_ENOUGH || (votes != FST_MAC_MIXED && !(own->packets & 63));
}

static __always_inline void learn_mac(struct fst_flow* flow, const struct fst_packet* packet,
                                      int d) {
    struct fst_direction* own = &flow->direction[d];
    __u8 votes = fst_mac_votes(own);

    if (!(packet->flags & FST_PACKET_MAC) || !learns_mac(own))
        return;
    if (votes == 0)
        __builtin_memcpy(flow->mac[d], packet->src_mac, 6);
    else if (!mac_equal(flow->mac[d], packet->src_mac))
        votes = FST_MAC_MIXED - 1;
    if (votes < MAC_VOTES_ENOUGH || votes == FST_MAC_MIXED - 1)
        own->rtt_and_mac = (__u8)((votes + 1) << 4) | fst_rtt_samples(own);
}

/// One byte just below the edge is a keepalive (RFC 9293, section 3.8.4), not a retransmission. A
/// retransmission may also carry new bytes after the old ones.
static __always_inline void note_retransmission(struct fst_direction* own,
                                                struct fst_packet* packet) {
    if (!(own->flags & FST_DIRECTION_SEEN) || fst_sequence_after(own->seq_edge, packet->seq) <= 0 ||
        (packet->payload <= 1 && !(packet->tcp_flags & (FST_TCP_SYN | FST_TCP_FIN))))
        return;
    packet->flags |= FST_PACKET_RETRANSMITTED;
    own->retransmitted += own->retransmitted != 255;
}

/// The ACK edge. How many bytes the packet newly acknowledges.
static __always_inline __u32 learn_ack(struct fst_direction* own, const struct fst_packet* packet) {
    __u32 acknowledged;

    if (!(packet->tcp_flags & FST_TCP_ACK))
        return 0;
    if (!(own->flags & FST_DIRECTION_ACKED)) {
        own->flags |= FST_DIRECTION_ACKED;
        own->ack_edge = packet->ack - 1;
    }
    // Behind a lost segment there may be more than FST_SEQUENCE_REACH, which it acknowledges at once.
    acknowledged = packet->ack - own->ack_edge;
    if (fst_sequence_after(packet->ack, own->ack_edge) <= 0)
        return 0;
    own->ack_edge = packet->ack;
    return acknowledged;
}

/// Sequence edge, retransmissions and ACK edge. How many bytes the packet newly acknowledges.
static __always_inline __u32 learn_edges(struct fst_direction* own, struct fst_packet* packet) {
    const __u32 end = fst_sequence_end(packet);

    note_retransmission(own, packet);
    if (!(own->flags & FST_DIRECTION_SEEN)) {
        own->flags |= FST_DIRECTION_SEEN;
        own->seq_edge = end;
        own->edge_us = time_us(packet->time_ns);
        own->ack_edge = packet->ack - 1;
    } else if (end != packet->seq && fst_sequence_after(end, own->seq_edge) > 0) {
        // A bare ACK moves no stack's edge, wherever in the window it lies.
        own->seq_edge = end;
        own->edge_us = time_us(packet->time_ns);
    }
    if (packet->payload)
        own->flags |= FST_DIRECTION_DATA;
    return learn_ack(own, packet);
}

/// Whether the side's next packet is one of those that sample the round trip, if it acknowledges
/// something.
static __always_inline int samples_rtt(const struct fst_direction* own) {
    return own->packets < RTT_EAGER_PACKETS || !(own->packets & 15);
}

/// Whether the packet shows a round trip that is shorter than any before it.
static __always_inline int lowers_rtt(const struct fst_direction* own,
                                      const struct fst_direction* other,
                                      const struct fst_packet* packet) {
    return packet->ack != own->ack_edge && samples_rtt(own) && packet->ack == other->seq_edge &&
           (!own->min_rtt_us || time_us(packet->time_ns) - other->edge_us < own->min_rtt_us);
}

/// The round-trip time from here to this side: since the other side's newest byte passed here, by
/// the first ACK of it.
static __always_inline void learn_rtt(struct fst_direction* own, const struct fst_direction* other,
                                      const struct fst_packet* packet, __u32 acknowledged) {
    const __u16 seen = other->flags;

    // Where all segments are signed or bear IP options, one without, of whoever, would be the only sample. When a
    // byte that passed before this flow was seen, is not known.
    if (!acknowledged || !samples_rtt(own) ||
        !((seen & (FST_DIRECTION_BASE_SYN | FST_DIRECTION_BASE_SYN_ACK)) ||
          ((seen & FST_DIRECTION_BASE) && (seen & FST_DIRECTION_DATA))))
        return;
    // Which of a SYN's copies is answered is not known (Karn's rule; RFC 6298, section 3).
    if (!(own->flags & FST_DIRECTION_BASE) && other->retransmitted)
        return;
    if (packet->ack == other->seq_edge && (other->flags & FST_DIRECTION_SEEN)) {
        __u32 rtt_us = time_us(packet->time_ns) - other->edge_us;

        if (!own->min_rtt_us || rtt_us < own->min_rtt_us)
            own->min_rtt_us = rtt_us ? rtt_us : 1;
        // An ACK of one segment may be delayed (RFC 1122, section 4.2.3.2) or wait for data to be
        // sent with, so even the least of many such samples may exceed the RTT: not counted.
        if (acknowledged > ONE_SEGMENT || (packet->tcp_flags & FST_TCP_SYN))
            own->rtt_and_mac += fst_rtt_samples(own) != 15;
    }
}

/// Whether one of the side's packets had this TTL.
static __always_inline int knows_ttl(const struct fst_direction* own, __u8 ttl) {
    int known = own->flags & FST_DIRECTION_TTL_MANY;

    if (own->ttl[0] == ttl)
        return 1;
    UNROLL
    for (int i = 1; i < FST_TTL_SET; i++)
        known |= own->ttl[i] == ttl;
    return known;
}

/// What the side's newest bytes end with: a FIN that its receiver holds back, as there is a gap
/// before it, or that it may not have taken in; or none.
static __always_inline void note_fin_ahead(struct fst_flow* flow, int is_ahead, int d) {
    const __u32 bit = FST_OF(FST_FLOW_FIN_AHEAD, d);

    if (is_ahead)
        state_set(flow, bit);
    else if (flow->state & bit)
        state_clear(flow, bit);
}

/// Learns from a packet that its receiver may have taken in: how far its side has come. Which bytes a stack
/// of this host has taken in is left to its ACK (follow_own_stack()). One that was overtaken acknowledges nothing that a
/// later one has not: whatever it says beyond that, its receiver throws it away (Linux: tcp_disordered_ack()).
static __always_inline void learn_unfit(struct fst_flow* flow, struct fst_packet* packet, int d) {
    struct fst_direction* own = &flow->direction[d];
    const __u32 seq_edge = own->seq_edge, ack_edge = own->ack_edge;
    const int overtaken = (own->flags & FST_DIRECTION_ACKED) && is_overtaken(flow, packet, own);

    if (sets_clock_though_unfit(flow, packet, d))
        learn_clock(own, packet);
    if ((own->flags & FST_DIRECTION_SEEN) && fst_is_own_stack(flow, d ^ 1)) {
        note_retransmission(own, packet);
        if (!overtaken && !fst_is_doubtful(packet) &&
            fst_sequence_acceptance(flow, packet, d) == FST_ACCEPTED)
            learn_ack(own, packet);
        if (overtaken && fst_sequence_after(fst_sequence_end(packet), seq_edge) > 0)
            own->seq_edge = fst_sequence_end(packet);
        return;
    }
    learn_edges(own, packet);
    if (overtaken)
        own->ack_edge = ack_edge;
    if (own->seq_edge != seq_edge)
        note_fin_ahead(flow, fst_has_fin(packet), d);
}

/// Whether the packet may show that a connection that was joined midway is of Multipath TCP, which is not known yet.
static __always_inline int may_show_multipath(const struct fst_flow* flow,
                                              const struct fst_packet* packet) {
    return (packet->flags & FST_PACKET_MPTCP) &&
           (flow->state & (FST_FLOW_MIDWAY | FST_FLOW_MPTCP)) == FST_FLOW_MIDWAY;
}

/// A segment that may_show_multipath(), after its edges were learned. A connection that was joined midway uses
/// it if both ends' data had one and all that they have sent is acknowledged: who makes up a segment of one end, or an
/// ACK, shows nothing.
static __always_inline void note_multipath(struct fst_flow* flow, const struct fst_packet* packet,
                                           int d, int brings_data) {
    const struct fst_direction *own = &flow->direction[d], *other = &flow->direction[d ^ 1];

    if (brings_data && packet->payload)
        flow->wscale[d] |= FST_END_MULTIPATH;
    if ((flow->wscale[0] & flow->wscale[1] & FST_END_MULTIPATH) &&
        (own->flags & other->flags & FST_DIRECTION_ACKED) && own->ack_edge == other->seq_edge &&
        other->ack_edge == own->seq_edge)
        state_set(flow, FST_FLOW_MPTCP);
}

/// Learns from a packet that its receiver accepts. True if its TTL is new to its side.
static __always_inline int learn(struct fst_flow* flow, struct fst_packet* packet, int d) {
    struct fst_direction* own = &flow->direction[d];
    const int syn_ack =
        (packet->tcp_flags & (FST_TCP_SYN | FST_TCP_ACK)) == (FST_TCP_SYN | FST_TCP_ACK);
    const __u32 seq_edge = own->seq_edge, ack_edge = own->ack_edge;
    const int gap = fst_sequence_after(packet->seq, seq_edge) > 0;
    const int was_seen = own->flags & FST_DIRECTION_SEEN;
    const int latest = updates_window(own, segment_in_memory(packet));
    // Behind a gap a receiver takes no timestamp (RFC 7323, section 4.3), nor need it take the segment.
    const int clock = !(gap && was_seen) && sets_clock(flow, packet, d);
    int new_ttl;

    learn_rtt(own, &flow->direction[d ^ 1], packet, learn_edges(own, packet));
    if (own->seq_edge != seq_edge || (packet->payload && fst_sequence_end(packet) == seq_edge))
        note_fin_ahead(flow, gap && fst_has_fin(packet), d);
    learn_mac(flow, packet, d);
    if (clock)
        learn_clock(own, packet);
    if (may_show_multipath(flow, packet))
        note_multipath(flow, packet, d, own->seq_edge != seq_edge);
    if (!(packet->flags & FST_PACKET_IPV6) && !syn_ack)
        learn_id(own, packet->ip_id, packet->segments);
    own->flags |= (packet->flags & FST_PACKET_DF) ? FST_DIRECTION_DF : FST_DIRECTION_NO_DF;
    new_ttl = learn_ttl(own, packet->ttl, own->seq_edge != seq_edge || own->ack_edge != ack_edge);
    if (packet->tcp_flags & FST_TCP_SYN) {
        if (!fst_is_doubtful(packet))
            own->flags |= syn_ack ? FST_DIRECTION_BASE_SYN_ACK : FST_DIRECTION_BASE_SYN;
        own->window = packet->window;
    } else {
        own->flags |= FST_DIRECTION_BASE;
        learn_window(own, packet->window, latest);
    }
    return new_ttl;
}

/// learn() for a segment that is_ordinary(), without the cases that cannot be. `now_us`: its
/// time_us().
static __always_inline void learn_ordinary(struct fst_flow* flow, struct segment segment,
                                           __u32 now_us) {
    const int d = segment.packet->direction & 1;
    struct fst_direction* own = &flow->direction[d];
    const __u32 payload = payload_of(segment);

    if (window_of(segment) != own->window)
        learn_window(own, window_of(segment), updates_window(own, segment));
    if (payload) {
        own->seq_edge += payload;
        own->edge_us = now_us;
    }
    own->ack_edge = ack_of(segment);
    if (!segment.frame)
        learn_mac(flow, segment.packet, d);
    if (has_timestamps(segment))
        own->ts_val = ts_val_of(segment);
    if (is_ipv4(segment))
        learn_id(own, ip_id_of(segment), segment.packet->segments);
}

#endif
