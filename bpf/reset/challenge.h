// SPDX-License-Identifier: GPL-2.0-only
// A suspicious RST made into a challenge: its form, and when it is a new one.
//
// A challenge is a keepalive with one old byte (RFC 1122, section 4.2.3.6). No stack takes that byte
// in; each acknowledges it (RFC 9293, section 3.10.7.4, first check), and Linux limits only answers to
// segments that occupy no sequence space. To connection tracking and address translation it is a
// byte sent again: its ACK is one that this end has sent before, so nothing in it is new to anyone.
//
// A RST that comes right after a challenge's ACK is held: it goes no farther. Who sent it before that ACK
// reached him will answer it, and his answer makes the next challenge. Moved to another number instead, it
// would depend on Linux' limit of challenge ACKs (net.ipv4.tcp_invalid_ratelimit), which any packet that the stack
// does not take in uses up, and on no byte of the window being one that the receiver holds back.
#ifndef FLOWSTAMP_BPF_RESET_CHALLENGE_H
#define FLOWSTAMP_BPF_RESET_CHALLENGE_H

#include "bpf/flow/learn.h"
#include "bpf/maps.h"
#include "flowstamp/acceptance_rules.h"
#include "flowstamp/challenge_rules.h"
#include "flowstamp/reset_rules.h"

/// What queues on the way and scheduling add to four round trips of the least length seen.
#define ANSWER_SLACK_US 500000U

/// After a challenge that nobody answered: the next RST begins a new burst. Of a burst's challenges
/// one counts, and those that were answered as a stack answers: FST_CHALLENGES_MAX take as many
/// seconds, however many resets come that answer nothing.
#define BURST_US 1000000U

/// RSTs that answer no ACK make a challenge so often at the most, microseconds: a box that resets whatever
/// it sees would be asked without end.
#define CHALLENGE_SPACING_US 500U

/// Routers that a packet may pass in a round trip of less than FST_RTT_TELLING_US.
#define NEAR_HOPS 15

/// How long after the challenge a RST can be its answer: a few round trips.
static __always_inline __u32 patience_us(const struct fst_direction* own) {
    return own->min_rtt_us * 4 + ANSWER_SLACK_US;
}

/// Whether this RST begins a new burst: none is watched, or its sender went on since, or the last
/// challenge was never answered in time; or it is exact, as the first was not, and no answer to that.
static __always_inline int begins_burst(const struct fst_flow* flow,
                                        const struct fst_packet* packet,
                                        const struct fst_judgement* judgement, int d) {
    const __u32 since_us = time_us(packet->time_ns) - flow->rst_us[d];

    if ((flow->wscale[d] & FST_RST_INEXACT) && (judgement->context & FST_CONTEXT_EXACT) &&
        judgement->challenge != FST_CHALLENGE_UPHELD)
        return 1;
    if (!(flow->state & FST_OF(FST_FLOW_AFTER_RST, d)) || (flow->reset_flags[d] & FST_RESET_ALIVE))
        return 1;
    return since_us > ((flow->reset_flags[d] & FST_RESET_CHALLENGED)
                           ? BURST_US + patience_us(&flow->direction[d])
                           : FST_WATCH_US);
}

/// Whether the RST's sender can have received what the other end sent since the last one that we
/// acted upon. What comes from nearer than the peer is believed only where the round trip is long
/// enough to tell, or where the peer's own marks spoke for the first of its burst: a kernel's answers may
/// have another TTL than its socket's reset.
static __always_inline int had_time_to_answer(const struct fst_flow* flow,
                                              const struct fst_packet* packet,
                                              const struct fst_judgement* judgement, int d) {
    const __u32 rtt_us = flow->direction[d].min_rtt_us;
    const __u32 since_us = time_us(packet->time_ns) - flow->egress_us[d];

    if (!(flow->reset_flags[d] & FST_RESET_EGRESS))
        return 0;
    if ((judgement->signals & FST_SIGNAL_BIT(FST_SIGNAL_NEARER)) && rtt_us < FST_RTT_TELLING_US &&
        !(flow->reset_flags[d] & FST_RESET_VOUCHED))
        return 0;
    return fst_had_time_to_answer(rtt_us, since_us);
}

/// The shape of an answer to an ACK by a stack that does not know the connection: no ACK, and the
/// sequence number that the ACK asks for (RFC 9293, section 3.10.7.1).
static __always_inline int answers_an_ack(const struct fst_flow* flow,
                                          const struct fst_packet* packet, int d) {
    return !(packet->tcp_flags & FST_TCP_ACK) && packet->seq == flow->direction[d ^ 1].ack_edge;
}

/// Whether the RST comes from farther than any sender within so short a round trip. (A kernel answers with
/// its default TTL, whatever its socket's was: that may look a few hops farther.)
static __always_inline int is_too_far(const struct fst_flow* flow,
                                      const struct fst_judgement* judgement, int d) {
    return flow->direction[d].min_rtt_us < FST_RTT_TELLING_US &&
           (judgement->signals & FST_SIGNAL_BIT(FST_SIGNAL_FARTHER)) && judgement->hops > NEAR_HOPS;
}

/// Whether a RST in time that answers nothing asks anew: only where nobody answers any more. One that comes just before
/// the answer is due would put that off for another round trip, again and again. At half of the patience, as what answers
/// then still has its time.
static __always_inline int is_question_over(const struct fst_flow* flow,
                                            const struct fst_packet* packet, int d) {
    return !(flow->reset_flags[d] & FST_RESET_CHALLENGED) ||
           time_us(packet->time_ns) - flow->egress_us[d] > patience_us(&flow->direction[d]) / 2;
}

/// Whether the RST makes a new challenge, beside the open one if there is one. One that comes too
/// soon belongs to the same burst, which must not use up the challenges of the flow.
static __always_inline int is_new_challenge(const struct fst_flow* flow,
                                            const struct fst_packet* packet,
                                            const struct fst_judgement* judgement, int d) {
    return !(flow->reset_flags[d] & FST_RESET_CHALLENGED) ||
           (had_time_to_answer(flow, packet, judgement, d) && !is_too_far(flow, judgement, d));
}

/// Whether the RST comes right behind one that was challenged: the side's latest packet is one, as those that are held leave
/// no stamp. A round trip can be shorter than the least one seen: a quarter of that is sure.
static __always_inline int is_right_behind(const struct fst_flow* flow,
                                           const struct fst_packet* packet, int d) {
    const struct fst_direction* own = &flow->direction[d];
    const struct fst_stamp* latest = &own->ring[(own->ring_next - 1) & (FST_RING_STAMPS - 1)];
    const __u32 sure_us = own->min_rtt_us / 4;

    return (flow->reset_flags[d] & FST_RESET_CHALLENGED) && (latest->tcp_flags & FST_TCP_RST) &&
           time_us(packet->time_ns) - latest->time_us <
               (sure_us > CHALLENGE_SPACING_US ? sure_us : CHALLENGE_SPACING_US);
}

/// Whether our stack has sent since that RST was challenged. The sender of this one, if it is genuine, had not received
/// what it sent when he sent this one: he will answer it, as a stack answers any packet to a connection that it does not
/// know (RFC 9293, section 3.10.7.1). A challenge alone asks nobody: its receiver throws it away for the options that it
/// keeps (Linux: tcp_inbound_hash()), or for a checksum that nobody has summed up, and a router where its TTL ends or the
/// next link is too narrow.
static __always_inline int is_question_under_way(const struct fst_flow* flow,
                                                 const struct fst_packet* packet, int d) {
    const struct fst_direction* own = &flow->direction[d];
    const __u32 asked_us = own->ring[(own->ring_next - 1) & (FST_RING_STAMPS - 1)].time_us;

    return is_right_behind(flow, packet, d) &&
           fst_sequence_after(time_us(flow->direction[d ^ 1].last_ns), asked_us) > 0;
}

/// Whether the RST, which begins no burst, comes too early to answer the open challenge, and looks like its answer
/// all the same: it may be that, by a shorter way than any before.
static __always_inline int is_early_answer(const struct fst_flow* flow,
                                           const struct fst_packet* packet,
                                           const struct fst_judgement* judgement, int d) {
    return answers_an_ack(flow, packet, d) && !is_new_challenge(flow, packet, judgement, d);
}

/// Whether the RST, in the shape of an answer and in time, comes from elsewhere than the peer, as a kernel's answers to what
/// its socket began may, and before the peer's own answer to the same ACK must have come: it counts, once, but asks no
/// new question, which would put that answer off, again and again.
static __always_inline int answers_for_another(const struct fst_flow* flow,
                                               const struct fst_packet* packet,
                                               const struct fst_judgement* judgement, int d) {
    const __u32 rtt_us = flow->direction[d].min_rtt_us;
    const __u64 elsewhere = FST_SIGNAL_BIT(FST_SIGNAL_NEARER) | FST_SIGNAL_BIT(FST_SIGNAL_FARTHER);

    return (judgement->signals & elsewhere) && !(flow->reset_flags[d] & FST_RESET_VOUCHED) &&
           (flow->reset_flags[d] & FST_RESET_CHALLENGED) && answers_an_ack(flow, packet, d) &&
           time_us(packet->time_ns) - flow->egress_us[d] < 2 * rtt_us - rtt_us / 8;
}

/// Whether a RST that is to be challenged is held: its sender will answer the challenge before it. For early
/// answers that is repeated three times: a box that answers each of our ACKs would be asked without end.
static __always_inline int is_held(const struct fst_flow* flow, const struct fst_packet* packet,
                                   const struct fst_judgement* judgement, int d) {
    if (begins_burst(flow, packet, judgement, d))
        return 0;
    if (is_too_far(flow, judgement, d))
        return 1;
    if (answers_an_ack(flow, packet, d))
        return (is_early_answer(flow, packet, judgement, d) ||
                answers_for_another(flow, packet, judgement, d)) &&
               (flow->after_rst[d] & FST_AFTER_RST_EARLY) == FST_AFTER_RST_EARLY;
    return is_question_under_way(flow, packet, d);
}

/// Whether the packet in scratch is one that asks a challenge of its flow again. A global function, so that the verifier
/// checks it once.
noinline int has_form_of_challenge(__u32 slot) {
    const struct scratch* scratch = scratch_get();
    const struct fst_flow* flow = flow_get(slot);

    return scratch && flow && fst_is_asked_again(flow, &scratch->packet);
}

/// An old byte (fst_challenge_seq()). A RST that carries data (RFC 9293, section 3.5.3, allows it) has bytes enough;
/// another grows by one.
static __always_inline void challenge_form(struct challenge* challenge, const struct fst_flow* flow,
                                           const struct fst_packet* packet, int d) {
    challenge->grow = !packet->payload;
    challenge->seq = fst_challenge_seq(flow, packet->seq, packet->payload + challenge->grow, d);
    challenge->ack = flow->direction[d].ack_edge;
    challenge->flags = FST_TCP_ACK;
}

#endif
