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
    flow->seen_coarse = (__u32)(packet->time_ns >> COARSE_SHIFT);
}

/// Searches both buckets, the home one first; if the flow is in neither and `create` is set, claims
/// a slot. Returns the slot or SLOT_NONE. A global function, so that the verifier checks it once.
noinline __u32 flow_find_or_claim(__u64 hash, __u32 create) {
    const __u32 home = home_bucket(hash), second = second_bucket(hash);
    struct fst_bucket *first = bucket_get(home), *other = bucket_get(second);
    struct scratch* scratch = scratch_get();
    __u64 tag = tag_of(hash), victim, old;
    struct fst_flow* flow;
    __u32 now_coarse, slot;

    if (!first || !other || !scratch)
        return SLOT_NONE;
    for (__u32 way = 0; way < FST_BUCKET_WAYS; way++) {
        if (first->way[way].tag == tag && key_equal(&first->way[way].key, &scratch->packet.key))
            return home * FST_BUCKET_WAYS + way;
    }
    for (__u32 way = 0; way < FST_BUCKET_WAYS; way++) {
        if (other->way[way].tag == tag && key_equal(&other->way[way].key, &scratch->packet.key))
            return second * FST_BUCKET_WAYS + way;
    }
    if (!create)
        return SLOT_NONE;

    // The home bucket, unless all its slots are in use and the second has a better victim.
    now_coarse = (__u32)(scratch->packet.time_ns >> COARSE_SHIFT);
    victim = bucket_victim(home, home_way(hash), now_coarse);
    slot = home * FST_BUCKET_WAYS;
    if (victim >= (__u64)SLOT_HALF_OPEN << 40) {
        __u64 there = bucket_victim(second, home_way(hash), now_coarse);

        if (there < victim) {
            victim = there;
            slot = second * FST_BUCKET_WAYS;
        }
    }
    if (victim >= (__u64)may_take_below(&scratch->packet) << 40)
        goto lost;
    slot += (home_way(hash) + (__u32)victim) % FST_BUCKET_WAYS;
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

/// The packet's flow, if it is at its home way: most are, and then no other way's cache line is touched. Else
/// null. `hash`: the key's.
static __always_inline struct fst_flow* flow_at_home(const struct fst_packet* packet, __u64* hash) {
    struct fst_bucket* bucket;
    struct fst_flow* flow;

    *hash = flow_hash(&packet->key);
    bucket = bucket_get(home_bucket(*hash));
    if (!bucket)
        return 0;
    flow = &bucket->way[home_way(*hash)];
    return flow->tag == tag_of(*hash) && key_equal(&flow->key, &packet->key) ? flow : 0;
}

static __always_inline struct fst_flow* flow_in(__u32 slot) {
    return slot == SLOT_NONE ? 0 : flow_get(slot);
}

/// The flow of the packet in scratch, or a new one; null if there is no room. `at_home`: what flow_at_home() has
/// found. The slot goes through memory, so that the verifier follows one case from here on.
static __always_inline struct fst_flow* flow_or_claim(struct scratch* scratch,
                                                      const struct fst_flow* at_home, __u64 hash,
                                                      __u32* slot) {
    scratch->slot = at_home ? home_bucket(hash) * FST_BUCKET_WAYS + home_way(hash)
                            : flow_find_or_claim(hash, 1);
    barrier();
    *slot = scratch->slot;
    return flow_in(*slot);
}

/// The flow of the packet in scratch, or null.
static __always_inline struct fst_flow* flow_find(const struct scratch* scratch, __u32* slot) {
    *slot = flow_find_or_claim(flow_hash(&scratch->packet.key), 0);
    return flow_in(*slot);
}

#endif
