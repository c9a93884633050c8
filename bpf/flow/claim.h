// SPDX-License-Identifier: GPL-2.0-only
// Finds a packet's flow, or claims a slot for a new one and reports the flow that is evicted from
// it. table.h explains the races.
#ifndef FLOWSTAMP_BPF_FLOW_CLAIM_H
#define FLOWSTAMP_BPF_FLOW_CLAIM_H

#include "bpf/export/events.h"
#include "bpf/flow/table.h"
#include "bpf/maps.h"

/// Only established flows are reported: in a SYN flood, half-open ones would fill the ring.
static __always_inline void report_evicted(struct scratch* scratch, const struct fst_flow* flow,
                                           __u32 slot, enum occupancy occupancy) {
    if (occupancy == SLOT_FREE)
        return;
    count(occupancy < SLOT_OUTSIDE ? FST_COUNT_EVICT_CLOSED + occupancy - SLOT_CLOSED
          : occupancy == SLOT_LIVE ? FST_COUNT_EVICT_LIVE
                                   : FST_COUNT_EVICT_IDLE);
    if (!(flow->state & FST_FLOW_ESTABLISHED))
        return;
    judgement_clear(scratch);
    emit_flow(scratch, flow, slot, occupancy == SLOT_CLOSED ? FST_EVENT_ENDED : FST_EVENT_EVICTED);
}

/// Clears the slot and writes the packet's key. Only the generation continues, increased by one.
static __always_inline void flow_begin(struct fst_flow* flow, const struct fst_packet* packet) {
    __u32 generation = flow->generation + 1;

    __builtin_memset(&flow->key, 0, sizeof(*flow) - FST_OFFSETOF(struct fst_flow, key));
    flow->key = packet->key;
    flow->generation = generation;
    flow->seen_coarse = coarse_of(packet);
}

/// Where the flow of the key in scratch stands, or SLOT_NONE. `hash`: the key's. A global function, as is
/// flow_claim(), so that the verifier checks it once.
noinline __u32 flow_search(__u64 hash) {
    const struct scratch* scratch = scratch_get();
    const __u64 tag = tag_of(hash);

    if (!scratch)
        return SLOT_NONE;
    for (__u32 r = 0; r < FST_RUNS; r++, hash = next_hash(hash)) {
        for (__u32 i = 0; i < FST_RUN_SLOTS; i++) {
            const __u32 slot = slot_in_run(run_of(hash), i);
            const struct fst_flow* flow = flow_get(slot);

            if (!flow || !flow->tag)
                return SLOT_NONE;
            if (flow->tag == tag && key_equal(&flow->key, &scratch->packet.key))
                return slot;
        }
    }
    return SLOT_NONE;
}

/// Claims a slot for the packet in scratch, whose flow stands nowhere: the slot, or SLOT_NONE if there is no room.
noinline __u32 flow_claim(__u64 hash) {
    struct scratch* scratch = scratch_get();
    const __u64 tag = tag_of(hash);
    struct fst_flow* flow;
    __u32 now_coarse, slot;
    __u64 victim, old;

    if (!scratch)
        return SLOT_NONE;
    now_coarse = coarse_of(&scratch->packet);
    slot = run_of(hash);
    victim = run_victim(slot, now_coarse);
    // Another run if all slots of those before it are in use, and it has a better victim.
    for (__u32 r = 1; r < FST_RUNS && victim >= (__u64)SLOT_HALF_OPEN << 40; r++) {
        __u64 there;

        hash = next_hash(hash);
        there = run_victim(run_of(hash), now_coarse);
        if (there < victim) {
            victim = there;
            slot = run_of(hash);
        }
    }
    if (victim >= (__u64)may_take_below(scratch) << 40)
        goto lost;
    slot = slot_in_run(slot, (__u8)victim);
    flow = flow_get(slot);
    if (!flow)
        goto lost;
    old = flow->tag;
    if (old == FST_TAG_BUSY || __sync_val_compare_and_swap(&flow->tag, old, FST_TAG_BUSY) != old)
        goto lost;
    report_evicted(scratch, flow, slot, (enum occupancy)(victim >> 40));
    flow_begin(flow, &scratch->packet);
    __sync_lock_test_and_set(&flow->tag, tag);
    scratch->packet.flags |= FST_PACKET_NEW_FLOW;
    count(FST_COUNT_FLOW_NEW);
    return slot;
lost:
    count(FST_COUNT_FLOW_LOST);
    return SLOT_NONE;
}

static __always_inline struct fst_flow* flow_in(__u32 slot) {
    return slot == SLOT_NONE ? 0 : flow_get(slot);
}

/// The packet's flow and its slot; null and SLOT_NONE if there is none. Most are at their first slot, and then no
/// other slot's cache line is touched. `packet`: not yet in scratch; only its key is put there. `hash`: the key's.
static __always_inline struct fst_flow* flow_look_up(const struct fst_packet* packet, __u64 hash,
                                                     __u32* slot) {
    struct scratch* scratch;
    struct fst_flow* flow;

    *slot = run_of(hash);
    flow = flow_get(*slot);
    if (flow && flow->tag == tag_of(hash) && key_equal(&flow->key, &packet->key))
        return flow;
    *slot = SLOT_NONE;
    scratch = scratch_get();
    if (!scratch)
        return 0;
    scratch->packet.key = packet->key;
    *slot = flow_search(hash);
    return flow_in(*slot);
}

/// The flow of the packet in scratch, or a new one; null if there is no room. `found`: the slot that
/// flow_look_up() or flow_search() has found. The slot goes through memory, so that the verifier follows one case from
/// here on.
static __always_inline struct fst_flow* flow_or_claim(struct scratch* scratch, __u32 found,
                                                      __u64 hash, __u32* slot) {
    scratch->slot = found == SLOT_NONE ? flow_claim(hash) : found;
    barrier();
    *slot = scratch->slot;
    return flow_in(*slot);
}

/// The flow of the packet in scratch, or null.
static __always_inline struct fst_flow* flow_find(const struct scratch* scratch, __u32* slot) {
    *slot = flow_search(flow_hash(&scratch->packet.key));
    return flow_in(*slot);
}

#endif
