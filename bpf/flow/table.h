// SPDX-License-Identifier: GPL-2.0-only
// The flow table: 4-way buckets in one array, a home bucket and a second one per flow, chosen by a
// keyed hash (who can pick ports must not be able to pick a bucket).
//
// Races, and why they do no harm:
// - Two CPUs claim one slot: compare-and-swap on the tag lets one win; the loser's packet passes
//   unstamped and is counted (FST_COUNT_FLOW_LOST).
// - Two CPUs begin the same flow (its two directions' first packets at one time) in two slots: later
//   packets all find the first one; the second holds one packet, ages and is evicted.
// - A slot is taken while another CPU still writes a packet of the old flow into it: one stamp or
//   counter of the new flow is wrong. The taken flow was closed, half-open or idle, so such a packet
//   is rare; a RST in the new flow is judged on a baseline that needs more than one packet.
// - The tag is published last (an atomic exchange, fully ordered), so nobody finds a slot whose key
//   is not yet written.
#ifndef FLOWSTAMP_BPF_FLOW_TABLE_H
#define FLOWSTAMP_BPF_FLOW_TABLE_H

#include "bpf/export/events.h"
#include "bpf/flow/key.h"

#define SLOT_NONE 0xffffffffU

/// Ages are in units of 2^30 ns, about a second.
#define COARSE_SHIFT 30
#define AGE_SETTLED 2 /* a closed flow's late packets have come by then */
#define AGE_IDLE 60
#define AGE_TAKEABLE 10 /* a live flow heard of this recently keeps its slot, whoever asks */

/// How readily a slot is given up; the lowest goes first, the oldest among equals. To what a flood
/// consists of, or is answered with, no established flow is given up, however long it has rested:
/// a SYN, SYN-ACK or RST takes what is below SLOT_IDLE. Its flow gets a slot with its next packet.
enum occupancy {
    SLOT_FREE = 0,
    SLOT_CLOSED = 1,
    SLOT_HALF_OPEN = 2,  ///< no handshake seen, or one direction only: a flood's slots are these
    SLOT_IDLE = 3,
    SLOT_LIVE = 4,
    SLOT_KEPT = 5,  ///< not to be had
};

/// Whether both ends have said FIN, or one a RST that was believed.
static __always_inline int flow_closed(__u32 state) {
    return (state & (FST_OF(FST_FLOW_RST, 0) | FST_OF(FST_FLOW_RST, 1))) ||
           (state & (FST_OF(FST_FLOW_FIN, 0) | FST_OF(FST_FLOW_FIN, 1))) ==
               (FST_OF(FST_FLOW_FIN, 0) | FST_OF(FST_FLOW_FIN, 1));
}

static __always_inline enum occupancy slot_occupancy(const struct fst_flow* flow, __u32 age) {
    if (!flow->tag)
        return SLOT_FREE;
    if (flow->tag == FST_TAG_BUSY)
        return SLOT_KEPT;
    if (flow_closed(flow->state))
        return age > AGE_SETTLED ? SLOT_CLOSED : SLOT_HALF_OPEN;
    if (!(flow->state & FST_FLOW_ESTABLISHED))
        return SLOT_HALF_OPEN;
    if (age > AGE_IDLE)
        return SLOT_IDLE;
    return age > AGE_TAKEABLE ? SLOT_LIVE : SLOT_KEPT;
}

/// How readily the slot is given up: occupancy << 40 | inverted age << 8; the least goes first. A
/// global function, as the verifier would else follow every way's every case.
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

/// The way of `bucket` that is best given up: its rank, with the way in the low byte, counted from
/// the home way.
noinline __u64 bucket_victim(__u32 bucket, __u32 home_way, __u32 now_coarse) {
    __u64 best = (__u64)SLOT_KEPT << 40;

    for (__u32 i = 0; i < FST_BUCKET_WAYS; i++) {
        __u32 way = (home_way + i) % FST_BUCKET_WAYS;
        __u64 rank = slot_rank(bucket * FST_BUCKET_WAYS + way, now_coarse) | i;

        best = rank < best ? rank : best;
    }
    return best;
}

static __always_inline enum occupancy may_take_below(__u8 tcp_flags) {
    return tcp_flags & (FST_TCP_SYN | FST_TCP_RST) ? SLOT_IDLE : SLOT_KEPT;
}

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
