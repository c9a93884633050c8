// SPDX-License-Identifier: GPL-2.0-only
// What a flow remembers of an acceptable RST: where it was, its burst, the answers, what became of it.
#ifndef FLOWSTAMP_BPF_RESET_REMEMBER_H
#define FLOWSTAMP_BPF_RESET_REMEMBER_H

#include "bpf/flow/table.h"
#include "bpf/maps.h"
#include "bpf/reset/challenge.h"
#include "bpf/reset/plan.h"
#include "flowstamp/acceptance_rules.h"
#include "flowstamp/reset_rules.h"

/// Whether the RST bears the number just below its receiver's ACK, and that is no FIN's for all that is known:
/// a stack that has no FIN there throws it away.
static __always_inline int is_below_ack(const struct fst_flow* flow,
                                        const struct fst_packet* packet, int d) {
    return packet->seq + 1 == flow->direction[d ^ 1].ack_edge &&
           (!(flow->state & FST_OF(FST_FLOW_FIN, d)) ||
            flow->direction[d].seq_edge != flow->direction[d ^ 1].ack_edge);
}

/// Nothing is learned from a RST, with one exception: if its timestamp is valid, and it lies in the
/// window, where the stack at least challenges it, its sender's clock is at least that far. Packets
/// that it overtook are older, and no sign of a live connection. A forger gains a tenth of a second
/// by it (FST_SIGNAL_TIMESTAMPS_VALID), once a burst, until it is refuted; answers in that time do not
/// suffice (is_upheld()). One aligned word: no reader sees half of it.
static __always_inline void advance_clock(struct fst_direction* own,
                                          const struct fst_packet* packet,
                                          const struct fst_judgement* judgement, int was_refuted) {
    __u32 offset = packet->ts_val - time_ms(packet->time_ns);

    if ((judgement->signals & FST_SIGNAL_BIT(FST_SIGNAL_TIMESTAMPS_VALID)) && !was_refuted &&
        (judgement->context & FST_CONTEXT_IN_WINDOW) &&
        fst_sequence_after(offset, own->ts_offset) > 0)
        own->ts_offset = offset;
}

/// Whether the RST's TTL is the one to remember: that of the latest RST, but once the peer's own marks spoke for one of the
/// burst that came by another way, of that one, though it was held, and of what answers in time after it: so its new route,
/// or the TTL of its kernel, is known by its answers (is_challenge_answer()), whatever else comes.
static __always_inline int tells_route(const struct fst_flow* flow, const struct fst_packet* packet,
                                       const struct fst_judgement* judgement, int says_place,
                                       int begins, int d) {
    if ((flow->reset_flags[d] & FST_RESET_VOUCHED) && !begins &&
        !fst_same_distance(&flow->direction[d], flow->rst_ttl[d], 1))
        return answers_an_ack(flow, packet, d) && had_time_to_answer(flow, packet, judgement, d);
    return says_place || (judgement->signals & FST_SIGNALS_CORROBORATE_GENUINE);
}

/// Where an acceptable RST was and came from, into the flow, before anything else of it is remembered. A global function, so
/// that the verifier checks it once.
noinline int remember_place(__u32 slot, __u32 held) {
    const struct scratch* scratch = scratch_get();
    struct fst_flow* flow = flow_get(slot);
    const struct fst_judgement* judgement;
    const struct fst_packet* packet;
    int d, begins, says_place;

    if (!scratch || !flow)
        return 0;
    packet = &scratch->packet;
    judgement = &scratch->judgement;
    d = packet->direction & 1;
    begins = begins_burst(flow, packet, judgement, d);
    // One that is held, or that asks once more, says nothing about where its sender would go on from.
    says_place = !held && (begins || judgement->action != FST_ACTION_CHALLENGED ||
                           !is_right_behind(flow, packet, d));
    if (tells_route(flow, packet, judgement, says_place, begins, d))
        flow->rst_ttl[d] = packet->ttl;
    if (says_place) {
        flow->rst_seq[d] = packet->seq;
        flow->rst_tcp_flags[d] = packet->tcp_flags;
    }
    return 0;
}

/// Whether the RST leaves a router with another TTL than its side's packets: where that ends, so may the RST, and its
/// receiver's connection goes on.
static __always_inline int may_die_behind(const struct fst_flow* flow,
                                          const struct fst_packet* packet, int d) {
    return packet->hook == FST_HOOK_TC_EGRESS && !fst_is_own_stack(flow, d) &&
           flow->direction[d].ttl[0] && !fst_same_distance(&flow->direction[d], packet->ttl, 1);
}

/// Whether the receiver, whose ACK is known, does nothing about the RST but to send a challenge ACK (RFC 5961, section 3.2):
/// nothing of it is left.
static __always_inline int is_inexact(const struct fst_flow* flow,
                                      const struct fst_judgement* judgement, int d) {
    return (flow->direction[d ^ 1].flags & FST_DIRECTION_ACKED) &&
           !(judgement->context & (FST_CONTEXT_EXACT | FST_CONTEXT_TO_SYN));
}

/// The first RST of a burst begins what is known of it. Adds what it uses up to `challenges` and `drops`.
static __always_inline void begin_burst(struct fst_flow* flow, const struct fst_packet* packet,
                                        const struct fst_judgement* judgement, __u8* challenges,
                                        __u8* drops, int d) {
    const __u8 kept = kept_refuted(flow, packet, d);

    flow->rst_us[d] = time_us(packet->time_ns);
    flow->liveness_ack[d] = flow->direction[d ^ 1].seq_edge;
    if (!is_below_ack(flow, packet, d))
        advance_clock(&flow->direction[d], packet, judgement, kept);
    flow->after_rst[d] &= FST_OF_END;
    flow->wscale[d] = (flow->wscale[d] & ~FST_RST_INEXACT) |
                      (is_inexact(flow, judgement, d) ? FST_RST_INEXACT : 0);
    flow->reset_flags[d] = kept;
    // One that is not exact is answered by an ACK in any case (RFC 5961): it uses up nothing.
    *challenges +=
        judgement->action == FST_ACTION_CHALLENGED && (judgement->context & FST_CONTEXT_EXACT);
    *drops += judgement->action == FST_ACTION_DROPPED;
}

/// A later RST of a burst, which is challenged: whether it counts as an answer, and whether it asks anew. `challenges`: so
/// far. Returns how many there are now.
static __always_inline __u8 count_answer(struct fst_flow* flow, const struct fst_packet* packet,
                                         const struct fst_judgement* judgement, __u8 challenges,
                                         int d) {
    if (is_new_challenge(flow, packet, judgement, d)) {
        const int answers = answers_an_ack(flow, packet, d);

        if (answers_for_another(flow, packet, judgement, d)) {
            challenges += !(flow->after_rst[d] & FST_AFTER_RST_EARLY);
            if ((flow->after_rst[d] & FST_AFTER_RST_EARLY) != FST_AFTER_RST_EARLY)
                flow->after_rst[d] += FST_AFTER_RST_EARLY_ONE;
        } else if (answers || is_question_over(flow, packet, d)) {
            challenges += answers;
            flow->reset_flags[d] &= ~FST_RESET_EGRESS;
            flow->after_rst[d] &= ~FST_AFTER_RST_EARLY;
        }
        return challenges;
    }
    if (is_early_answer(flow, packet, judgement, d) &&
        (flow->after_rst[d] & FST_AFTER_RST_EARLY) != FST_AFTER_RST_EARLY)
        flow->after_rst[d] += FST_AFTER_RST_EARLY_ONE;
    // A dead peer answers each of our ACKs once, and in its time. What its own answers need (is_upheld()) is not taken
    // away: from nearer it takes all FST_CHALLENGES_MAX.
    if (challenges > ANSWERS_HEARD && (judgement->signals & FST_SIGNAL_BIT(FST_SIGNAL_NEARER)))
        challenges--;
    return challenges;
}

/// What has become of the RST, and what is watched for from now on.
static __always_inline void remember_action(struct fst_flow* flow,
                                            const struct fst_judgement* judgement, int d) {
    const int dropped = judgement->action == FST_ACTION_DROPPED;
    const int challenged = judgement->action == FST_ACTION_CHALLENGED;

    if (judgement->signals & FST_SIGNALS_CORROBORATE_GENUINE)
        flow->reset_flags[d] |= FST_RESET_VOUCHED;
    if (dropped) {
        // What both ends send from now on shows whether the sender repeats its reset on purpose. A question that is
        // open stays so, from when it was asked: anyone's reset may be dropped meanwhile.
        if (!(flow->reset_flags[d] & FST_RESET_CHALLENGED))
            flow->reset_flags[d] &= ~FST_RESET_EGRESS;
        flow->reset_flags[d] = (flow->reset_flags[d] & ~FST_RESET_SENDER_SEEN) | FST_RESET_DROPPED;
    }
    if (challenged)
        flow->reset_flags[d] |= FST_RESET_CHALLENGED;
    else if (judgement->challenge == FST_CHALLENGE_UPHELD)
        flow->reset_flags[d] &= ~FST_RESET_CHALLENGED;
    // A client in SYN-SENT resets what does not acknowledge its SYN, and goes on (RFC 9293, section
    // 3.10.7.3): its later packets refute nothing.
    if (!(flow->state & FST_OF(FST_FLOW_SYN, d)) || (flow->state & FST_OF(FST_FLOW_SYN_ACK, d ^ 1)))
        state_set(flow, FST_OF(FST_FLOW_AFTER_RST, d));
    if ((challenged || dropped) && !(flow->reset_flags[d] & FST_RESET_EGRESS))
        state_set(flow, FST_OF(FST_FLOW_AWAITS_EGRESS, d));
}

/// What the flow is from now on: closed by its sender, or one with a forged reset.
static __always_inline void remember_verdict(struct fst_flow* flow, const struct fst_packet* packet,
                                             const struct fst_judgement* judgement, int d) {
    if (is_inexact(flow, judgement, d))
        return;
    if (judgement->verdict != FST_VERDICT_GENUINE)
        state_set(flow, FST_OF(FST_FLOW_FORGED, d));
    else if (judgement->action == FST_ACTION_OBSERVED &&
             (judgement->context & (FST_CONTEXT_EXACT | FST_CONTEXT_TO_SYN)) &&
             !is_below_ack(flow, packet, d) && !fst_is_doubtful(packet) &&
             !may_die_behind(flow, packet, d))
        state_set(flow, FST_OF(FST_FLOW_RST, d));
}

/// What the flow remembers of an acceptable RST, once it is known what becomes of it.
static __always_inline void remember(struct scratch* scratch, struct fst_flow* flow, int d) {
    const struct fst_packet* packet = &scratch->packet;
    struct fst_judgement* judgement = &scratch->judgement;
    __u8 challenges = flow->challenges[d] & 0x0f, drops = flow->challenges[d] >> 4;

    if (begins_burst(flow, packet, judgement, d))
        begin_burst(flow, packet, judgement, &challenges, &drops, d);
    else if (judgement->action == FST_ACTION_CHALLENGED)
        challenges = count_answer(flow, packet, judgement, challenges, d);
    flow->challenges[d] = challenges | drops << 4;
    judgement->challenges = challenges;
    remember_action(flow, judgement, d);
    remember_verdict(flow, packet, judgement, d);
}

#endif
