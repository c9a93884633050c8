// SPDX-License-Identifier: GPL-2.0-only
// Start and end of a connection: SYN, SYN-ACK, the third packet, FIN. A new connection on the same
// ports ends the old flow, and no evidence is carried over. While the old one is open, that takes
// all three packets: until then the new one is a candidate beside it.
#ifndef FLOWSTAMP_BPF_FLOW_HANDSHAKE_H
#define FLOWSTAMP_BPF_FLOW_HANDSHAKE_H

#include "bpf/export/events.h"
#include "bpf/flow/claim.h"
#include "bpf/flow/learn.h"
#include "bpf/flow/table.h"
#include "bpf/maps.h"
#include "flowstamp/acceptance_rules.h"

/// How long a SYN's answer may be under way: as long as Linux waits until it sends the SYN again.
#define SYN_UNDER_WAY_NS 1000000000ULL

/// How long a SYN is repeated, about seconds: by Linux for 127 (net.ipv4.tcp_syn_retries).
#define SYN_REPEATED_COARSE 128

/// The bits of the flow's state that make a packet of side `d` one that is awaited, or watched.
static __always_inline __u32 pending_of(int d) {
    return FST_OF(FST_FLOW_AFTER_RST, d) | FST_OF(FST_FLOW_AWAITS_EGRESS, d ^ 1) |
           FST_OF(FST_FLOW_AWAITS_ACK, d ^ 1) | FST_OF(FST_FLOW_AWAITS_SYN_ACK, d ^ 1);
}

/// Ends the flow and begins another one in its slot.
static __always_inline void flow_restart(struct scratch* scratch, struct fst_flow* flow,
                                         __u32 slot) {
    if (flow->state & FST_FLOW_ESTABLISHED)
        emit_flow(scratch, flow, slot, FST_EVENT_ENDED);
    flow_begin(flow, &scratch->packet);
    scratch->packet.flags |= FST_PACKET_NEW_FLOW;
}

/// The window scale of a SYN as the flow keeps it.
static __always_inline __u8 kept_wscale(const struct fst_packet* packet) {
    if (!(packet->flags & FST_PACKET_WSCALE))
        return 0;
    return packet->wscale < FST_SCALE ? packet->wscale + 1 : FST_SCALE;
}

static __always_inline void note_syn_options(struct fst_flow* flow, const struct fst_packet* packet,
                                             int d) {
    flow->isn[d] = packet->seq;
    flow->wscale[d] = kept_wscale(packet);
    if (packet->flags & FST_PACKET_TS)
        flow->direction[d].flags |= FST_DIRECTION_TS;
    if (!(packet->flags & FST_PACKET_MPTCP))
        state_clear(flow, FST_FLOW_MPTCP);
    else if (!(packet->tcp_flags & FST_TCP_ACK))
        state_set(flow, FST_FLOW_MPTCP);
}

/// The options that both ends' SYNs of a candidate offered, until the flow is theirs.
static __always_inline void note_candidate(struct candidate* candidate,
                                           const struct fst_packet* packet, int d) {
    candidate->isn[d] = packet->seq;
    candidate->window[d] = packet->window;
    candidate->wscale[d] = kept_wscale(packet);
    candidate->timestamps[d] = !!(packet->flags & FST_PACKET_TS);
    candidate->mptcp |= (__u8)(!!(packet->flags & FST_PACKET_MPTCP) << d);
    candidate->handshake |= (__u8)(1 << d);
}

/// Whether an end of this side, other than `d`, has sent a SYN of the candidate, or a SYN-ACK: its stack has one socket for
/// these addresses and ports, and no longer the flow's. What comes in the other end's name says nothing about that.
static __always_inline int is_begun_here(const struct fst_flow* flow,
                                         const struct candidate* candidate, int d) {
    return (flow->state & FST_OF(FST_FLOW_LOCAL, d ^ 1)) && (candidate->handshake & 1 << (d ^ 1));
}

/// A SYN while the flow is open. The stack answers it with a challenge ACK (RFC 9293, section
/// 3.10.7.4), so it does not end the flow. One from outside takes the place of none of ours, as long as that may be answered.
static __always_inline void begin_candidate(struct fst_flow* flow, const struct fst_packet* packet,
                                            __u32 slot, int d) {
    struct candidate* candidate = candidate_get(slot);

    if (!candidate || ((flow->state & FST_FLOW_CANDIDATE) && is_begun_here(flow, candidate, d) &&
                       coarse_of(packet) - candidate->syn_coarse < SYN_REPEATED_COARSE))
        return;
    __builtin_memset(candidate, 0, sizeof(*candidate));
    note_candidate(candidate, packet, d);
    candidate->syn_coarse = coarse_of(packet);
    state_set(flow, FST_FLOW_CANDIDATE | FST_OF(FST_FLOW_AWAITS_SYN_ACK, d));
}

/// The flow's own SYN, of end `d`, for a candidate: the SYN-ACK that came first may be forged, and another
/// one be that which the SYN's sender takes.
static __always_inline void begin_candidate_of_syn(struct fst_flow* flow, __u32 slot, int d) {
    struct candidate* candidate = candidate_get(slot);

    if (!candidate)
        return;
    __builtin_memset(candidate, 0, sizeof(*candidate));
    candidate->isn[d] = flow->isn[d];
    candidate->window[d] = flow->direction[d].window;
    candidate->wscale[d] = flow->wscale[d];
    candidate->timestamps[d] = !!(flow->direction[d].flags & FST_DIRECTION_TS);
    candidate->mptcp = (__u8)(!!(flow->state & FST_FLOW_MPTCP) << d);
    candidate->handshake = (__u8)(1 << d);
    state_set(flow, FST_FLOW_CANDIDATE);
}

/// What the handshake of the new connection has shown of end `d`.
static __always_inline void adopt_end(struct fst_flow* flow, const struct candidate* candidate,
                                      int d) {
    struct fst_direction* own = &flow->direction[d];

    flow->isn[d] = candidate->isn[d];
    flow->wscale[d] = candidate->wscale[d];
    own->flags = FST_DIRECTION_SEEN | (candidate->timestamps[d] ? FST_DIRECTION_TS : 0);
    own->seq_edge = candidate->isn[d] + 1;
    own->window = candidate->window[d];
}

/// While the flow is open and a SYN and a SYN-ACK of another connection were seen: the third packet
/// of their handshake makes it that connection's.
static __always_inline void observe_third_packet(struct scratch* scratch, struct fst_flow* flow,
                                                 __u32 slot, int d) {
    const struct fst_packet* packet = &scratch->packet;
    const struct candidate* candidate = candidate_get(slot);
    const __u32 sides = flow->state & (FST_OF(FST_FLOW_LOCAL, 0) | FST_OF(FST_FLOW_LOCAL, 1));
    const __u8 ends[2] = {flow->after_rst[0] & FST_OF_END, flow->after_rst[1] & FST_OF_END};

    if (!candidate || candidate->handshake != 3 || (packet->tcp_flags & FST_TCP_SYN) ||
        !(packet->tcp_flags & FST_TCP_ACK) || packet->seq != candidate->isn[d] + 1 ||
        packet->ack != candidate->isn[d ^ 1] + 1)
        return;
    flow_restart(scratch, flow, slot);
    flow->after_rst[0] = ends[0];
    flow->after_rst[1] = ends[1];
    adopt_end(flow, candidate, d);
    adopt_end(flow, candidate, d ^ 1);
    flow->direction[d ^ 1].ack_edge = candidate->isn[d] + 1;
    flow->direction[d ^ 1].flags |= FST_DIRECTION_ACKED;
    state_set(flow, sides | FST_OF(FST_FLOW_SYN, d) | FST_OF(FST_FLOW_SYN_ACK, d ^ 1) |
                        (candidate->timestamps[0] && candidate->timestamps[1] ? FST_FLOW_TS : 0) |
                        (candidate->mptcp == 3 ? FST_FLOW_MPTCP : 0));
    scratch->packet.flags &= ~FST_PACKET_NEW_FLOW;  // its SYN was seen
}

/// Whether a SYN with another number, now, cannot take the place of the flow's: it is open, its SYN
/// was answered, or sent so lately that the answer may be under way. A stack has one socket for
/// these addresses and ports.
static __always_inline int is_taken(const struct fst_flow* flow, const struct fst_packet* packet,
                                    int d) {
    // A SYN that a listener may have thrown away keeps no other one off.
    const int is_open_to =
        !(flow->direction[d].flags & FST_DIRECTION_BASE_SYN) && !fst_is_doubtful(packet);

    return (flow->state & FST_FLOW_ESTABLISHED) ||
           ((flow->state & FST_OF(FST_FLOW_SYN, d)) &&
            ((flow->state & FST_OF(FST_FLOW_SYN_ACK, d ^ 1)) ||
             (!is_open_to &&
              !passed(packet->time_ns, flow->direction[d].last_ns, SYN_UNDER_WAY_NS))));
}

/// Whether a socket of this host begins a connection whose addresses and ports only packets from outside
/// have borne so far: those began nothing, whatever they were.
static __always_inline int begins_here(const struct scratch* scratch, const struct fst_flow* flow) {
    return scratch->from_socket &&
           !(flow->state &
             (FST_OF(FST_FLOW_LOCAL, 0) | FST_OF(FST_FLOW_LOCAL, 1) | FST_FLOW_ESTABLISHED));
}

/// A SYN. FST_REFUSED: it is not part of the open connection, and nothing is learned from it.
static __always_inline enum fst_acceptance observe_syn(struct scratch* scratch,
                                                       struct fst_flow* flow, __u32 slot, int d) {
    const struct fst_packet* packet = &scratch->packet;
    const int ended = has_ended(flow) && !scratch->socket_open;
    __u32 state = flow->state;

    // A listener throws it away, a socket in SYN-SENT takes the SYN (Linux: tcp_rcv_state_process()).
    if ((packet->tcp_flags & FST_TCP_FIN) &&
        ((state & FST_FLOW_ESTABLISHED) || !(state & FST_OF(FST_FLOW_SYN, d ^ 1))))
        return FST_REFUSED;
    if (!(packet->flags & FST_PACKET_NEW_FLOW) && fst_has_foreign_signature(flow, packet) && !ended)
        return FST_REFUSED;
    if ((state & FST_OF(FST_FLOW_SYN, d)) && packet->seq == flow->isn[d] && !ended) {
        if (!(state & FST_OF(FST_FLOW_SYN_ACK, d ^ 1)))
            state_set(flow, FST_OF(FST_FLOW_AWAITS_SYN_ACK, d));
        return FST_REPEATED;  // the stack answers it again, and takes nothing from it
    }
    if (!(packet->flags & FST_PACKET_NEW_FLOW)) {
        const int begins = begins_here(scratch, flow);

        if (!begins && !ended && is_taken(flow, packet, d)) {
            if (!(fst_is_doubtful(packet) && (state & FST_FLOW_CANDIDATE)))
                begin_candidate(flow, packet, slot, d);
            return FST_REFUSED;
        }
        // Simultaneous open (RFC 9293, section 3.5): both SYNs belong to one connection.
        if (begins || !(state & FST_OF(FST_FLOW_SYN, d ^ 1)) || ended)
            flow_restart(scratch, flow, slot);
        else if (fst_is_doubtful(packet) || fst_lacks_signature(flow, packet, d))
            return FST_REFUSED;
    }
    note_syn_options(flow, packet, d);
    state_set(flow, FST_OF(FST_FLOW_SYN, d) | FST_OF(FST_FLOW_AWAITS_SYN_ACK, d));
    return FST_ACCEPTED;
}

/// A socket of this host answers the candidate's SYN on a flow in whose name nothing has left here yet: what packets from
/// outside have made of that is nobody's, and the SYN's connection the first that is known here.
static __always_inline void begin_where_answered(struct scratch* scratch, struct fst_flow* flow,
                                                 __u32 slot, int d) {
    const struct fst_packet* packet = &scratch->packet;
    const struct candidate* candidate = candidate_get(slot);
    const int opener = d ^ 1;

    if (!scratch->from_socket || !candidate || !(flow->state & FST_FLOW_CANDIDATE) ||
        (flow->state & (FST_OF(FST_FLOW_LOCAL, 0) | FST_OF(FST_FLOW_LOCAL, 1))) ||
        candidate->handshake != 1 << opener || packet->ack != candidate->isn[opener] + 1)
        return;
    flow_restart(scratch, flow, slot);
    scratch->packet.flags &= ~FST_PACKET_NEW_FLOW;  // its SYN was seen
    adopt_end(flow, candidate, opener);
    state_set(flow, FST_OF(FST_FLOW_SYN, opener) | (candidate->mptcp ? FST_FLOW_MPTCP : 0));
}

/// A SYN-ACK. FST_REFUSED: it acknowledges no SYN of this flow.
static __always_inline enum fst_acceptance observe_syn_ack(struct scratch* scratch,
                                                           struct fst_flow* flow, __u32 slot,
                                                           int d) {
    const struct fst_packet* packet = &scratch->packet;
    __u32 state;

    begin_where_answered(scratch, flow, slot, d);
    state = flow->state;
    if (packet->flags & FST_PACKET_NEW_FLOW) {  // its SYN was not seen
        note_syn_options(flow, packet, d);
        flow->isn[d ^ 1] = packet->ack - 1;
        state_set(flow, FST_FLOW_MIDWAY | FST_OF(FST_FLOW_SYN_ACK, d));
        return FST_ACCEPTED;
    }
    if (fst_has_foreign_signature(flow, packet))
        return FST_REFUSED;
    if (state & FST_OF(FST_FLOW_SYN_ACK, d) && packet->seq == flow->isn[d] &&
        fst_acks_syn(flow, packet->ack, d ^ 1))
        return FST_REPEATED;
    // One that its receiver may throw away waits for the third packet, as a second one does.
    if ((state & FST_OF(FST_FLOW_SYN, d ^ 1)) && !(state & FST_OF(FST_FLOW_SYN_ACK, d)) &&
        fst_acks_syn(flow, packet->ack, d ^ 1) && !fst_is_doubtful(packet) &&
        !fst_lacks_signature(flow, packet, d) && fst_echoes_syn(flow, packet, d)) {
        // Earlier packets from this side belonged to another connection.
        flow->direction[d].flags &= ~FST_DIRECTION_SEEN;
        note_syn_options(flow, packet, d);
        state_set(flow, FST_OF(FST_FLOW_SYN_ACK, d));
        state_clear(flow, FST_OF(FST_FLOW_AWAITS_SYN_ACK, d ^ 1));
        if ((packet->flags & FST_PACKET_TS) && (flow->direction[d ^ 1].flags & FST_DIRECTION_TS))
            state_set(flow, FST_FLOW_TS);
        return FST_ACCEPTED;
    }
    // Another SYN-ACK than the flow's: which one the SYN's sender has taken, its next packet tells.
    if ((state & FST_OF(FST_FLOW_SYN, d ^ 1)) && !(state & FST_FLOW_ESTABLISHED) &&
        fst_acks_syn(flow, packet->ack, d ^ 1))
        begin_candidate_of_syn(flow, slot, d ^ 1);
    if (flow->state & FST_FLOW_CANDIDATE) {
        struct candidate* candidate = candidate_get(slot);

        if (candidate && candidate->handshake == 1 << (d ^ 1) &&
            packet->ack == candidate->isn[d ^ 1] + 1)
            note_candidate(candidate, packet, d);
    }
    return FST_REFUSED;
}

/// A packet, neither SYN nor RST, of the side whose SYN-ACK is awaited. One that does not
/// acknowledge the SYN is of an older connection on the same ports, which the SYN's sender no
/// longer knows (RFC 9293, section 3.10.7.4; RFC 5961, section 4): reported, and nothing is learned
/// from it.
static __always_inline void observe_stale_ack(struct fst_flow* flow, struct fst_packet* packet,
                                              __u32 slot, int d) {
    if ((packet->tcp_flags & FST_TCP_SYN) || !(packet->tcp_flags & FST_TCP_ACK))
        return;
    if (flow->state & FST_FLOW_ESTABLISHED) {
        if (packet->payload)
            return;  // its own traffic, not yet an answer
        state_clear(flow, FST_OF(FST_FLOW_AWAITS_SYN_ACK, d ^ 1));
    } else {
        if (fst_acks_syn(flow, packet->ack, d ^ 1)) {  // the SYN-ACK itself was not seen
            state_clear(flow, FST_OF(FST_FLOW_AWAITS_SYN_ACK, d ^ 1));
            return;
        }
        packet->flags |= FST_PACKET_OUT_OF_PROFILE;
    }
    emit(FST_EVENT_STALE_ACK, slot);
}

/// Both ends have the connection: a reset before that, which was thought to be taken in, was not.
static __always_inline void note_open(struct fst_flow* flow) {
    state_set(flow, FST_FLOW_ESTABLISHED);
    if (fst_any_rst(flow->state))
        state_clear(flow, FST_OF(FST_FLOW_RST, 0) | FST_OF(FST_FLOW_RST, 1));
}

/// The third packet of a handshake; in a flow picked up mid-stream, the first packet of the second
/// direction.
static __always_inline void observe_establishing(struct fst_flow* flow,
                                                 const struct fst_packet* packet, __u32 slot,
                                                 int d) {
    const struct fst_direction* other = &flow->direction[d ^ 1];
    __u32 state = flow->state;

    if (!(packet->tcp_flags & FST_TCP_ACK))
        return;
    if ((state & FST_OF(FST_FLOW_SYN, d)) && (state & FST_OF(FST_FLOW_SYN_ACK, d ^ 1))) {
        if (packet->ack - flow->isn[d ^ 1] - 1 >= FST_SEQUENCE_REACH)
            return;
        note_open(flow);
        emit(FST_EVENT_ESTABLISHED, slot);
    } else if ((state & FST_FLOW_MIDWAY) && (other->flags & FST_DIRECTION_SEEN)) {
        state_set(flow, FST_FLOW_ESTABLISHED);
        // A socket of this host sends none where they were not negotiated.
        if ((packet->flags & FST_PACKET_TS) &&
            ((other->flags & FST_DIRECTION_TS_CLOCK) || fst_is_own_stack(flow, d)))
            state_set(flow, FST_FLOW_TS);
        emit(FST_EVENT_ESTABLISHED, slot);
    }
}

#endif
