// SPDX-License-Identifier: GPL-2.0-only
// The verdict on a RST at the moment it arrives, and its cause.
#ifndef FLOWSTAMP_BPF_RESET_JUDGE_H
#define FLOWSTAMP_BPF_RESET_JUDGE_H

#include "bpf/reset/context.h"
#include "bpf/reset/learned.h"
#include "bpf/reset/reset_view.h"
#include "bpf/reset/signals.h"

/// Balancers' resets for connections they no longer know (NetScaler).
#define WINDOW_AGED_1 8201
#define WINDOW_AGED_2 9300

static __always_inline enum fst_cause genuine_cause(const struct reset_view* view, __u64 signals,
                                                    __u32 context) {
    const int stateless = !!(context & FST_CONTEXT_STATELESS);
    const __u32 state = view->flow->state;
    const __u16 window = view->packet->window;

    if (context & FST_CONTEXT_TO_SYN)
        return FST_CAUSE_CLOSED_PORT;
    if (window == WINDOW_AGED_1 || window == WINDOW_AGED_2)
        return FST_CAUSE_AGED_STATE;
    if (signals & FST_SIGNALS_CORROBORATE_GENUINE)
        return FST_CAUSE_ABORT;
    // A kernel answers with its default TTL for a connection that it does not know: another base at
    // the peer's distance is its own.
    // Of two RSTs from different distances it is the other that came from nearer or farther.
    if ((signals & FST_MASK_PATH) & ~FST_SIGNAL_BIT(FST_SIGNAL_TWO_PATHS) &
        ~(stateless ? FST_SIGNAL_BIT(FST_SIGNAL_TTL_BASE) : 0))
        return FST_CAUSE_EDGE;
    if (context & FST_CONTEXT_AFTER_OWN_RST)
        return FST_CAUSE_OWN_RST;
    if (context & FST_CONTEXT_FLOW_IDLE)
        return FST_CAUSE_IDLE_TIMEOUT;
    if (fst_both_fins(state))
        return FST_CAUSE_CLOSED;
    if (stateless)
        return FST_CAUSE_STATELESS;
    return (view->packet->tcp_flags & FST_TCP_ACK) ? FST_CAUSE_ABORT : FST_CAUSE_UNKNOWN;
}

/// Verdict and cause from what the rules have gathered.
noinline int judge_conclude(__u32 slot) {
    struct fst_judgement* judgement;
    struct reset_view view;

    if (!reset_view(&view, slot))
        return 0;
    judgement = view.judgement;
    judgement->verdict = fst_conclude(judgement->signals, judgement->context);
    judgement->cause = judgement->verdict == FST_VERDICT_GENUINE
                           ? genuine_cause(&view, judgement->signals, judgement->context)
                           : FST_CAUSE_FORGED;
    return 0;
}

/// Fills scratch.judgement for the RST in scratch.packet. Nothing else is changed yet.
static __always_inline void judge(__u32 slot) {
    if (!judge_context(slot)) {
        judge_path(slot);
        judge_two_paths(slot);
        judge_id(slot);
        judge_header(slot);
        judge_time(slot);
        judge_learned(slot);
        judge_conclusive(slot);
    }
    judge_conclude(slot);
}

#endif
