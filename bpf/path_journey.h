// SPDX-License-Identifier: GPL-2.0-only
// Which packet this is: a buffer's address, and the time at which its journey began. A buffer is
// used again, often without its free being seen (the stack frees what it delivered without a word),
// so a journey goes on only where the packet is the same and stands farther on its way.
#ifndef FLOWSTAMP_BPF_PATH_JOURNEY_H
#define FLOWSTAMP_BPF_PATH_JOURNEY_H

#include "bpf/path_buffer.h"

/// Every network namespace numbers `lo` so.
#define LOOPBACK_IFINDEX 1

/// Where a packet is met: a station as its constant tells, and the interfaces there.
struct path_position {
    __u32 station;
    __u32 place;  ///< enum fs_path_place
    __s32 priority;
    __u32 ifindex_in;
    __u32 ifindex_out;
};

static __always_inline struct journey* journey_of(const struct sk_buff* skb) {
    const __u64 key = (__u64)skb;

    return bpf_map_lookup_elem(&path_journeys, &key);
}

static __always_inline __u32 journey_bit(const struct sk_buff* skb) {
    __u64 distance = (__u64)skb;

    // Of a pointer to a buffer the verifier allows no other arithmetic than to subtract a pointer,
    // which makes it a number. All programs subtract the same one.
    __asm__ volatile("%0 -= %1" : "+r"(distance) : "r"(journey_bits));
    return distance * 0x9e3779b97f4a7c15ULL >> (64 - JOURNEY_BITS_LOG2);
}

/// 0: no journey of this buffer is open. A buffer goes from one CPU to another through a queue, whose
/// lock orders its bit before it.
static __always_inline int journey_may_be_open(const struct sk_buff* skb) {
    const __u32 bit = journey_bit(skb);

    return journey_bits[bit / 64] >> (bit % 64) & 1;
}

static __always_inline void journey_end(const struct sk_buff* skb) {
    const __u64 key = (__u64)skb;

    bpf_map_delete_elem(&path_journeys, &key);
}

static __always_inline __u32 path_tc_ifindex(const struct path_position* at) {
    return at->place == FS_PLACE_TC_INGRESS  ? at->ifindex_in
           : at->place == FS_PLACE_TC_EGRESS ? at->ifindex_out
                                             : 0;
}

/// Whether a packet that was last met there can be met here without having been lost, or sent
/// again, in between. At tc it passes stacked interfaces (VLAN, bridge, bond) one after the other;
/// over loopback it leaves and comes in again.
static __always_inline int journey_leads_to(const struct journey* journey,
                                            const struct path_position* at) {
    const __u32 tc_ifindex = path_tc_ifindex(at);

    if (at->place == journey->place)
        return tc_ifindex ? tc_ifindex != journey->ifindex : at->priority > journey->priority;
    if (at->place <= FS_PLACE_PREROUTING && journey->place >= FS_PLACE_POSTROUTING)
        return at->ifindex_in == LOOPBACK_IFINDEX;
    if (at->place == FS_PLACE_OUTPUT)
        return 0;  // made here, just now
    if (at->place == FS_PLACE_FORWARD && journey->place == FS_PLACE_INPUT)
        return 0;
    return at->place > journey->place;
}

static __always_inline int journey_goes_on(const struct journey* journey,
                                           const struct path_packet* packet,
                                           const struct path_position* at) {
    return journey->digest == packet->digest && journey_leads_to(journey, at);
}

static __always_inline void journey_moves(struct journey* journey, const struct path_position* at) {
    const __u32 tc_ifindex = path_tc_ifindex(at);

    journey->station = at->station;
    journey->place = at->place;
    journey->priority = at->priority;
    if (tc_ifindex)
        journey->ifindex = tc_ifindex;
}

static __always_inline void journey_begin(const struct sk_buff* skb,
                                          const struct path_packet* packet,
                                          const struct path_position* at, __u64 now) {
    struct journey journey = {.began_ns = now, .digest = packet->digest};
    const __u64 key = (__u64)skb;
    const __u32 bit = journey_bit(skb);

    journey_moves(&journey, at);
    if (!journey_may_be_open(skb))
        __sync_fetch_and_or(&journey_bits[bit / 64], 1ULL << (bit % 64));
    path_count(FS_PATH_COUNT_JOURNEY);
    if (bpf_map_update_elem(&path_journeys, &key, &journey, BPF_ANY))
        path_count(FS_PATH_COUNT_UNTRACKED);
}

#endif
