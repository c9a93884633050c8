// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// The rules about resets: thresholds and predicates, without memory or side effects. The data path
// applies them when a packet comes, the analysis when later packets or the challenge have brought
// more: each rule is here once.
//
// Addresses and ports are big-endian, everything else host order. "Own" is the side in whose name a
// reset came, "other" the side that received it. Sources: docs/findings.md.
#ifndef FLOWSTAMP_RESET_RULES_H
#define FLOWSTAMP_RESET_RULES_H

#include "flowstamp/acceptance_rules.h"
#include "flowstamp/evidence.h"
#include "flowstamp/flow.h"
#include "flowstamp/hops.h"
#include "flowstamp/packet.h"
#include "flowstamp/types.h"

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

// ---- what its sender does ----

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
