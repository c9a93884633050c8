// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// The rules about resets: thresholds and predicates, without memory or side effects. The data path
// applies them when a packet comes, the analysis when later packets or the challenge have brought
// more: each rule is here once.
//
// Addresses and ports are big-endian, everything else host order. "Own" is the side in whose name a
// reset came, "other" the side that received it. Sources: docs/findings.md.
#ifndef FLOWSTAMP_RESET_RULES_H
#define FLOWSTAMP_RESET_RULES_H

#include "flowstamp/evidence.h"
#include "flowstamp/flow.h"
#include "flowstamp/hops.h"
#include "flowstamp/packet.h"
#include "flowstamp/types.h"

/// How far from a side's sequence edge its packets may lie and still be accepted as its own, bytes:
/// more than any common receive window, far less than a blind guess would need.
#define FST_SEQUENCE_REACH (4U << 20)

/// How long a reset's sender is watched for signs of liveness, microseconds. Longer, and a new
/// connection on the same ports may be mistaken for the old one. One that was challenged is watched
/// longer: a quiet peer's next packet may be late.
#define FST_WATCH_US 2000000U
#define FST_WATCH_CHALLENGED_US 60000000U

/// Two resets as far apart as this, microseconds, are unrelated.
#define FST_TWO_PATHS_US 1000000U
#define FST_SEQ_CHANGE_US 2000000U

/// Timestamp ticks past the reset's time that reordering cannot explain.
#define FST_CLOCK_TICKS 3

/// Ticks that a timestamp may be ahead of its sender's clock as it is known here.
#define FST_CLOCK_AHEAD 100

/// A side goes back no farther than this below what the other end has acknowledged, bytes: one
/// window without a scale. Acknowledgements may be lost.
#define FST_NEAR_BELOW 65536

/// A counter may have gone on by so much between two packets of a side.
#define FST_SAME_COUNTER 64

/// Shorter round trips, microseconds, vary by more than half of themselves, with caches and
/// scheduling: an answer then cannot come too soon.
#define FST_RTT_TELLING_US 1000U

/// A kernel answers for a connection that it does not know with its default TTL, whatever the
/// socket's was. A socket with a TTL of 35 or 40 then looks 24 or more hops away: beyond this, hops
/// say nothing about a reset of that shape.
#define FST_STATELESS_HOPS_MAX 23

/// A box that keeps state may rightly have forgotten a flow whose far end was silent for so long.
#define FST_SENDER_IDLE_NS 10000000000ULL

// ---- sequence space, windows, IP-IDs ----

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

/// The scale of the windows that end `d` advertises (RFC 7323, section 2.2: only if both SYNs
/// offered one).
static inline __u8 fst_negotiated_scale(const struct fst_flow* flow, int d) {
    return flow->wscale[d] && flow->wscale[d ^ 1] ? (flow->wscale[d] - 1) & 15 : 0;
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

// ---- what the receiver's stack accepts (RFC 9293, section 3.10.7.4; RFC 5961, section 5.2) ----

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
    FST_UNFIT = 3,    ///< a stack may take it in, but its sender sends no such: it moves edges only
};

/// The scale of end `d`, or the assumed one.
static inline __u8 fst_window_scale(const struct fst_flow* flow, int d) {
    return flow->state & FST_FLOW_MIDWAY && !flow->wscale[d] ? FST_ASSUMED_SCALE
                                                             : fst_negotiated_scale(flow, d);
}

/// Bytes past its latest ACK that end `receiver` accepts. The window of a SYN is never scaled.
static inline __u32 fst_accepts_ahead(const struct fst_flow* flow, int receiver) {
    const struct fst_direction* own = &flow->direction[receiver];
    __u32 most;

    if (!(own->flags & FST_DIRECTION_BASE))
        return own->window;
    most = (__u32)own->window << fst_window_scale(flow, receiver);
    return flow->wscale[receiver] || most < FST_SEQUENCE_REACH ? most : FST_SEQUENCE_REACH;
}

/// The sequence number of a challenge made from a reset of side `d` with `seq`: past everything that
/// the receiver can have received, so that it is exact for nobody, and in the receive window, so
/// that the stack challenges (RFC 5961, section 3.2). Where the window is full, its last number: no
/// segment ends before that one, and what is below it is thrown away. The window holds two or more.
static inline __u32 fst_shifted_seq(const struct fst_flow* flow, __u32 seq, int d) {
    const __u32 edge = flow->direction[d & 1].seq_edge;
    const __u32 ack = flow->direction[(d & 1) ^ 1].ack_edge;
    const __u32 window = fst_accepts_ahead(flow, (d & 1) ^ 1);
    const __u32 beyond = (fst_sequence_after(edge, seq) > 0 ? edge : seq) + 1;

    return beyond - ack < window ? beyond : ack + window - 1;
}

/// How far back an ACK of end `d` may lie: no farther than its largest window (MAX.SND.WND of RFC
/// 5961, section 5.2), and than all that it has acknowledged (Linux: tcp_ack()). Of its windows the
/// flow remembers how large they were only roughly; a SYN's is of 64 KiB at the most.
static inline __u32 fst_ack_reach(const struct fst_flow* flow, int d) {
    const struct fst_direction* own = &flow->direction[d];
    const __u32 largest = own->flags & FST_DIRECTION_WINDOW_8K   ? 0xffff
                          : own->flags & FST_DIRECTION_WINDOW_1K ? 0x1fff
                                                                 : 0x3ff;
    const __u32 acknowledged =
        own->ack_edge - flow->isn[d ^ 1] - !(flow->state & FST_OF(FST_FLOW_SYN, d ^ 1));
    __u32 reach = largest << fst_window_scale(flow, d);

    if (reach < 0xffff)
        reach = 0xffff;
    if (reach > FST_SEQUENCE_REACH)
        reach = FST_SEQUENCE_REACH;
    return !(flow->state & FST_FLOW_MIDWAY) && acknowledged < reach ? acknowledged : reach;
}

/// Whether `ack` acknowledges the SYN of end `d`, or also the data that it carried (RFC 7413).
static inline int fst_acks_syn(const struct fst_flow* flow, __u32 ack, int d) {
    const __u32 first = flow->isn[d & 1] + 1;

    return ack - first <= flow->direction[d & 1].seq_edge - first;
}

/// Whether a RST of end `d` bears the number of that end's FIN, which its receiver has acknowledged:
/// Linux takes that for exact as well (4.12: tcp_reset_check()).
static inline int fst_is_at_fin(const struct fst_flow* flow, __u32 seq, int d) {
    const __u32 ack_edge = flow->direction[(d & 1) ^ 1].ack_edge;

    return (flow->state & FST_OF(FST_FLOW_FIN, d & 1)) && seq + 1 == ack_edge &&
           ack_edge == flow->direction[d & 1].seq_edge;
}

/// Whether a stack may throw the segment away for what no sequence number shows: it is only the
/// first part of a datagram, or has options that most hosts refuse.
static inline int fst_is_doubtful(const struct fst_packet* packet) {
    return packet->doubts || (packet->flags & FST_PACKET_FIRST_FRAGMENT);
}

/// Whether the receiver has sent what the segment of end `d` acknowledges, and not too long ago.
static inline int fst_ack_acceptable(const struct fst_flow* flow, __u32 ack, int d) {
    const struct fst_direction *own = &flow->direction[d], *other = &flow->direction[d ^ 1];

    if ((other->flags & FST_DIRECTION_SEEN) && fst_sequence_after(ack, other->seq_edge) > 0)
        return 0;
    return !(own->flags & FST_DIRECTION_ACKED) || fst_sequence_after(ack, own->ack_edge) >= 0 ||
           own->ack_edge - ack <= fst_ack_reach(flow, d);
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
    if (ahead <= near || !(own->flags & FST_DIRECTION_TS_CLOCK))
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

/// What the segment of end `d` is to its receiver by the sequence numbers that it occupies.
static inline enum fst_acceptance fst_sequence_acceptance(const struct fst_flow* flow,
                                                          const struct fst_packet* packet, int d) {
    const struct fst_direction *own = &flow->direction[d], *other = &flow->direction[d ^ 1];
    const __u32 ahead = packet->seq - other->ack_edge, end = ahead + packet->payload;
    __u32 window;

    if (!(other->flags & FST_DIRECTION_ACKED))
        return fst_within_reach(packet->seq, own->seq_edge) ? FST_ACCEPTED : FST_REFUSED;
    if (ahead <= other->window && end <= other->window)  // whatever the scale
        return FST_ACCEPTED;
    window = fst_accepts_ahead(flow, d ^ 1);
    if (ahead + FST_SEQUENCE_REACH < FST_SEQUENCE_REACH) {  // below, by less than that
        if (fst_sequence_after(fst_sequence_end(packet), other->ack_edge) < 0)
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
    return ahead == window ? FST_REPEATED : FST_UNFIT;
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
static inline int fst_sets_clock(const struct fst_direction* own, const struct fst_direction* other,
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

    if (!(own->flags & FST_DIRECTION_SEEN))
        return FST_ACCEPTED;
    if (!(packet->tcp_flags & FST_TCP_ACK) ||
        (packet->ack != own->ack_edge && !fst_ack_acceptable(flow, packet->ack, d & 1)))
        return FST_REFUSED;
    by_timestamps = fst_timestamps_acceptance(own, packet, flow->state);
    if (by_timestamps == FST_REFUSED)
        return FST_REFUSED;
    by_sequence = fst_sequence_acceptance(flow, packet, d & 1);
    if (by_sequence != FST_ACCEPTED)
        return by_timestamps == FST_REPEATED && by_sequence == FST_UNFIT ? FST_REPEATED
                                                                         : by_sequence;
    return by_timestamps == FST_UNFIT && fst_sets_clock(own, other, packet) ? FST_ACCEPTED
                                                                            : by_timestamps;
}

/// What the segment of side `d`, neither SYN nor RST, is to its receiver.
static inline enum fst_acceptance fst_acceptance_of(const struct fst_flow* flow,
                                                    const struct fst_packet* packet, int d) {
    const enum fst_acceptance acceptance = fst_acceptance_by_numbers(flow, packet, d);

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

/// Whether the reset lacks the timestamps that its flow uses. A Linux socket's RST with an ACK has
/// them; a bare one, made without a socket, need not (RFC 7323, section 3.2). IPv4 only: a sender
/// is known as Linux by its IP-IDs.
static inline int fst_lacks_timestamps(const struct fst_flow* flow, const struct fst_packet* rst) {
    return (flow->state & FST_FLOW_TS) && (rst->tcp_flags & FST_TCP_ACK) &&
           !(rst->flags & (FST_PACKET_TS | FST_PACKET_IPV6));
}

/// Whether the packet occupies sequence space or is a keepalive (RFC 9293, sections 3.4 and 3.8.4):
/// its receiver answers it. `own` is its sender's side before the packet.
static inline int fst_wants_answer(const struct fst_direction* own,
                                   const struct fst_packet* packet) {
    return packet->payload || (packet->tcp_flags & (FST_TCP_SYN | FST_TCP_FIN)) ||
           ((own->flags & FST_DIRECTION_SEEN) && packet->seq + 1 == own->seq_edge);
}

/// Whether `ip_id` continues this side's counter, which may be one that it shares with other flows,
/// by FST_SAME_COUNTER at the most. IPv4 only.
static inline int fst_id_continues(const struct fst_direction* own, __u16 ip_id) {
    const __u8 class_of_id = fst_id_class_of(own);
    const __u16 step = (__u16)(ip_id - own->ip_id);

    return (class_of_id == FST_ID_FLOW || class_of_id == FST_ID_GLOBAL) && step >= 1 &&
           step <= FST_SAME_COUNTER;
}

// ---- distance ----

/// Hops between the places that two TTLs come from.
static inline __u8 fst_hops_apart(__u8 ttl, __u8 other_ttl) {
    const __u8 hops = fst_hops(ttl), other = fst_hops(other_ttl);

    return other > hops ? other - hops : hops - other;
}

/// Whether `ttl` comes from within `slack` hops of any packet of this side.
static inline int fst_same_distance(const struct fst_direction* own, __u8 ttl, __u8 slack) {
    FST_UNROLL
    for (int i = 0; i < FST_TTL_SET; i++) {
        if (own->ttl[i] && fst_hops_apart(own->ttl[i], ttl) <= slack)
            return 1;
    }
    return 0;
}

/// Whether a reset comes from its sender's distance, as far as TTLs can show: they cannot for a
/// kernel's answer with its default TTL in the name of a socket that had set its own.
static inline int fst_from_own_distance(const struct fst_direction* own, __u8 ttl,
                                        const struct fst_judgement* judgement) {
    return fst_same_distance(own, ttl, 1) || ((judgement->context & FST_CONTEXT_STATELESS) &&
                                              judgement->base_hops > FST_STATELESS_HOPS_MAX);
}

/// An earlier reset in the same name, as far as a later one is held against it.
struct fst_earlier_reset {
    __u32 seq;
    __u32 time_us;   ///< when it came; the data path keeps one time for a burst, its first one's
    __u8 ttl;        ///< 0: there was none
    __u8 tcp_flags;  ///< FST_TCP_*
    __u8 padding[2];
};

/// TWO_PATHS: two resets in one name came from 2 or more hops apart within a second. A kernel's
/// bare reset has its default TTL, a socket's own has the socket's: those two are not compared, nor
/// are TTLs that show no hops. After a FIN any box may answer.
static inline int fst_two_paths(const struct fst_earlier_reset* before,
                                const struct fst_packet* rst, __u32 rst_us, __u32 contexts) {
    const __u8 hops = fst_hops(rst->ttl), other = fst_hops(before->ttl);

    return before->ttl && rst_us - before->time_us < FST_TWO_PATHS_US &&
           !(contexts & FST_CONTEXT_FIN) && hops <= FST_HOPS_MAX && other <= FST_HOPS_MAX &&
           (other >= hops + 2 || hops >= other + 2) &&
           (fst_ttl_base(before->ttl) == fst_ttl_base(rst->ttl) ||
            (before->tcp_flags & rst->tcp_flags & FST_TCP_ACK));
}

/// SEQ_CHANGE, RST_SEQ_CHANGE of Weaver, Sommer, Paxson (NDSS 2009): an injector that does not know
/// how far the stream will have come guesses several places ahead. Linux answers n segments with n
/// stateless resets that step through what was acknowledged; those lie below the edges.
///
/// Both are one box's: from one place, within a hop. The edges are those of when the second came. A
/// genuine reset may overtake its sender's last data: by then that data has moved the edge past it.
/// What corroborates the second speaks against the guess; a frame that was captured twice is one
/// reset. `contexts` are the second's.
static inline int fst_sequence_guess(const struct fst_earlier_reset* before,
                                     const struct fst_packet* rst, __u32 rst_us,
                                     const struct fst_direction* own,
                                     const struct fst_direction* other, __u64 signals,
                                     __u32 contexts) {
    const __u32 spoils = FST_CONTEXT_FIN | FST_CONTEXT_AFTER_OWN_RST | FST_CONTEXT_HALF_VIEW |
                         FST_CONTEXT_TO_SYN | FST_CONTEXT_DUPLICATE_FRAME;

    return before->ttl && before->tcp_flags == rst->tcp_flags &&
           fst_hops_apart(before->ttl, rst->ttl) <= 1 &&
           rst_us - before->time_us < FST_SEQ_CHANGE_US && !(contexts & spoils) &&
           !(signals & FST_SIGNALS_CORROBORATE_GENUINE) &&
           (own->flags & other->flags & FST_DIRECTION_SEEN) &&
           (other->flags & FST_DIRECTION_ACKED) && fst_sequence_after(rst->seq, before->seq) > 2 &&
           rst->seq - before->seq < FST_SEQUENCE_REACH &&
           fst_sequence_after(before->seq, own->seq_edge) >= 0 &&
           fst_sequence_after(rst->seq, other->ack_edge) > 2;
}

// ---- liveness of a reset's sender, shown by a later packet of it ----

/// Whether the packet can be its side's latest: it acknowledges no less than the side has before,
/// and is new data, or a retransmission near what the other end has acknowledged.
static inline int fst_goes_on(const struct fst_direction* own, const struct fst_direction* other,
                              const struct fst_packet* packet) {
    return (packet->tcp_flags & FST_TCP_ACK) &&
           fst_sequence_after(packet->ack, own->ack_edge) >= 0 &&
           (!(other->flags & FST_DIRECTION_ACKED) ||
            fst_sequence_after(packet->seq, other->ack_edge) >= -FST_NEAR_BELOW);
}

/// LIVENESS_ACK: the packet acknowledges a byte that the other end first sent after the reset came.
/// `edge` is where the other end's stream stood then.
static inline int fst_acks_later_data(const struct fst_packet* packet, __u32 edge) {
    return (packet->tcp_flags & FST_TCP_ACK) && packet->ack - edge - 1 < FST_SEQUENCE_REACH;
}

/// Timestamp ticks past the mapped clock that show that a packet left after the reset came. The
/// reset may have been faster than any packet before it, by another route or queue, and have
/// overtaken some: by as much as the least delay, about half of the least round trip, and on a path
/// that was seen to reorder all of it.
static inline __s32 fst_clock_margin(const struct fst_direction* own) {
    return FST_CLOCK_TICKS + (__s32)(own->min_rtt_us / (own->retransmitted ? 1000 : 2000)) + 1;
}

/// LIVENESS_CLOCK: the packet's timestamp lies past the sender's clock at the reset's arrival,
/// mapped at the least delay ever seen from that sender: whatever left before the reset has an
/// earlier one. `rst_ms`: when the reset came, milliseconds since boot, low 32 bits.
static inline int fst_clock_went_on(const struct fst_direction* own,
                                    const struct fst_packet* packet, __u32 state, __u32 rst_ms) {
    return (state & FST_FLOW_TS) && (packet->flags & FST_PACKET_TS) &&
           (own->flags & FST_DIRECTION_TS_CLOCK) && !(own->flags & FST_DIRECTION_TS_FAST) &&
           fst_sequence_after(packet->ts_val, own->ts_offset + rst_ms) >= fst_clock_margin(own) &&
           fst_sequence_after(packet->ts_val, own->ts_offset + (__u32)(packet->time_ns /
                                                                       1000000)) <= FST_CLOCK_AHEAD;
}

/// BEYOND_WINDOW: bytes up to `end` lie beyond the right edge of the window as it was when the
/// reset came: who does not receive our ACKs cannot send them (RFC 9293, section 3.8.6). The data
/// path no longer knows that edge and assumes the reset's own sequence number plus the window of
/// now, and needs a whole segment beyond (`end` is where it begins); the analysis knows it, and
/// decides.
static inline int fst_beyond_window(__u32 end, __u32 right_edge) {
    return fst_sequence_after(end, right_edge) > 0;
}

// ---- the challenge ----

/// Whether an answer can have come in `since_us` from where the peer is: the least round trip seen,
/// give or take an eighth. A box in the path answers sooner.
static inline int fst_had_time_to_answer(__u32 rtt_us, __u32 since_us) {
    return rtt_us < FST_RTT_TELLING_US || since_us >= rtt_us - rtt_us / 8;
}

// ---- the verdict ----

/// Families present in `signals` (weak ones and those that corroborate genuine have none that
/// counts).
static inline __u32 fst_families(__u64 signals) {
    __u32 families = 0;

    if (signals & FST_MASK_LIVENESS)
        families++;
    if (signals & FST_MASK_PATH)
        families++;
    if (signals & FST_MASK_ID)
        families++;
    if (signals & FST_MASK_TIME)
        families++;
    if (signals & FST_MASK_WINDOW)
        families++;
    if (signals & FST_MASK_TIMESTAMPS)
        families++;
    if (signals & FST_MASK_DATA)
        families++;
    if (signals & FST_MASK_LINK)
        families++;
    return families;
}

/// What the evidence comes to, in the order of judgement (detection catalogue, docs/findings.md):
/// proof; what corroborates genuine; who reset first; strong evidence; benign shape; two weak
/// families.
static inline enum fst_verdict fst_conclude(__u64 signals, __u32 context) {
    const enum fst_verdict most =
        (context & FST_CONTEXT_HALF_VIEW) ? FST_VERDICT_SUSPECTED : FST_VERDICT_CONFIRMED;
    const __u64 genuine_signals = signals & FST_SIGNALS_CORROBORATE_GENUINE;
    __u64 counted = signals & (FST_SIGNALS_STRONG | FST_SIGNALS_WEAK_CORROBORATING);

    if (context & FST_CONTEXT_FIN)
        counted &= ~FST_SIGNALS_WEAK_CORROBORATING;
    if (signals & FST_SIGNALS_CONCLUSIVE)
        return most;
    if (genuine_signals) {
        // A forger can count on from the ID it has seen; it cannot be nearer and yet the peer.
        if (genuine_signals == FST_SIGNAL_BIT(FST_SIGNAL_ID_IN_SEQUENCE) &&
            (signals & FST_SIGNAL_BIT(FST_SIGNAL_NEARER)))
            return FST_VERDICT_SUSPECTED;
        return FST_VERDICT_GENUINE;
    }
    if ((context & FST_CONTEXT_AFTER_OWN_RST) && !(context & FST_CONTEXT_FORGED_BEFORE))
        return FST_VERDICT_GENUINE;
    if (counted & FST_SIGNALS_STRONG) {
        if (fst_families(counted) >= 2)
            return most;
        // A NAT or a gateway that lost its state resets from where it stands. Not so where a box
        // has forged before.
        return (context & FST_CONTEXT_SENDER_IDLE) && !(context & FST_CONTEXT_FORGED_BEFORE) &&
                       !(counted & ~FST_MASK_PATH)
                   ? FST_VERDICT_GENUINE
                   : FST_VERDICT_SUSPECTED;
    }
    if (context & FST_CONTEXT_STATELESS)
        return FST_VERDICT_GENUINE;
    if (fst_families(counted) >= 2)
        return FST_VERDICT_SUSPECTED;
    return FST_VERDICT_GENUINE;
}

#endif
