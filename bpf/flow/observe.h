// SPDX-License-Identifier: GPL-2.0-only
// Updates a flow with a packet that is no RST: the work done for every packet.
#ifndef FLOWSTAMP_BPF_FLOW_OBSERVE_H
#define FLOWSTAMP_BPF_FLOW_OBSERVE_H

#include "bpf/export/events.h"
#include "bpf/flow/candidate.h"
#include "bpf/flow/copies.h"
#include "bpf/flow/handshake.h"
#include "bpf/flow/learn.h"
#include "bpf/flow/ring.h"
#include "bpf/flow/silence.h"
#include "bpf/flow/table.h"
#include "bpf/reset/liveness.h"

/// The stamp and the counts; two CPUs at once may leave a count one short (ring.h).
static __always_inline void stamp(struct fst_direction* own, struct segment segment, __u32 now_us) {
    stamp_packet(own, segment, now_us);
    own->packets += segment.packet->segments;
    own->bytes += ip_bytes_of(segment);
    own->last_ns = segment.packet->time_ns;
}

/// Whether nothing that was seen of the flow so far is known to be true, where a socket of this host speaks in the name
/// of end `d` for the first time: anyone can have made up both ends. But a SYN that awaits an answer may get this one
/// (observe_stale_ack()).
static __always_inline int is_made_up(const struct fst_flow* flow, int d) {
    return !fst_is_own_stack(flow, 0) && !fst_is_own_stack(flow, 1) &&
           (flow->state & (FST_OF(FST_FLOW_AWAITS_SYN_ACK, d ^ 1) | FST_FLOW_ESTABLISHED)) !=
               FST_OF(FST_FLOW_AWAITS_SYN_ACK, d ^ 1);
}

/// Begins the flow anew with a packet of a socket of this host, of end `d`. Its ACK tells where the other end is, if
/// that was heard; and that it has closed, if it did.
static __always_inline void begin_with_own(struct scratch* scratch, struct fst_flow* flow,
                                           __u32 slot, int d) {
    const struct fst_packet* packet = &scratch->packet;
    struct fst_direction* other = &flow->direction[d ^ 1];
    const int was_seen = other->flags & FST_DIRECTION_SEEN;
    const int has_closed =
        (flow->state & FST_OF(FST_FLOW_FIN, d ^ 1)) && other->seq_edge == packet->ack;

    flow_restart(scratch, flow, slot);
    if (!was_seen || !(packet->tcp_flags & FST_TCP_ACK))
        return;
    other->flags = FST_DIRECTION_SEEN;
    other->seq_edge = packet->ack;
    other->edge_us = time_us(packet->time_ns);
    if (has_closed)
        state_set(flow, FST_OF(FST_FLOW_FIN, d ^ 1));
}

/// A packet that a socket of this host has sent, of end `d`, on a flow in whose name nothing has left here yet:
/// what came from outside in that name was not its own, and what came in the other's is not known to be its.
static __always_inline void claim_own_side(struct scratch* scratch, struct fst_flow* flow,
                                           __u32 slot, int d) {
    struct fst_direction* own = &flow->direction[d];

    if (!(scratch->packet.flags & FST_PACKET_NEW_FLOW) && is_made_up(flow, d)) {
        begin_with_own(scratch, flow, slot, d);
    } else {
        version_begin(own);
        forget_end(own);
        version_end(own);
    }
    state_set(flow, FST_OF(FST_FLOW_LOCAL, d));
}

/// Whether data that its receiver may take in covers the number of what was taken for its side's FIN: that was
/// none, as no side sends both. Its receiver had thrown it away; but not what a socket of this host has acknowledged.
static __always_inline int covers_fin(const struct fst_flow* flow, const struct fst_packet* packet,
                                      int d) {
    const __u32 edge = flow->direction[d].seq_edge;

    return (flow->state & FST_OF(FST_FLOW_FIN, d)) && packet->payload &&
           fst_sequence_after(packet->seq, edge) < 0 &&
           fst_sequence_after(packet->seq + packet->payload, edge) >= 0 &&
           !(fst_is_own_stack(flow, d ^ 1) && flow->direction[d ^ 1].ack_edge == edge) &&
           fst_is_new_to(&flow->direction[d ^ 1], packet);
}

/// Whether an end's own stack signs, as of a packet of its own. What either end's packets have taught until it
/// begins to is no more than anyone could.
static __always_inline void note_signing(struct fst_flow* flow, const struct fst_packet* packet,
                                         int d) {
    const int signs = !!(packet->doubts & FST_DOUBT_SIGNATURE);

    if (signs == !!fst_signs(flow, d) && fst_is_own_stack(flow, d))
        return;
    flow->after_rst[d] =
        (__u8)((flow->after_rst[d] & ~FST_OF_END) | FST_OWN_STACK | (signs ? FST_END_SIGNS : 0));
    if (!signs)
        return;
    flow->direction[0].flags &= ~FST_DIRECTION_BASE;
    flow->direction[1].flags &= ~FST_DIRECTION_BASE;
}

/// A socket of this host has taken in bytes behind what was seen of end `d`: what was taken for its FIN was none.
/// One that is held back is thrown away where later data covers its number (Linux: tcp_ofo_queue()).
static __always_inline void note_no_fin(struct fst_flow* flow, int d) {
    const __u32 bit = FST_OF(FST_FLOW_FIN, d);

    if (flow->state & bit)
        state_clear(flow, bit);
}

/// What a socket of this host acknowledges it has taken in, whatever it looked like here. Into a window that
/// is closed its ACK bears the number where that ends, below its edge (Linux: tcp_acceptable_seq()). Another
/// CPU may move that edge at the same time: either is right, and the next packet or ACK moves it on.
static __always_inline void follow_own_stack(struct fst_flow* flow, const struct fst_packet* packet,
                                             int d) {
    struct fst_direction* other = &flow->direction[d ^ 1];

    if ((packet->tcp_flags & FST_TCP_ACK) && (other->flags & FST_DIRECTION_SEEN) &&
        (flow->direction[d].flags & FST_DIRECTION_SEEN) &&
        packet->ack - other->seq_edge - 1 < FST_SEQUENCE_REACH &&
        fst_sequence_after(packet->seq, flow->direction[d].seq_edge) <= 0) {
        other->seq_edge = packet->ack;
        other->edge_us = time_us(packet->time_ns);
        note_fin_ahead(flow, 0, d ^ 1);
        note_no_fin(flow, d ^ 1);
    }
}

/// The timestamp that a socket of this host echoes is the newest that it has taken in (RFC 7323, section 4.3; Linux:
/// tcp_replace_ts_recent()). One ahead of it was that of segments which its stack threw away, or has yet to take in:
/// against it, what the peer sends would seem too old.
static __always_inline void follow_own_echo(struct fst_flow* flow, const struct fst_packet* packet,
                                            int d) {
    struct fst_direction* other = &flow->direction[d ^ 1];

    if ((flow->state & FST_FLOW_TS) && (packet->flags & FST_PACKET_TS) &&
        (packet->tcp_flags & (FST_TCP_SYN | FST_TCP_ACK)) == FST_TCP_ACK &&
        (other->flags & FST_DIRECTION_TS_CLOCK) &&
        fst_sequence_after(other->ts_val, packet->ts_ecr) > 0)
        other->ts_val = packet->ts_ecr;
}

/// A packet, no RST, that a socket of this host has sent. A global function, so that the verifier checks it once.
noinline int observe_own_stack(__u32 slot) {
    struct scratch* scratch = scratch_get();
    struct fst_flow* flow = flow_get(slot);
    const struct fst_packet* packet;
    int d;

    if (!scratch || !flow)
        return 0;
    packet = &scratch->packet;
    d = packet->direction & 1;
    if (!(flow->state & FST_OF(FST_FLOW_LOCAL, d)) && !(packet->tcp_flags & FST_TCP_SYN))
        claim_own_side(scratch, flow, slot, d);
    note_signing(flow, packet, d);
    follow_own_stack(flow, packet, d);
    follow_own_echo(flow, packet, d);
    return 0;
}

/// A segment of a socket of this host that does not fit here: its ACK is true all the same. Into a window that
/// is closed, or that is not known here, it bears a number below its edge.
static __always_inline void follow_own_ack(struct fst_flow* flow, const struct fst_packet* packet,
                                           int d) {
    struct fst_direction* own = &flow->direction[d];

    if (!(own->flags & FST_DIRECTION_SEEN) || (packet->tcp_flags & FST_TCP_SYN) ||
        fst_sequence_after(packet->seq, own->seq_edge) > 0 ||
        fst_sequence_after(packet->ack, flow->direction[d ^ 1].seq_edge) > 0)
        return;
    version_begin(own);
    learn_ack(own, packet);
    version_end(own);
}

/// A SYN or SYN-ACK; FST_REFUSED if it belongs to another connection.
static __always_inline enum fst_acceptance observe_handshake(struct scratch* scratch,
                                                             struct fst_flow* flow, __u32 slot,
                                                             int d) {
    return (scratch->packet.tcp_flags & FST_TCP_ACK) ? observe_syn_ack(scratch, flow, slot, d)
                                                     : observe_syn(scratch, flow, slot, d);
}

/// Whether a FIN that is accepted ends its side's stream. With a gap before it its receiver holds it back,
/// and when it comes again, until all before it is acknowledged; and a number that was a byte's before is no FIN's, whether its receiver has acknowledged that byte or not.
static __always_inline int is_fin_in_order(const struct fst_flow* flow,
                                           const struct fst_packet* packet, int d) {
    const struct fst_direction* own = &flow->direction[d];

    return !(own->flags & FST_DIRECTION_SEEN) ||
           (fst_sequence_after(packet->seq, own->seq_edge) <= 0 &&
            (fst_sequence_after(fst_sequence_end(packet), own->seq_edge) > 0 ||
             ((flow->state & FST_OF(FST_FLOW_FIN_AHEAD, d)) &&
              fst_sequence_after(packet->seq, flow->direction[d ^ 1].ack_edge) <= 0)));
}

/// SYN, SYN-ACK, FIN, what does not fit, and packets while something is pending. A global function,
/// as they are rare. Sets scratch.acceptance, and FST_PACKET_OUT_OF_PROFILE if nothing may be
/// learned.
noinline int observe_rare(__u32 slot) {
    struct scratch* scratch = scratch_get();
    struct fst_flow* flow = flow_get(slot);
    struct fst_packet* packet;
    int d, fits;

    if (!scratch || !flow)
        return 0;
    packet = &scratch->packet;
    d = packet->direction & 1;
    if (is_from_wrong_side(flow, packet, d)) {
        scratch->acceptance = FST_REFUSED;
        return 0;
    }
    if (flow->state & FST_FLOW_CANDIDATE)
        observe_third_packet(scratch, flow, slot, d);
    if (packet->tcp_flags & FST_TCP_SYN) {
        // It may have restarted the flow: below, only the new state counts.
        scratch->acceptance = observe_handshake(scratch, flow, slot, d);
        fits = scratch->acceptance != FST_REFUSED;
    } else {
        if (packet->flags & FST_PACKET_NEW_FLOW)
            state_set(flow, FST_FLOW_MIDWAY);
        scratch->acceptance = (__u32)acceptance_of(slot);
        fits = scratch->acceptance != FST_REFUSED;
        if (!fits || (flow->state & FST_FLOW_CANDIDATE))
            observe_candidate(slot, scratch->acceptance);
        if (scratch->acceptance == FST_UNFIT)
            packet->flags |= FST_PACKET_OUT_OF_PROFILE;
    }
    if (flow->state & FST_OF(FST_FLOW_AWAITS_SYN_ACK, d ^ 1))
        observe_stale_ack(flow, packet, slot, d);
    if (!fits)
        return 0;
    if (covers_fin(flow, packet, d))
        note_no_fin(flow, d);
    if (packet->hook == FST_HOOK_TC_EGRESS && !scratch->sent_on &&
        !(flow->direction[d].flags & FST_DIRECTION_SEEN))
        state_set(flow, FST_OF(FST_FLOW_LOCAL, d));
    if (flow->state & FST_OF(FST_FLOW_AFTER_RST, d))
        observe_after_rst(slot);
    if (flow->state & FST_OF(FST_FLOW_AWAITS_EGRESS, d ^ 1))
        observe_egress(flow, packet, d ^ 1);
    if (flow->state & FST_OF(FST_FLOW_AWAITS_ACK, d ^ 1))
        observe_awaited_ack(flow, packet, slot, d);
    fits = scratch->acceptance == FST_ACCEPTED && !(packet->flags & FST_PACKET_OUT_OF_PROFILE);
    if (fits && !(flow->state & FST_FLOW_ESTABLISHED))
        observe_one_way(flow, packet, slot, d);
    // A connection whose every segment is signed opens as any other.
    if ((fits || (scratch->acceptance == FST_UNFIT && fst_is_doubtful(packet))) &&
        !(flow->state & FST_FLOW_ESTABLISHED) && !(packet->tcp_flags & FST_TCP_SYN))
        observe_establishing(flow, packet, slot, d);
    if (!fits)
        return 0;
    if (fst_has_fin(packet) && fst_is_new_to(&flow->direction[d ^ 1], packet) &&
        is_fin_in_order(flow, packet, d))
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

/// Whether `ack` acknowledges nothing new, or something that the other end has sent.
static __always_inline int acks_what_was_sent(const struct fst_direction* own,
                                              const struct fst_direction* other, __u32 ack) {
    const __u32 under_way = other->seq_edge - own->ack_edge;

    return ack == own->ack_edge ||
           (ack - own->ack_edge <= under_way && under_way <= FST_SEQUENCE_REACH);
}

/// Whether the packet's acceptance needs a closer look. One that goes on exactly where its side
/// stands, from where its packets come, with its timestamps, can be sent by who sees the connection
/// only, and he can as well send what is accepted. Every eighth is looked at all the same: it keeps
/// the edges together.
static __always_inline int is_acceptance_open(const struct fst_flow* flow,
                                              const struct fst_packet* packet, int d) {
    const struct fst_direction* own = &flow->direction[d];

    return packet->seq != own->seq_edge || !own->ring_next || !knows_ttl(own, packet->ttl) ||
           !(own->flags & FST_DIRECTION_BASE) || !(packet->tcp_flags & FST_TCP_ACK) ||
           fst_is_doubtful(packet) ||
           !acks_what_was_sent(own, &flow->direction[d ^ 1], packet->ack) ||
           fst_timestamps_acceptance(own, packet, flow->state) != FST_ACCEPTED;
}

/// Whether the packet is as most are: it goes on exactly where its side stands, from the place that
/// its side's first packets came from, while nothing is awaited. Then it is neither is_decisive() nor
/// is_rare(), nor a copy, nor behind a rest of the flow, and none of those need be asked; behind a silence of its
/// side it is new, and nothing is said of it.
static __always_inline int is_ordinary(const struct fst_flow* flow, struct segment segment) {
    const int d = segment.packet->direction & 1;
    const struct fst_direction* own = &flow->direction[d];
    // Of either end: a mask that depends on the end takes longer.
    const __u32 awaited = pending_of(0) | pending_of(1) | FST_FLOW_CANDIDATE |
                          FST_OF(FST_FLOW_FIN, 0) | FST_OF(FST_FLOW_FIN, 1) |
                          FST_OF(FST_FLOW_FIN_AHEAD, 0) | FST_OF(FST_FLOW_FIN_AHEAD, 1);
    const __u8 deciding = FST_TCP_SYN | FST_TCP_FIN | FST_TCP_RST | FST_TCP_ACK;
    __u32 learned = FST_DIRECTION_SEEN | FST_DIRECTION_ACKED | FST_DIRECTION_BASE |
                    FST_DIRECTION_WINDOWS_2 |
                    (is_df(segment) ? FST_DIRECTION_DF : FST_DIRECTION_NO_DF);
    __u32 ahead;

    if (payload_of(segment))
        learned |= FST_DIRECTION_DATA;
    else if (ack_of(segment) == own->ack_edge)
        return 0;

    if ((tcp_flags_of(segment) & deciding) != FST_TCP_ACK || seq_of(segment) != own->seq_edge ||
        ttl_of(segment) != own->ttl[0] ||
        coarse_of(segment.packet) - flow->seen_coarse > REST_COARSE ||
        (own->flags & learned) != learned || is_doubtful(segment) ||
        !acks_what_was_sent(own, &flow->direction[d ^ 1], ack_of(segment)) ||
        (ack_of(segment) != own->ack_edge && samples_rtt(own)) ||
        (flow->state & (FST_FLOW_ESTABLISHED | awaited)) != FST_FLOW_ESTABLISHED ||
        is_from_wrong_side(flow, segment.packet, d))
        return 0;
    if (!(flow->state & FST_FLOW_TS))
        return !has_timestamps(segment);
    if (!has_timestamps(segment) || !(own->flags & FST_DIRECTION_TS_CLOCK))
        return 0;
    // In the same tick as the one before it no clock is moved.
    ahead = ts_val_of(segment) - own->ts_val;
    return !ahead || (ahead < FST_TIMESTAMPS_NEAR && !moves_clock(own, segment));
}

/// Whether the packet can only be handled by observe_rare(): one that begins or ends something, or
/// comes while something is awaited, or that its receiver does not simply accept.
static __always_inline int is_rare(const struct fst_flow* flow, const struct fst_packet* packet,
                                   __u32 slot, int d) {
    const __u32 state = flow->state;

    return (packet->tcp_flags & (FST_TCP_SYN | FST_TCP_FIN)) ||
           (state & (pending_of(d) | FST_FLOW_CANDIDATE | FST_OF(FST_FLOW_FIN, d))) ||
           !(state & FST_FLOW_ESTABLISHED) || is_from_wrong_side(flow, packet, d) ||
           (is_acceptance_open(flow, packet, d) && acceptance_of(slot) != FST_ACCEPTED);
}

/// Silence of the packet's side, or rest of the flow, before it.
static __always_inline void note_time(struct fst_flow* flow, const struct fst_packet* packet,
                                      __u32 slot, int d) {
    const __u32 coarse = coarse_of(packet);
    const int was_silent = passed(packet->time_ns, flow->direction[d].last_ns, RTO_AFTER_NS);
    int rest = 0;

    if (flow->seen_coarse != coarse) {
        rest = coarse - flow->seen_coarse - 1 >= REST_COARSE && coarse > flow->seen_coarse;
        flow->seen_coarse = coarse;
    }
    if (was_silent | rest)
        observe_after_silence(slot, rest);
}

/// A segment that is_ordinary(): what observe() comes to for it.
static __always_inline void observe_ordinary(struct fst_flow* flow, struct segment segment) {
    struct fst_direction* own = &flow->direction[segment.packet->direction & 1];
    const __u32 now_us = time_us(segment.packet->time_ns), coarse = coarse_of(segment.packet);

    if (flow->seen_coarse != coarse)
        flow->seen_coarse = coarse;
    version_begin(own);
    learn_ordinary(flow, segment, now_us);
    stamp(own, segment, now_us);
    version_end(own);
}

/// Any packet except a RST.
static __always_inline void observe(struct scratch* scratch, struct fst_flow* flow, __u32 slot) {
    struct fst_packet* packet = &scratch->packet;
    const int d = packet->direction & 1;
    struct fst_direction* own = &flow->direction[d];
    int new_ttl = 0;

    if (may_be_copy(own, packet) && !covers_fin(flow, packet, d) && observe_copy(slot)) {
        if (reports_every_repeat && packet->payload > 1)
            observe_repeated(slot);  // a replay compares the bytes
        return;
    }
    scratch->acceptance = FST_ACCEPTED;
    if (scratch->from_socket)
        observe_own_stack(slot);
    if (is_rare(flow, packet, slot, d))
        observe_rare(slot);
    if (scratch->from_socket || scratch->acceptance == FST_ACCEPTED)
        ask_about_latest(flow, packet, d);
    if (scratch->from_socket && scratch->acceptance != FST_ACCEPTED)
        follow_own_ack(flow, packet, d);
    if (scratch->acceptance == FST_REFUSED) {
        packet->flags |= FST_PACKET_OUT_OF_PROFILE;
        count(FST_COUNT_REFUSED);
        if (packet->tcp_flags & FST_TCP_SYN)
            report_transition(scratch, slot);
        return;
    }
    note_time(flow, packet, slot, d);

    version_begin(own);
    if (scratch->acceptance == FST_REPEATED)
        note_retransmission(own, packet);
    else if (scratch->acceptance == FST_UNFIT)
        learn_unfit(flow, packet, d);
    else if (!(packet->flags & FST_PACKET_OUT_OF_PROFILE))
        new_ttl = learn(flow, packet, d);
    stamp(own, segment_in_memory(packet), time_us(packet->time_ns));
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
