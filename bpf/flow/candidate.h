// SPDX-License-Identifier: GPL-2.0-only
// Another connection on a flow's addresses and ports, or another place in its streams, that packets
// speak of. It takes the flow's place only when both ends have shown that they mean it: one end
// alone, or anyone in its name, ends no flow.
//
// Races: two CPUs that carry a direction each may write a candidate at once. It then holds numbers
// of two kinds, which agree with nothing, and is begun again; the flow itself stays as it was.
#ifndef FLOWSTAMP_BPF_FLOW_CANDIDATE_H
#define FLOWSTAMP_BPF_FLOW_CANDIDATE_H

#include "bpf/flow/handshake.h"
#include "bpf/flow/learn.h"
#include "bpf/maps.h"
#include "flowstamp/acceptance_rules.h"
#include "flowstamp/reset_rules.h"

/// Whether `value` lies at most FST_SEQUENCE_REACH below `edge`, or at it.
static __always_inline int is_just_below(__u32 value, __u32 edge) {
    return edge - value <= FST_SEQUENCE_REACH;
}

/// Whether neither end is a socket of this host: packets can be made up in both names.
static __always_inline int is_between_others(const struct fst_flow* flow) {
    return verifies_checksums && !fst_is_own_stack(flow, 0) && !fst_is_own_stack(flow, 1);
}

/// The handshake that was noted is not that of the connection, which is seen from the middle, as any other.
static __always_inline void forget_handshake(struct fst_flow* flow) {
    UNROLL
    for (int d = 0; d < 2; d++) {
        forget_end(&flow->direction[d]);
        flow->wscale[d] = 0;
        state_clear(flow, FST_OF(FST_FLOW_SYN, d) | FST_OF(FST_FLOW_SYN_ACK, d));
    }
    state_set(flow, FST_FLOW_MIDWAY);
}

/// Both ends have gone on to where the candidate says: their packets passed elsewhere. What is known
/// of either end stays, if the connection was seen to open; but a handshake may have been made up in both names.
static __always_inline void adopt_edges(struct fst_flow* flow, const struct candidate* candidate,
                                        __u64 time_ns) {
    const int was_open = !!(flow->state & FST_FLOW_ESTABLISHED);

    if (!was_open)
        forget_handshake(flow);
    if (!was_open || is_between_others(flow))
        state_clear(flow, FST_FLOW_MPTCP);
    UNROLL
    for (int d = 0; d < 2; d++) {
        struct fst_direction* own = &flow->direction[d];

        own->seq_edge = candidate->edge[d];
        own->ack_edge = candidate->ack[d];
        own->edge_us = time_us(time_ns);
        own->flags |= FST_DIRECTION_SEEN | FST_DIRECTION_ACKED;
    }
    // Both ends speak: neither has closed, nor reset.
    UNROLL
    for (int d = 0; d < 2; d++)
        state_clear(flow, FST_OF(FST_FLOW_FIN_AHEAD, d) | FST_OF(FST_FLOW_FIN, d) |
                              FST_OF(FST_FLOW_RST, d));
    state_clear(flow, FST_FLOW_CANDIDATE);
}

/// Whether `ack` acknowledges what its receiver's stream, `other`, has shown: more than was seen of
/// it here, if it went on.
static __always_inline int acknowledges(__u32 ack, __u32 shown, const struct fst_direction* other) {
    return is_just_below(ack, shown) &&
           (!is_just_below(ack, other->seq_edge) || is_just_below(shown, other->seq_edge));
}

/// Where packets can be made up in both names (is_between_others()), an end still answers what it
/// refuses by an ACK from where it stands (RFC 9293, section 3.10.7.4), which ends the candidate here: Linux at
/// least each half second (tcp_oow_rate_limited()). So both must agree three times, each this long after the one
/// before, and longer than any ACK is under way, microseconds.
#define AGREEMENT_US 1000000U
#define AGREEMENTS_ENOUGH 3

/// Whether the packet may be one that its receiver does not see or throws away without an answer.
static __always_inline int may_go_unanswered(const struct fst_direction* own,
                                             const struct fst_packet* packet) {
    return fst_is_doubtful(packet) || (own->ttl[0] && !fst_same_distance(own, packet->ttl, 1));
}

/// Both agree once more. Whether that is often enough.
static __always_inline int note_agreement(struct candidate* candidate, __u32 now_us) {
    candidate->agrees = 0;
    if (candidate->agreements && now_us - candidate->agreed_us < AGREEMENT_US)
        return 0;
    candidate->agreed_us = now_us;
    return ++candidate->agreements >= AGREEMENTS_ENOUGH;
}

/// A packet, no SYN or RST, that its receiver refuses. When each side acknowledges what the other
/// one has shown, the streams have gone on without us: that no one else can make up who does not
/// send for both.
static __always_inline void note_other_place(struct fst_flow* flow, struct candidate* candidate,
                                             const struct fst_packet* packet, int d) {
    const __u32 end = fst_sequence_end(packet);
    const __u8 bit = (__u8)(1 << d), other = (__u8)(1 << (d ^ 1));

    if (is_between_others(flow) && may_go_unanswered(&flow->direction[d], packet))
        return;
    // What lies at its side's edges or just below is of this place, and refused for another reason.
    if (!(packet->tcp_flags & FST_TCP_ACK) ||
        (is_just_below(end, flow->direction[d].seq_edge) &&
         is_just_below(packet->ack, flow->direction[d].ack_edge)))
        return;
    if (!(candidate->seen & bit) || !fst_within_reach(packet->seq, candidate->edge[d])) {
        candidate->seen |= bit;
        candidate->agrees = 0;
        candidate->agreements = 0;
        candidate->edge[d] = end;
    } else if (fst_sequence_after(end, candidate->edge[d]) > 0) {
        candidate->edge[d] = end;
    }
    candidate->ack[d] = packet->ack;
    if ((candidate->seen & other) &&
        acknowledges(packet->ack, candidate->edge[d ^ 1], &flow->direction[d ^ 1]))
        candidate->agrees |= bit;
    if (candidate->agrees == (bit | other) &&
        (!is_between_others(flow) || note_agreement(candidate, time_us(packet->time_ns))))
        adopt_edges(flow, candidate, packet->time_ns);
}

/// Whether a packet of end `d` that is not refused shows that the flow is what it was. A new connection is given up for what
/// the flow's receiver takes in, and not where that has begun it.
static __always_inline int shows_old(const struct fst_flow* flow, const struct candidate* candidate,
                                     __u32 acceptance, int d) {
    return !candidate->handshake ||
           (acceptance == FST_ACCEPTED && !is_begun_here(flow, candidate, d));
}

/// A packet, no SYN or RST, of a flow with a candidate, or one that its receiver refuses: such a
/// packet may begin a candidate. `acceptance`: enum fst_acceptance.
noinline int observe_candidate(__u32 slot, __u32 acceptance) {
    struct candidate* candidate = candidate_get(slot);
    struct scratch* scratch = scratch_get();
    struct fst_flow* flow = flow_get(slot);
    int d;

    if (!scratch || !flow || !candidate)
        return 0;
    d = scratch->packet.direction & 1;
    if (acceptance != FST_REFUSED) {
        if (shows_old(flow, candidate, acceptance, d))
            state_clear(flow, FST_FLOW_CANDIDATE);
        return 0;
    }
    if (!(flow->state & FST_FLOW_CANDIDATE)) {
        __builtin_memset(candidate, 0, sizeof(*candidate));
        state_set(flow, FST_FLOW_CANDIDATE);
    }
    note_other_place(flow, candidate, &scratch->packet, d);
    return 0;
}

#endif
