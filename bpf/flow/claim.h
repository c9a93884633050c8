// SPDX-License-Identifier: GPL-2.0-only
// A packet's flow: found, or begun in a slot that is claimed for it; and the report of the flow that
// loses its slot. The races are argued in table.h.
#ifndef FLOWSTAMP_BPF_FLOW_CLAIM_H
#define FLOWSTAMP_BPF_FLOW_CLAIM_H

#include "bpf/export/events.h"
#include "bpf/flow/table.h"
#include "bpf/maps.h"

/// Told where it is not a mere handshake that goes: a flood would tell of nothing else.
static __always_inline void report_evicted(struct scratch* scratch, const struct fst_flow* flow,
                                           __u32 slot, enum occupancy occupancy) {
    if (occupancy == SLOT_FREE)
        return;
    count(FST_COUNT_EVICT_CLOSED + occupancy - SLOT_CLOSED);
    if (flow->state & FST_FLOW_ESTABLISHED)
        emit_flow(scratch, flow, slot,
                  occupancy == SLOT_CLOSED ? FST_EVENT_ENDED : FST_EVENT_EVICTED);
}

/// Empties a slot that is ours and writes its key; what the old flow had is gone.
static __always_inline void flow_begin(struct fst_flow* flow, const struct fst_packet* packet) {
    __u32 generation = flow->generation + 1;

    __builtin_memset(&flow->key, 0, sizeof(*flow) - FST_OFFSETOF(struct fst_flow, key));
    flow->key = packet->key;
    flow->generation = generation;
    flow->seen_coarse = (__u32)(packet->time_ns >> COARSE_SHIFT);
}

/// Looks in both buckets, beginning with the home one, and claims a slot where there is none and
/// `create` is set. Returns the slot or SLOT_NONE. A global function: verified once, by itself.
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

    // Home unless the second bucket has something readier to go and home has only what is in use.
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
    if (victim >= (__u64)may_take_below(scratch->packet.tcp_flags) << 40)
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

/// The packet's flow, or null. The home way first: most flows stand there, and its tag is the only
/// line of the bucket that is then touched.
static __always_inline struct fst_flow* flow_find(const struct fst_packet* packet, int create,
                                                  __u32* slot) {
    __u64 hash = flow_hash(&packet->key);
    __u32 way = home_way(hash);
    struct fst_bucket* bucket = bucket_get(home_bucket(hash));

    if (bucket && bucket->way[way].tag == tag_of(hash) &&
        key_equal(&bucket->way[way].key, &packet->key)) {
        *slot = home_bucket(hash) * FST_BUCKET_WAYS + way;
        return &bucket->way[way];
    }
    *slot = flow_find_or_claim(hash, (__u32)create);
    return *slot == SLOT_NONE ? 0 : flow_get(*slot);
}

#endif
