// SPDX-License-Identifier: GPL-2.0-only
// A suspicious RST made into a challenge: which form it takes, and when it is a new one.
//
// A challenge is a keepalive with one old byte (RFC 1122, section 4.2.3.6). No stack takes that byte
// in; each acknowledges it (RFC 9293, section 3.10.7.4, first check), and Linux limits only answers to
// segments that occupy no sequence space. To connection tracking and address translation it is a
// byte sent again: its ACK is one that this end has sent before, so nothing in it is new to anyone.
//
// A RST that makes no new challenge is shifted out of its exact match: its sequence number is moved
// past everything that the receiver can have received, which does no harm. In the window but not
// exact, it makes the stack send a challenge ACK (RFC 5961, section 3.2), once in 500 ms at the most
// (Linux, net.ipv4.tcp_invalid_ratelimit): any packet that the stack does not take in, a keepalive of
// the peer's or a blind ACK, may have used that up. So a shifted RST may be asked of nobody.
#ifndef FLOWSTAMP_BPF_RESET_CHALLENGE_H
#define FLOWSTAMP_BPF_RESET_CHALLENGE_H

#include "bpf/flow/learn.h"
#include "bpf/maps.h"
#include "flowstamp/acceptance_rules.h"
#include "flowstamp/reset_rules.h"

/// What queues on the way and scheduling add to four round trips of the least length seen.
#define ANSWER_SLACK_US 500000U

/// After a challenge that nobody answered: the next RST begins a new burst. Of a burst's challenges
/// one counts, and those that were answered as a stack answers: FST_CHALLENGES_MAX take as many
/// seconds, however many resets come that answer nothing.
#define BURST_US 1000000U

/// Routers that a packet may pass in a round trip of less than FST_RTT_TELLING_US.
#define NEAR_HOPS 15

/// How long after the challenge a RST can be its answer: a few round trips.
static __always_inline __u32 patience_us(const struct fst_direction* own) {
    return own->min_rtt_us * 4 + ANSWER_SLACK_US;
}

/// Whether this RST begins a new burst: none is watched, or its sender went on since, or the last
/// challenge was never answered in time.
static __always_inline int begins_burst(const struct fst_flow* flow,
                                        const struct fst_packet* packet, int d) {
    const __u32 since_us = time_us(packet->time_ns) - flow->rst_us[d];

    if (!(flow->state & FST_OF(FST_FLOW_AFTER_RST, d)) || (flow->reset_flags[d] & FST_RESET_ALIVE))
        return 1;
    return since_us > ((flow->reset_flags[d] & FST_RESET_CHALLENGED)
                           ? BURST_US + patience_us(&flow->direction[d])
                           : FST_WATCH_US);
}

/// Whether the RST's sender can have received what the other end sent since the last one that we
/// acted upon. What comes from nearer than the peer is believed only where the round trip is long
/// enough to tell.
static __always_inline int had_time_to_answer(const struct fst_flow* flow,
                                              const struct fst_packet* packet,
                                              const struct fst_judgement* judgement, int d) {
    const __u32 rtt_us = flow->direction[d].min_rtt_us;
    const __u32 since_us = time_us(packet->time_ns) - flow->egress_us[d];

    if (!(flow->reset_flags[d] & FST_RESET_EGRESS))
        return 0;
    if ((judgement->signals & FST_SIGNAL_BIT(FST_SIGNAL_NEARER)) && rtt_us < FST_RTT_TELLING_US)
        return 0;
    return fst_had_time_to_answer(rtt_us, since_us);
}

/// The shape of an answer to an ACK by a stack that does not know the connection: no ACK, and the
/// sequence number that the ACK asks for (RFC 9293, section 3.10.7.1).
static __always_inline int answers_an_ack(const struct fst_flow* flow,
                                          const struct fst_packet* packet, int d) {
    return !(packet->tcp_flags & FST_TCP_ACK) && packet->seq == flow->direction[d ^ 1].ack_edge;
}

/// Whether the RST makes a new challenge, beside the open one if there is one. One that comes too
/// soon belongs to the same burst, which must not use up the challenges of the flow; so does one from
/// farther than any sender within so short a round trip. (A kernel answers with its default TTL, whatever
/// its socket's was: that may look a few hops farther.)
static __always_inline int is_new_challenge(const struct fst_flow* flow,
                                            const struct fst_packet* packet,
                                            const struct fst_judgement* judgement, int d) {
    return !(flow->reset_flags[d] & FST_RESET_CHALLENGED) ||
           (had_time_to_answer(flow, packet, judgement, d) &&
            (flow->direction[d].min_rtt_us >= FST_RTT_TELLING_US ||
             !(judgement->signals & FST_SIGNAL_BIT(FST_SIGNAL_FARTHER)) ||
             judgement->hops <= NEAR_HOPS));
}

/// The RST itself, past the edge.
static __always_inline void challenge_by_shift(struct challenge* challenge,
                                               const struct fst_flow* flow,
                                               const struct fst_packet* packet, int d) {
    challenge->seq = fst_shifted_seq(flow, packet->seq, d);
    challenge->ack = packet->ack;
    challenge->flags = packet->tcp_flags;
    challenge->grow = 0;
}

/// An old byte, wholly below what the receiver has acknowledged. A RST that carries data (RFC 9293,
/// section 3.5.3, allows it) has bytes enough; another grows by one.
static __always_inline void challenge_by_keepalive(struct challenge* challenge,
                                                   const struct fst_flow* flow,
                                                   const struct fst_packet* packet, int d) {
    challenge->grow = !packet->payload;
    challenge->seq = flow->direction[d ^ 1].ack_edge - (packet->payload + challenge->grow) - 1;
    challenge->ack = flow->direction[d].ack_edge;
    challenge->flags = FST_TCP_ACK;
}

/// Whether the RST is the first of its burst that the stack would take for exact. To those before it the
/// stack may have sent its challenge ACK, and sends no other one for a while (RFC 5961, section 7): only
/// a keepalive is always answered.
static __always_inline int is_first_exact(const struct fst_flow* flow,
                                          const struct fst_judgement* judgement, int d) {
    return (judgement->context & FST_CONTEXT_EXACT) &&
           flow->rst_seq[d] != flow->direction[d ^ 1].ack_edge &&
           flow->rst_seq[d] != flow->direction[d].seq_edge;
}

/// Whether the receiver takes in nothing: then a shifted RST is out of its window, too.
static __always_inline int is_window_closed(const struct fst_flow* flow, int d) {
    return fst_accepts_ahead(flow, d ^ 1) < 2;
}

/// Writes the challenge into scratch.
static __always_inline void challenge_form(struct scratch* scratch, const struct fst_flow* flow,
                                           int d) {
    const struct fst_packet* packet = &scratch->packet;

    if (is_window_closed(flow, d)) {
        challenge_by_keepalive(&scratch->challenge, flow, packet, d);
        return;
    }
    // Too soon, or no answer: shifted, so that it does no harm, but no further answer is provoked: a
    // box that answers every packet would answer that one too, without end. A stack that still waits
    // for the handshake's third packet would take the shifted one as well.
    if ((flow->direction[d ^ 1].flags & FST_DIRECTION_BASE) &&
        ((!is_first_exact(flow, &scratch->judgement, d) &&
          (!is_new_challenge(flow, packet, &scratch->judgement, d) ||
           (!begins_burst(flow, packet, d) && !answers_an_ack(flow, packet, d)))) ||
         !(flow->direction[d].flags & FST_DIRECTION_ACKED)))
        challenge_by_shift(&scratch->challenge, flow, packet, d);
    else
        challenge_by_keepalive(&scratch->challenge, flow, packet, d);
}

#endif
