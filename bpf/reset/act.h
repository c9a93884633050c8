// SPDX-License-Identifier: GPL-2.0-only
// What is done about a RST, and what its flow remembers of it.
#ifndef FLOWSTAMP_BPF_RESET_ACT_H
#define FLOWSTAMP_BPF_RESET_ACT_H

#include "bpf/export/events.h"
#include "bpf/flow/handshake.h"
#include "bpf/flow/observe.h"
#include "bpf/flow/table.h"
#include "bpf/packet/context.h"
#include "bpf/packet/rewrite.h"
#include "bpf/reset/challenge.h"
#include "bpf/reset/judge.h"
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

/// Whether end `d` is a socket of this host whose segments all bear such options: its peer's do so as well, and are
/// taken in. Linux answers with the IP options of the SYN (tcp_v4_save_options()).
static __always_inline int all_are_doubtful(const struct fst_flow* flow, int d) {
    return fst_is_own_stack(flow, d) && (flow->state & FST_FLOW_ESTABLISHED) &&
           !(flow->direction[d].flags &
             (FST_DIRECTION_BASE | FST_DIRECTION_BASE_SYN | FST_DIRECTION_BASE_SYN_ACK));
}

/// Whether the RST is acceptable (RFC 9293, section 3.10.7.4): the receiver's stack acts on it, if
/// only by a challenge ACK. Another one changes nothing, wherever it came from: who knows addresses
/// and ports alone can send any number.
static __always_inline int is_acceptable(const struct scratch* scratch, const struct fst_flow* flow,
                                         int d) {
    const struct fst_packet* packet = &scratch->packet;
    const struct fst_direction *own = &flow->direction[d], *other = &flow->direction[d ^ 1];

    if ((packet->flags & FST_PACKET_FIRST_FRAGMENT) || is_thrown_away_here(flow, packet, d))
        return 0;
    if (fst_lacks_signature(flow, packet, d))
        return 0;
    // Nor may the challenge that is made of it reach the stack, with the options that it bears.
    if (fst_is_doubtful(packet) && (own->flags & FST_DIRECTION_BASE) &&
        !all_are_doubtful(flow, d ^ 1))
        return 0;
    if (!(other->flags & FST_DIRECTION_ACKED))  // it has told no window yet
        return ((packet->tcp_flags & FST_TCP_ACK) && (other->flags & FST_DIRECTION_SEEN) &&
                fst_acks_syn(flow, packet->ack, d ^ 1)) ||
               ((own->flags & FST_DIRECTION_SEEN) && packet->seq == own->seq_edge);
    return (scratch->judgement.context & FST_CONTEXT_IN_WINDOW) ||
           ((scratch->judgement.context & FST_CONTEXT_TO_SYN) &&
            !(flow->state & FST_FLOW_ESTABLISHED));
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

/// What the flow remembers of an acceptable RST, once it is known what becomes of it.
static __always_inline void remember(struct scratch* scratch, struct fst_flow* flow, int d) {
    const struct fst_packet* packet = &scratch->packet;
    struct fst_judgement* judgement = &scratch->judgement;
    const int dropped = judgement->action == FST_ACTION_DROPPED;
    const int challenged = judgement->action == FST_ACTION_CHALLENGED;
    __u8 kept = kept_refuted(flow, packet, d);
    __u8 challenges = flow->challenges[d] & 0x0f, drops = flow->challenges[d] >> 4;

    if (begins_burst(flow, packet, judgement, d)) {
        flow->rst_us[d] = time_us(packet->time_ns);
        flow->liveness_ack[d] = flow->direction[d ^ 1].seq_edge;
        if (!is_below_ack(flow, packet, d))
            advance_clock(&flow->direction[d], packet, judgement, kept);
        flow->after_rst[d] &= FST_OF_END;
        flow->wscale[d] = (flow->wscale[d] & ~FST_RST_INEXACT) |
                          (is_inexact(flow, judgement, d) ? FST_RST_INEXACT : 0);
        flow->reset_flags[d] = kept;
        // One that is not exact is answered by an ACK in any case (RFC 5961): it uses up nothing.
        challenges += challenged && (judgement->context & FST_CONTEXT_EXACT);
        drops += dropped;
    } else if (challenged && is_new_challenge(flow, packet, judgement, d)) {
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
    } else if (challenged) {
        if (is_early_answer(flow, packet, judgement, d) &&
            (flow->after_rst[d] & FST_AFTER_RST_EARLY) != FST_AFTER_RST_EARLY)
            flow->after_rst[d] += FST_AFTER_RST_EARLY_ONE;
        // A dead peer answers each of our ACKs once, and in its time. What its own answers need (is_upheld()) is not taken
        // away: from nearer it takes all FST_CHALLENGES_MAX.
        if (challenges > ANSWERS_HEARD && (judgement->signals & FST_SIGNAL_BIT(FST_SIGNAL_NEARER)))
            challenges--;
    }
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
    flow->challenges[d] = challenges | drops << 4;
    judgement->challenges = challenges;
    // A client in SYN-SENT resets what does not acknowledge its SYN, and goes on (RFC 9293, section
    // 3.10.7.3): its later packets refute nothing.
    if (!(flow->state & FST_OF(FST_FLOW_SYN, d)) || (flow->state & FST_OF(FST_FLOW_SYN_ACK, d ^ 1)))
        state_set(flow, FST_OF(FST_FLOW_AFTER_RST, d));
    if ((challenged || dropped) && !(flow->reset_flags[d] & FST_RESET_EGRESS))
        state_set(flow, FST_OF(FST_FLOW_AWAITS_EGRESS, d));
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

/// Whether it was to be dropped or challenged, and passed. A genuine one of a closed flow, as after one
/// that its sender upheld, has nothing left to end.
static __always_inline int is_passed_doubted(const struct fst_judgement* judgement) {
    return judgement->pass_reason > FST_PASS_NOT_ACTING &&
           judgement->pass_reason != FST_PASS_ANSWER &&
           (judgement->pass_reason != FST_PASS_CLOSED || judgement->verdict != FST_VERDICT_GENUINE);
}

static __always_inline void count_verdict(const struct fst_judgement* judgement) {
    count(FST_COUNT_RST);
    if (judgement->verdict != FST_VERDICT_GENUINE)
        count(FST_COUNT_RST_SUSPECTED + (judgement->verdict == FST_VERDICT_CONFIRMED));
    if (judgement->action == FST_ACTION_DROPPED)
        count(FST_COUNT_DROPPED);
    if (judgement->action == FST_ACTION_CHALLENGED)
        count(FST_COUNT_CHALLENGED);
    if (judgement->challenge == FST_CHALLENGE_UPHELD)
        count(FST_COUNT_UPHELD);
    if (is_passed_doubted(judgement))
        count(FST_COUNT_PASS_SUSPECT);
}

/// Everything about a RST but the rewriting, which needs the packet itself. Returns enum plan.
noinline int reset_plan(__u32 slot) {
    struct scratch* scratch = scratch_get();
    struct fst_flow* flow = flow_get(slot);
    enum plan plan;
    int d;

    if (!scratch || !flow)
        return PLAN_PASS;
    d = scratch->packet.direction & 1;
    if (scratch->packet.flags & FST_PACKET_NEW_FLOW)
        state_set(flow, FST_FLOW_MIDWAY);
    judge(slot);
    plan = make_plan(flow, &scratch->packet, &scratch->judgement, d, !!scratch->socket_open);
    if (plan == PLAN_CHALLENGE || plan == PLAN_HOLD)
        scratch->judgement.challenge = FST_CHALLENGE_ASKED;
    if (plan == PLAN_CHALLENGE) {
        if (is_held(flow, &scratch->packet, &scratch->judgement, d))
            return PLAN_HOLD;
        challenge_form(&scratch->challenge, flow, &scratch->packet, d);
    }
    return plan;
}

/// Notes what the kernel says of a RST that leaves: it came in by no interface, and whether a socket
/// sent it. No verdict here depends on it, and nothing that leaves is acted on: user space judges by it.
static __always_inline void note_origin(void* ctx, enum fst_hook hook, struct scratch* scratch) {
    if (hook != FST_HOOK_TC_EGRESS || ctx_came_in_by(ctx, hook) || is_in_tunnel())
        return;
    scratch->judgement.context |= FST_CONTEXT_NEVER_CAME_IN;
    if (scratch->from_socket)
        scratch->judgement.context |= FST_CONTEXT_FROM_SOCKET;
}

/// What was decided and done, into the flow and to user space.
noinline int reset_settle(__u32 slot, __u32 held) {
    struct scratch* scratch = scratch_get();
    struct fst_flow* flow = flow_get(slot);
    int d, acceptable;

    if (!scratch || !flow)
        return 0;
    d = scratch->packet.direction & 1;
    acceptable = is_acceptable(scratch, flow, d);
    if (acceptable) {
        remember_place(slot, held);
        remember(scratch, flow, d);
    }
    count_verdict(&scratch->judgement);
    emit_flow(scratch, flow, slot, FST_EVENT_RST);
    // What no stack takes in is no word of its sender's: its flow has rested all the same.
    if (!acceptable && !(scratch->packet.flags & FST_PACKET_NEW_FLOW)) {
        count(FST_COUNT_REFUSED);
        return 0;
    }
    flow->seen_coarse = coarse_of(&scratch->packet);
    // One that is held asks nothing, and is no packet that any stack saw.
    if (held)
        return 0;
    version_begin(&flow->direction[d]);
    stamp(&flow->direction[d], segment_in_memory(&scratch->packet),
          time_us(scratch->packet.time_ns));
    version_end(&flow->direction[d]);
    return 0;
}

/// A RST. True: the packet is to be dropped.
static __always_inline int handle_reset(void* ctx, enum fst_hook hook, struct scratch* scratch,
                                        __u32 slot) {
    int plan, drop = 0;

    plan = reset_plan(slot);
    note_origin(ctx, hook, scratch);
    if (acting && plan == PLAN_CHALLENGE) {
        if (send_challenge(ctx, hook, scratch)) {
            scratch->judgement.challenge = FST_CHALLENGE_NONE;
            scratch->judgement.pass_reason = FST_PASS_REWRITE;
            count(FST_COUNT_ACT_FAILED);
        } else {
            scratch->judgement.action = FST_ACTION_CHALLENGED;
        }
    } else if (acting && plan == PLAN_HOLD) {
        scratch->judgement.action = FST_ACTION_CHALLENGED;
        drop = 1;
    } else if (acting && plan == PLAN_DROP) {
        scratch->judgement.action = FST_ACTION_DROPPED;
        drop = 1;
    }
    reset_settle(slot, plan == PLAN_HOLD);
    return acting && drop;
}

#endif
