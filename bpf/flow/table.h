// SPDX-License-Identifier: GPL-2.0-only
// The flow table: one array of slots. A flow stands in one of FST_RUNS runs of FST_RUN_SLOTS neighbours,
// which begin where a keyed hash says (an attacker who chooses ports must not be able to choose a slot): in the
// first free slot of its first run, of the next one if that has none, or in place of a flow that is evicted.
//
// A slot that was ever used is not free again. So all slots in front of a flow's, in this order, are in use, and
// who looks for it need not look behind a free one.
//
// Races, and why they are harmless:
// - Two CPUs claim one slot: compare-and-swap on the tag lets one win; the loser's packet passes
//   unstamped and is counted (FST_COUNT_FLOW_LOST).
// - Two CPUs begin the same flow (first packets of both directions at the same time) in two slots:
//   later packets all find the first one; the second holds one packet, ages and is evicted.
// - A slot is taken while another CPU still writes a packet of the old flow into it: one stamp or
//   counter of the new flow is wrong. The evicted flow was closed, half-open or idle, so such a
//   packet is rare; a RST in the new flow is judged by a baseline that needs more than one packet.
// - The tag is published last (an atomic exchange, fully ordered), so nobody finds a slot whose key
//   is not yet written.
#ifndef FLOWSTAMP_BPF_FLOW_TABLE_H
#define FLOWSTAMP_BPF_FLOW_TABLE_H

#include "bpf/flow/key.h"
#include "bpf/maps.h"
#include "flowstamp/acceptance_rules.h"

#define SLOT_NONE 0xffffffffU

/// Ages are in units of 2^30 ns, about a second.
#define COARSE_SHIFT 30
static __always_inline __u32 coarse_of(const struct fst_packet* packet) {
    return (__u32)(packet->time_ns >> COARSE_SHIFT);
}

#define AGE_SETTLED 2 /* by then a closed flow's late packets have arrived */
#define AGE_IDLE 60
#define AGE_GIVEN_UP 900 /* a FIN without an ACK is sent no more (Linux: tcp_orphan_retries) */
#define AGE_TAKEABLE 10  /* a live flow with a packet this recent is never evicted */

/// Eviction order: the lowest first, among equals the oldest. Packets of a flood, and the answers
/// to them, never evict an established flow, however long idle: a SYN, SYN-ACK or RST takes only a
/// slot below SLOT_OUTSIDE, and what else comes in one below SLOT_IDLE: two made-up packets make a
/// flow. If there is none, the flow gets a slot with a packet that leaves. Whatever has a route through here
/// can make that leave: only one of a socket of this host takes any slot, another one below SLOT_LIVE.
enum occupancy {
    SLOT_FREE = 0,
    SLOT_CLOSED = 1,
    SLOT_HALF_OPEN = 2,  ///< no complete handshake, or one direction only; or closed a moment ago
    SLOT_OUTSIDE = 3,    ///< may_be_made_up(), or a mirror's
    SLOT_IDLE = 4,
    SLOT_LIVE = 5,
    SLOT_KEPT = 6,  ///< never evicted
};

/// Whether both ends have sent a FIN, or one has sent a RST that was accepted.
static __always_inline int flow_closed(__u32 state) {
    return fst_any_rst(state) || fst_both_fins(state);
}

/// Whether the flow has ended for the stacks of its ends, too: they have acknowledged the FINs. A FIN that
/// passed here may have been thrown away, or be held back.
static __always_inline int has_ended(const struct fst_flow* flow) {
    const struct fst_direction *a = &flow->direction[0], *b = &flow->direction[1];

    return fst_any_rst(flow->state) ||
           (fst_both_fins(flow->state) && a->ack_edge == b->seq_edge && b->ack_edge == a->seq_edge);
}

/// Whether anyone outside can have made up both directions of the flow: they came in by the interface, and nothing left
/// by it; or, on a router, they left by it, and nothing came in. Of what a router sends on between two interfaces, one
/// direction does each. What both does, and has no end here, passes a router with a single interface.
static __always_inline int may_be_made_up(const struct fst_flow* flow) {
    const __u32 both = FST_OF(FST_FLOW_LOCAL, 0) | FST_OF(FST_FLOW_LOCAL, 1);
    const __u32 leave = flow->state & both;

    if (leave == both)
        return !fst_is_own_stack(flow, 0) && !fst_is_own_stack(flow, 1);
    return !leave && !fst_is_sent_on(flow, 0) && !fst_is_sent_on(flow, 1);
}

static __always_inline enum occupancy slot_occupancy(const struct fst_flow* flow, __u32 age) {
    if (!flow->tag)
        return SLOT_FREE;
    if (flow->tag == FST_TAG_BUSY)
        return SLOT_KEPT;
    if (has_ended(flow) || (flow_closed(flow->state) && age > AGE_GIVEN_UP))
        return age > AGE_SETTLED ? SLOT_CLOSED : SLOT_HALF_OPEN;
    if (!(flow->state & FST_FLOW_ESTABLISHED))
        return SLOT_HALF_OPEN;
    if (may_be_made_up(flow))
        return SLOT_OUTSIDE;
    if (age > AGE_IDLE)
        return SLOT_IDLE;
    return age > AGE_TAKEABLE ? SLOT_LIVE : SLOT_KEPT;
}

/// The slot's rank in the eviction order: occupancy << 40 | inverted age << 8; the lowest goes
/// first. A global function: otherwise the verifier would follow every case of every way.
noinline __u64 slot_rank(__u32 slot, __u32 now_coarse) {
    const struct fst_flow* flow = flow_get(slot);
    enum occupancy occupancy;
    __u32 age;

    if (!flow)
        return (__u64)SLOT_KEPT << 40;
    age = now_coarse - flow->seen_coarse;
    occupancy = slot_occupancy(flow, age);
    if (occupancy == SLOT_FREE)
        return 0;
    return (__u64)occupancy << 40 | (__u64)(0xffffffffU - age) << 8;
}

/// Of the run that begins at `first`, the slot to take: its rank, with its place in the run in the low byte.
noinline __u64 run_victim(__u32 first, __u32 now_coarse) {
    __u64 best = (__u64)SLOT_KEPT << 40;

    for (__u32 i = 0; i < FST_RUN_SLOTS; i++) {
        const __u64 rank = slot_rank(slot_in_run(first, i), now_coarse);

        if (!rank)
            return i;
        best = (rank | i) < best ? rank | i : best;
    }
    return best;
}

static __always_inline enum occupancy may_take_below(const struct scratch* scratch) {
    if (scratch->packet.tcp_flags & (FST_TCP_SYN | FST_TCP_RST))
        return SLOT_OUTSIDE;
    if (scratch->packet.hook != FST_HOOK_TC_EGRESS)
        return SLOT_IDLE;
    return scratch->from_socket ? SLOT_KEPT : SLOT_LIVE;
}

#endif
