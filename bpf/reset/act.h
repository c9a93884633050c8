// SPDX-License-Identifier: GPL-2.0-only
// What is done about a RST: planned, carried out, settled.
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
#include "bpf/reset/remember.h"
#include "flowstamp/acceptance_rules.h"
#include "flowstamp/reset_rules.h"

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
