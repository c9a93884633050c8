// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// What the receiver's stack accepts, in its own order of checks (RFC 9293, section 3.10.7.4; RFC 5961,
// section 5.2; RFC 7323, section 5): only that is evidence. Predicates and thresholds, without memory or
// side effects.
//
// Addresses and ports are big-endian, everything else host order. "Own" is the side that sent the
// segment, "other" its receiver.
#ifndef FLOWSTAMP_ACCEPTANCE_RULES_H
#define FLOWSTAMP_ACCEPTANCE_RULES_H

#include "flowstamp/flow.h"
#include "flowstamp/packet.h"
#include "flowstamp/types.h"

/// How far from a side's sequence edge its packets may lie and still be accepted as its own, bytes:
/// more than any common receive window, far less than a blind guess would need.
#define FST_SEQUENCE_REACH (4U << 20)

// ---- sequence space and windows ----

/// `a` minus `b` in sequence space (RFC 9293, section 3.4), and on timestamps (RFC 7323, 5.2).
static inline __s32 fst_sequence_after(__u32 a, __u32 b) {
    return (__s32)(a - b);
}

/// Whether `a` lies within FST_SEQUENCE_REACH of `b`, before or after it.
static inline int fst_within_reach(__u32 a, __u32 b) {
    return a - b + FST_SEQUENCE_REACH <= 2 * FST_SEQUENCE_REACH;
}

/// One past the last sequence number that the segment occupies (RFC 9293, section 3.4).
static inline __u32 fst_sequence_end(const struct fst_packet* packet) {
    return packet->seq + packet->payload + !!(packet->tcp_flags & (FST_TCP_SYN | FST_TCP_FIN));
}

/// The scale that the SYN of end `d` offered, plus 1; 0: none, or the SYN was not seen.
static inline __u8 fst_offered_scale(const struct fst_flow* flow, int d) {
    return flow->wscale[d] & FST_SCALE;
}

/// The scale of the windows that end `d` advertises (RFC 7323, section 2.2: only if both SYNs
/// offered one).
static inline __u8 fst_negotiated_scale(const struct fst_flow* flow, int d) {
    return fst_offered_scale(flow, d) && fst_offered_scale(flow, d ^ 1)
               ? fst_offered_scale(flow, d) - 1
               : 0;
}

/// The receive window that end `receiver` advertised last, bytes.
static inline __u32 fst_receive_window(const struct fst_flow* flow, int receiver) {
    return (__u32)flow->direction[receiver].window << fst_negotiated_scale(flow, receiver);
}

/// Of a flow's state (FST_FLOW_*): whether either end, or both, have sent a FIN, or a RST that was
/// accepted.
static inline int fst_any_fin(__u32 state) {
    return !!(state & (FST_OF(FST_FLOW_FIN, 0) | FST_OF(FST_FLOW_FIN, 1)));
}

static inline int fst_both_fins(__u32 state) {
    return (state & FST_OF(FST_FLOW_FIN, 0)) && (state & FST_OF(FST_FLOW_FIN, 1));
}

static inline int fst_any_rst(__u32 state) {
    return !!(state & (FST_OF(FST_FLOW_RST, 0) | FST_OF(FST_FLOW_RST, 1)));
}

// ---- acceptance ----

/// The window scale that is assumed of a receiver whose SYN was not seen: Linux' is 7 with buffers
/// of the usual sizes, Windows' 8.
#define FST_ASSUMED_SCALE 8

/// How far the timestamps of two segments of a side may lie apart, ticks, before that says more than
/// reordering: four seconds, at a tick per millisecond; at a tick per microsecond if they are fast.
#define FST_TIMESTAMPS_NEAR (1U << 12)
#define FST_TIMESTAMPS_NEAR_FAST (1U << 22)

/// What a segment is to its receiver, as far as this place on its way can know.
enum fst_acceptance {
    FST_ACCEPTED = 0,
    /// Nothing of it need be taken in, yet its sender may well have sent it: it lies wholly below
    /// what the receiver has acknowledged, was overtaken, or probes a window that is closed.
    FST_REPEATED = 1,
    FST_REFUSED = 2,  ///< the stack throws it away: nothing may be learned from it
    /// A stack may take it in, but its sender sends no such: it moves edges at the most, and those of
    /// what this host receives only once its own stack has acknowledged it.
    FST_UNFIT = 3,
};

/// The scale of end `d`, or the assumed one.
static inline __u8 fst_window_scale(const struct fst_flow* flow, int d) {
    return flow->state & FST_FLOW_MIDWAY && !fst_offered_scale(flow, d)
               ? FST_ASSUMED_SCALE
               : fst_negotiated_scale(flow, d);
}

/// Bytes past its latest ACK that end `receiver` accepts. The window of a SYN is never scaled.
static inline __u32 fst_accepts_ahead(const struct fst_flow* flow, int receiver) {
    const struct fst_direction* own = &flow->direction[receiver];
    __u32 most;

    if (!(own->flags & FST_DIRECTION_BASE))
        return own->window;
    most = (__u32)own->window << fst_window_scale(flow, receiver);
    return fst_offered_scale(flow, receiver) || most < FST_SEQUENCE_REACH ? most
                                                                          : FST_SEQUENCE_REACH;
}

/// How far back an ACK of end `d` may lie: no farther than its largest window (MAX.SND.WND of RFC
/// 5961, section 5.2), and than all that it has acknowledged (Linux: tcp_ack()). Of its windows the
/// flow remembers the latest, and of the largest one that it was at least so large; where the scale is
/// not known, that it was at most so large.
static inline __u32 fst_ack_reach(const struct fst_flow* flow, int d) {
    const struct fst_direction* own = &flow->direction[d];
    const int midway = !!(flow->state & FST_FLOW_MIDWAY);
    const __u32 acknowledged =
        own->ack_edge - flow->isn[d ^ 1] - !(flow->state & FST_OF(FST_FLOW_SYN, d ^ 1));
    __u32 largest = own->flags & FST_DIRECTION_WINDOW_8K   ? (midway ? 0xffff : 8192)
                    : own->flags & FST_DIRECTION_WINDOW_1K ? (midway ? 0x1fff : 1024)
                                                           : (midway ? 0x3ff : 0);
    __u32 reach;

    if (largest < own->window)
        largest = own->window;
    reach = own->flags & FST_DIRECTION_BASE ? largest << fst_window_scale(flow, d) : largest;
    if (midway && reach < 0xffff)
        reach = 0xffff;
    if (reach > FST_SEQUENCE_REACH)
        reach = FST_SEQUENCE_REACH;
    return !midway && acknowledged < reach ? acknowledged : reach;
}

/// Whether the segment ends its side's stream: the FIN of a SYN or SYN-ACK is ignored (Linux:
/// tcp_rcv_synsent_state_process()).
static inline int fst_has_fin(const struct fst_packet* packet) {
    return (packet->tcp_flags & (FST_TCP_SYN | FST_TCP_FIN)) == FST_TCP_FIN;
}

/// Whether the SYN-ACK of end `d` echoes a timestamp of the other end's SYN that can have left by now. In SYN-SENT
/// Linux answers another one with a reset, and goes on waiting (tcp_rcv_synsent_state_process()). The first SYN's
/// timestamp is known; those of its copies are later, by as much as has passed, at a tick per millisecond.
static inline int fst_echoes_syn(const struct fst_flow* flow, const struct fst_packet* packet,
                                 int d) {
    const struct fst_direction* other = &flow->direction[(d & 1) ^ 1];
    const __u32 now_ms = (__u32)(packet->time_ns / 1000000);

    return !(packet->flags & FST_PACKET_TS) || !packet->ts_ecr ||
           !(other->flags & FST_DIRECTION_TS_CLOCK) ||
           (flow->state & FST_OF(FST_FLOW_SYN_ACK, (d & 1) ^ 1)) ||  // both have opened
           packet->ts_ecr - other->ts_val <= other->ts_offset + now_ms - other->ts_val + 1;
}

/// Whether `ack` acknowledges the SYN of end `d`, or also the data that it carried (RFC 7413).
static inline int fst_acks_syn(const struct fst_flow* flow, __u32 ack, int d) {
    const __u32 first = flow->isn[d & 1] + 1;

    return ack - first <= flow->direction[d & 1].seq_edge - first;
}

/// Whether a RST of end `d` may bear the number of that end's FIN, which its receiver has acknowledged:
/// Linux takes that for exact as well (4.12: tcp_reset_check()). A FIN may have passed before this flow
/// was seen, or have looked as if it were not taken in; and what was sent after one is no data of its side.
static inline int fst_is_at_fin(const struct fst_flow* flow, __u32 seq, int d) {
    return seq + 1 == flow->direction[(d & 1) ^ 1].ack_edge;
}

/// Whether a stack may throw the segment away for what no sequence number shows: it is only the
/// first part of a datagram, or has options that most hosts refuse.
static inline int fst_is_doubtful(const struct fst_packet* packet) {
    return packet->doubts || (packet->flags & FST_PACKET_FIRST_FRAGMENT);
}

/// Whether end `d` is a socket of this host. What its stack takes in, its ACKs tell; nothing else need be
/// believed.
static inline int fst_is_own_stack(const struct fst_flow* flow, int d) {
    return flow->after_rst[d & 1] & FST_OWN_STACK;
}

/// Whether end `d` is a socket of this host that signs its segments.
static inline int fst_signs(const struct fst_flow* flow, int d) {
    return (flow->after_rst[d & 1] & FST_OF_END) == (FST_OWN_STACK | FST_END_SIGNS);
}

/// Whether a packet of end `d` that came in by the interface has left by it again, as on a router with a single one.
static inline int fst_is_sent_on(const struct fst_flow* flow, int d) {
    return (flow->after_rst[d & 1] & FST_OF_END) == FST_END_SENT_ON;
}

/// Whether the segment of end `d` lacks the signature that its receiver, a socket of this host, asks for as it
/// signs by itself: Linux throws such away, of any kind (tcp_inbound_hash()).
static inline int fst_lacks_signature(const struct fst_flow* flow, const struct fst_packet* packet,
                                      int d) {
    return fst_signs(flow, d ^ 1) && !(packet->doubts & FST_DOUBT_SIGNATURE);
}

/// Whether the segment is signed on a connection that is not: a stack without a key for it throws it away
/// (RFC 2385; Linux: tcp_inbound_hash()). Nothing is learned from what is signed, so that a signed
/// connection has no baseline at either end; where a socket of this host signs, it is one, whatever came before.
static inline int fst_has_foreign_signature(const struct fst_flow* flow,
                                            const struct fst_packet* packet) {
    return (packet->doubts & FST_DOUBT_SIGNATURE) && !fst_signs(flow, 0) && !fst_signs(flow, 1) &&
           ((flow->direction[0].flags | flow->direction[1].flags) &
            (FST_DIRECTION_BASE | FST_DIRECTION_BASE_SYN | FST_DIRECTION_BASE_SYN_ACK));
}

/// Whether the first ACK that is seen of end `d`, which the connection did not begin with, may be one of what the
/// other end has sent. What a socket of this host has sent is known.
static inline int fst_may_be_first_ack(const struct fst_flow* flow, __u32 ack, int d) {
    const struct fst_direction* other = &flow->direction[d ^ 1];

    return !fst_is_own_stack(flow, d ^ 1) || !(other->flags & FST_DIRECTION_SEEN) ||
           other->seq_edge - ack <= FST_SEQUENCE_REACH;
}

/// Whether the first packet that is seen of end `d` lies where the other end has said that it awaits it, or is a
/// keepalive, if that is a socket of this host: anyone can be the first to speak in an end's name.
static inline int fst_may_be_first(const struct fst_flow* flow, const struct fst_packet* packet,
                                   int d) {
    const struct fst_direction* other = &flow->direction[d ^ 1];

    return !fst_is_own_stack(flow, d ^ 1) || !(other->flags & FST_DIRECTION_ACKED) ||
           (packet->seq + 1 - other->ack_edge <= FST_SEQUENCE_REACH &&
            fst_may_be_first_ack(flow, packet->ack, d));
}

/// Whether the receiver has sent what the segment of end `d` acknowledges, and not too long ago.
static inline int fst_ack_acceptable(const struct fst_flow* flow, __u32 ack, int d) {
    const struct fst_direction *own = &flow->direction[d], *other = &flow->direction[d ^ 1];

    if ((other->flags & FST_DIRECTION_SEEN) && fst_sequence_after(ack, other->seq_edge) > 0)
        return 0;
    // The first ACK is that of the SYN, if it was seen: another one is answered by a reset.
    if (!(own->flags & FST_DIRECTION_ACKED))
        return flow->state & FST_OF(FST_FLOW_SYN_ACK, d ^ 1) ? fst_acks_syn(flow, ack, d ^ 1)
                                                             : fst_may_be_first_ack(flow, ack, d);
    if (fst_sequence_after(ack, own->ack_edge) >= 0)
        return (other->flags & FST_DIRECTION_SEEN) || ack - own->ack_edge <= FST_SEQUENCE_REACH;
    return own->ack_edge - ack <= fst_ack_reach(flow, d);
}

/// Whether the side's clock can have gone on to the segment's timestamp since its latest one, give or
/// take `near` ticks: a side may rest for long.
static inline int fst_clock_may_show(const struct fst_direction* own,
                                     const struct fst_packet* packet, __u32 near) {
    const __u32 now_ms = (__u32)(packet->time_ns / 1000000);

    if (own->flags & FST_DIRECTION_TS_FAST)
        return packet->time_ns > own->last_ns &&
               packet->ts_val - own->ts_val - near <= (packet->time_ns - own->last_ns) / 1000;
    return fst_sequence_after(packet->ts_val, own->ts_offset + now_ms) <= (__s32)near;
}

/// Whether the side has rested for so long that timestamps no longer tell old segments from new ones, and any is
/// taken (Linux: TCP_PAWS_WRAP, 2147 s; RFC 7323, section 5.5).
static inline int fst_paws_is_over(const struct fst_direction* own,
                                   const struct fst_packet* packet) {
    return (__s64)(packet->time_ns - own->last_ns) > 2147LL * 1000000000;
}

/// What the segment is to its receiver by its timestamps. Once negotiated they are on every segment
/// but a RST (RFC 7323, section 3.2); Linux takes one without all the same. PAWS (section 5) refuses
/// what is older by more than a tick than the segment that last began at or below the receiver's
/// ACK. Which one that was is not known: what is a little older than the latest was overtaken. It may
/// be thrown away, but its side has come as far: a later reset is no guess.
static inline enum fst_acceptance fst_timestamps_acceptance(const struct fst_direction* own,
                                                            const struct fst_packet* packet,
                                                            __u32 state) {
    const __u32 near =
        own->flags & FST_DIRECTION_TS_FAST ? FST_TIMESTAMPS_NEAR_FAST : FST_TIMESTAMPS_NEAR;
    const __u32 ahead = packet->ts_val - own->ts_val + 1;

    if (!(state & FST_FLOW_TS))
        return FST_ACCEPTED;
    if (!(packet->flags & FST_PACKET_TS))
        return FST_UNFIT;
    if (ahead <= near || fst_paws_is_over(own, packet) || !(own->flags & FST_DIRECTION_TS_CLOCK))
        return FST_ACCEPTED;
    if (ahead < 0x80000000U)
        return fst_clock_may_show(own, packet, near) ? FST_ACCEPTED : FST_UNFIT;
    if (0U - ahead > near)
        return FST_REFUSED;
    return fst_sequence_after(fst_sequence_end(packet), own->seq_edge) <= 0 &&
                   fst_sequence_after(packet->ack, own->ack_edge) <= 0
               ? FST_REPEATED
               : FST_UNFIT;
}

/// What the segment of end `d` is to its receiver by the sequence numbers that it occupies, its FIN's
/// included: since 6.17 Linux counts that number, too.
static inline enum fst_acceptance fst_sequence_acceptance(const struct fst_flow* flow,
                                                          const struct fst_packet* packet, int d) {
    const struct fst_direction *own = &flow->direction[d], *other = &flow->direction[d ^ 1];
    const __u32 ahead = packet->seq - other->ack_edge;
    const __u32 end = fst_sequence_end(packet) - other->ack_edge;
    __u32 window;

    if (!(other->flags & FST_DIRECTION_ACKED))
        return fst_within_reach(packet->seq, own->seq_edge) ? FST_ACCEPTED : FST_REFUSED;
    if (ahead <= other->window && end <= other->window)  // whatever the scale
        return FST_ACCEPTED;
    window = fst_accepts_ahead(flow, d ^ 1);
    if (ahead + FST_SEQUENCE_REACH < FST_SEQUENCE_REACH) {  // below, by less than that
        if (fst_sequence_after(end, 0) < 0)
            return FST_REPEATED;
        return fst_sequence_after(end, window) > 0 ? FST_UNFIT : FST_ACCEPTED;
    }
    if (end <= window && ahead <= window)
        return FST_ACCEPTED;
    // Only a forger draws a window back: what leaves here after that is the side's all the same.
    if (packet->hook == FST_HOOK_TC_EGRESS && packet->seq == own->seq_edge)
        return packet->payload ? FST_UNFIT : FST_ACCEPTED;
    if (ahead > window)
        return FST_REFUSED;
    return ahead == window && packet->payload ? FST_REPEATED : FST_UNFIT;
}

/// Whether the receiver, `other`, has yet to acknowledge the segment's end.
static inline int fst_is_new_to(const struct fst_direction* other,
                                const struct fst_packet* packet) {
    return !(other->flags & FST_DIRECTION_ACKED) ||
           fst_sequence_after(fst_sequence_end(packet), other->ack_edge) > 0;
}

/// Whether a segment whose timestamp leaps ahead of its side's clock is the one that its receiver
/// takes the timestamp of, too: it begins at or below what was acknowledged, and acknowledges no
/// less than those before it (Linux: tcp_replace_ts_recent()).
static inline int fst_receiver_takes_clock(const struct fst_direction* own,
                                           const struct fst_direction* other,
                                           const struct fst_packet* packet) {
    return (packet->flags & FST_PACKET_TS) && fst_sequence_after(packet->ts_val, own->ts_val) > 0 &&
           (other->flags & FST_DIRECTION_ACKED) &&
           fst_sequence_after(packet->seq, other->ack_edge) <= 0 &&
           fst_sequence_after(packet->ack, own->ack_edge) >= 0;
}

/// What the segment of side `d`, neither SYN nor RST, is to its receiver by its numbers. In the
/// stack's order: timestamps, sequence numbers, ACK; what is not refused by any may still be unfit.
static inline enum fst_acceptance fst_acceptance_by_numbers(const struct fst_flow* flow,
                                                            const struct fst_packet* packet,
                                                            int d) {
    const struct fst_direction* own = &flow->direction[d & 1];
    const struct fst_direction* other = &flow->direction[(d & 1) ^ 1];
    enum fst_acceptance by_timestamps, by_sequence;

    if (!(packet->tcp_flags & FST_TCP_ACK))
        return FST_REFUSED;
    // In SYN-SENT a stack takes in nothing but a SYN or a reset. Where no socket of this host is the receiver,
    // a SYN-ACK may have passed elsewhere before what acknowledges the SYN.
    if (!(own->flags & FST_DIRECTION_SEEN) && (flow->state & FST_OF(FST_FLOW_SYN, (d & 1) ^ 1)) &&
        !(other->flags & FST_DIRECTION_ACKED))
        return fst_acks_syn(flow, packet->ack, (d & 1) ^ 1) && !(packet->tcp_flags & FST_TCP_FIN) &&
                       !fst_is_own_stack(flow, (d & 1) ^ 1)
                   ? FST_ACCEPTED
                   : FST_REFUSED;
    // In SYN-RECEIVED Linux throws away what echoes none of its own timestamps (tcp_check_req()): of one SYN-ACK
    // it is known which that is.
    if (!(own->flags & FST_DIRECTION_ACKED) && (flow->state & FST_FLOW_TS) &&
        fst_is_own_stack(flow, (d & 1) ^ 1) && (packet->flags & FST_PACKET_TS) &&
        (flow->state & FST_OF(FST_FLOW_SYN_ACK, (d & 1) ^ 1)) &&
        (other->flags & FST_DIRECTION_TS_CLOCK) &&
        other->ts_val - packet->ts_ecr > (other->packets > 1 ? FST_TIMESTAMPS_NEAR : 0))
        return FST_REFUSED;
    if (!(own->flags & FST_DIRECTION_SEEN))
        return fst_may_be_first(flow, packet, d & 1) ? FST_ACCEPTED : FST_REFUSED;
    if ((packet->ack != own->ack_edge && !fst_ack_acceptable(flow, packet->ack, d & 1)))
        return FST_REFUSED;
    by_timestamps = fst_timestamps_acceptance(own, packet, flow->state);
    if (by_timestamps == FST_REFUSED)
        return FST_REFUSED;
    by_sequence = fst_sequence_acceptance(flow, packet, d & 1);
    // After its FIN, which its receiver has taken in, a side's stream has no further byte; its ACK counts. Whether
    // it has, the ACKs of a stack of this host will tell.
    if (by_sequence == FST_ACCEPTED && (flow->state & FST_OF(FST_FLOW_FIN, d & 1)) &&
        (other->ack_edge == own->seq_edge || fst_is_own_stack(flow, (d & 1) ^ 1)) &&
        fst_sequence_after(fst_sequence_end(packet), own->seq_edge) > 0)
        by_sequence = FST_UNFIT;
    if (by_sequence != FST_ACCEPTED)
        return by_timestamps == FST_REPEATED && by_sequence == FST_UNFIT ? FST_REPEATED
                                                                         : by_sequence;
    return by_timestamps == FST_UNFIT && fst_receiver_takes_clock(own, other, packet)
               ? FST_ACCEPTED
               : by_timestamps;
}

/// What the segment of side `d`, neither SYN nor RST, is to its receiver.
static inline enum fst_acceptance fst_acceptance_of(const struct fst_flow* flow,
                                                    const struct fst_packet* packet, int d) {
    const enum fst_acceptance acceptance = fst_acceptance_by_numbers(flow, packet, d);

    if (fst_has_foreign_signature(flow, packet) || fst_lacks_signature(flow, packet, d))
        return FST_REFUSED;
    return acceptance == FST_ACCEPTED && fst_is_doubtful(packet) ? FST_UNFIT : acceptance;
}

/// Whether a segment of side `d` that begins at `seq` can be under way: sent, and not acknowledged.
/// Only about such does a stack heed an ICMP error (Linux: tcp_v4_err(); RFC 5927, section 4.1).
static inline int fst_is_under_way(const struct fst_flow* flow, __u32 seq, int d) {
    const struct fst_direction* own = &flow->direction[d & 1];
    const struct fst_direction* other = &flow->direction[(d & 1) ^ 1];

    if (!(own->flags & FST_DIRECTION_SEEN))
        return 0;
    if (!(other->flags & FST_DIRECTION_ACKED))
        return own->seq_edge - seq <= (flow->state & FST_OF(FST_FLOW_SYN, d & 1)
                                           ? own->seq_edge - flow->isn[d & 1]
                                           : FST_SEQUENCE_REACH);
    return own->seq_edge - seq <= own->seq_edge - other->ack_edge;
}

#endif
