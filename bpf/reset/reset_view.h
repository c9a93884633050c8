// SPDX-License-Identifier: GPL-2.0-only
// A RST beside its flow, as all rules about it see it.
#ifndef FLOWSTAMP_BPF_RESET_RESET_VIEW_H
#define FLOWSTAMP_BPF_RESET_RESET_VIEW_H

#include "bpf/flow/learn.h"
#include "bpf/maps.h"
#include "flowstamp/reset_rules.h"

/// A RST and its flow. Each group of rules is a global function that takes this view anew and adds
/// to the judgement in map memory: so the verifier meets each group once, by itself.
struct reset_view {
    const struct fst_packet* packet;
    const struct fst_flow* flow;
    const struct fst_direction* own;    ///< of the RST's alleged sender
    const struct fst_direction* other;  ///< of its receiver
    struct fst_judgement* judgement;
    __u32 now_us;
    __u8 d;
};

/// False where map memory cannot be had.
static __always_inline int reset_view(struct reset_view* view, __u32 slot) {
    struct scratch* scratch = scratch_get();
    struct fst_flow* flow = flow_get(slot);

    if (!scratch || !flow)
        return 0;
    view->packet = &scratch->packet;
    view->judgement = &scratch->judgement;
    view->flow = flow;
    view->d = scratch->packet.direction & 1;
    view->own = &flow->direction[view->d];
    view->other = &flow->direction[view->d ^ 1];
    view->now_us = time_us(scratch->packet.time_ns);
    return 1;
}

static __always_inline void add(const struct reset_view* view, int condition,
                                enum fst_signal signal) {
    if (condition)
        view->judgement->signals |= FST_SIGNAL_BIT(signal);
}

static __always_inline void set(const struct reset_view* view, int condition,
                                enum fst_context context) {
    if (condition)
        view->judgement->context |= context;
}

/// Whether one of the side's latest packets had this IP-ID. Those with a flag of `but` do not
/// count.
static __always_inline int in_ring(const struct fst_direction* direction, __u16 id, __u8 but) {
    int found = 0;

    UNROLL
    for (int i = 0; i < FST_RING_STAMPS; i++)
        found |= direction->ring[i].ttl && direction->ring[i].ip_id == id &&
                 !(direction->ring[i].tcp_flags & but);
    return found;
}

/// The same of direction `d` of the flow in `slot`. A global function: what it finds is an unknown
/// number to the verifier, which else would follow each place of the ring for each caller.
noinline int ring_has_id(__u32 slot, __u32 d, __u32 id, __u32 but) {
    const struct fst_flow* flow = flow_get(slot);

    return flow ? in_ring(&flow->direction[d & 1], (__u16)id, (__u8)but) : 0;
}

#endif
