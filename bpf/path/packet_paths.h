// SPDX-License-Identifier: GPL-2.0-only
// Which packet this is: a buffer's address, and the time at which its journey began. A buffer is
// used again, often without its free being seen (the stack frees what it delivered without a word),
// so a journey goes on only where the packet is the same and stands farther on its way.
#ifndef FLOWSTAMP_BPF_PATH_PACKET_PATHS_H
#define FLOWSTAMP_BPF_PATH_PACKET_PATHS_H

#include "bpf/path/buffer.h"

/// Every network namespace numbers `lo` so.
#define LOOPBACK_IFINDEX 1

/// Where a packet is met: a station as its constant tells, and the interfaces there.
struct path_position {
    __u32 station;
    __u32 place;  ///< enum fst_path_place
    __s32 priority;
    __u32 ifindex_in;
    __u32 ifindex_out;
};

static __always_inline struct packet_path* packet_path_of(const struct sk_buff* skb) {
    const __u64 key = (__u64)skb;

    return bpf_map_lookup_elem(&packet_paths, &key);
}

static __always_inline __u32 packet_path_bit(const struct sk_buff* skb) {
    __u64 distance = (__u64)skb;

    // Of a pointer to a buffer the verifier allows no other arithmetic than to subtract a pointer,
    // which makes it a number. All programs subtract the same one.
    __asm__ volatile("%0 -= %1" : "+r"(distance) : "r"(packet_path_bits));
    return distance * 0x9e3779b97f4a7c15ULL >> (64 - PACKET_PATH_BITS_LOG2);
}

/// 0: no journey of this buffer is open. A buffer goes from one CPU to another through a queue, whose
/// lock orders its bit before it.
static __always_inline int packet_path_may_be_open(const struct sk_buff* skb) {
    const __u32 bit = packet_path_bit(skb);

    return packet_path_bits[bit / 64] >> (bit % 64) & 1;
}

static __always_inline void packet_path_end(const struct sk_buff* skb) {
    const __u64 key = (__u64)skb;

    bpf_map_delete_elem(&packet_paths, &key);
}

static __always_inline __u32 path_tc_ifindex(const struct path_position* at) {
    return at->place == FST_PLACE_TC_INGRESS  ? at->ifindex_in
           : at->place == FST_PLACE_TC_EGRESS ? at->ifindex_out
                                             : 0;
}

/// Whether a packet that was last met there can be met here without having been lost, or sent
/// again, in between. At tc it passes stacked interfaces (VLAN, bridge, bond) one after the other;
/// over loopback it leaves and comes in again.
static __always_inline int packet_path_leads_to(const struct packet_path* packet_path,
                                            const struct path_position* at) {
    const __u32 tc_ifindex = path_tc_ifindex(at);

    if (at->place == packet_path->place)
        return tc_ifindex ? tc_ifindex != packet_path->ifindex : at->priority > packet_path->priority;
    if (at->place <= FST_PLACE_PREROUTING && packet_path->place >= FST_PLACE_POSTROUTING)
        return at->ifindex_in == LOOPBACK_IFINDEX;
    if (at->place == FST_PLACE_OUTPUT)
        return 0;  // made here, just now
    if (at->place == FST_PLACE_FORWARD && packet_path->place == FST_PLACE_INPUT)
        return 0;
    return at->place > packet_path->place;
}

static __always_inline int packet_path_goes_on(const struct packet_path* packet_path,
                                           const struct path_packet* packet,
                                           const struct path_position* at) {
    return packet_path->digest == packet->digest && packet_path_leads_to(packet_path, at);
}

static __always_inline void packet_path_moves(struct packet_path* packet_path, const struct path_position* at) {
    const __u32 tc_ifindex = path_tc_ifindex(at);

    packet_path->station = at->station;
    packet_path->place = at->place;
    packet_path->priority = at->priority;
    if (tc_ifindex)
        packet_path->ifindex = tc_ifindex;
}

static __always_inline void packet_path_begin(const struct sk_buff* skb,
                                          const struct path_packet* packet,
                                          const struct path_position* at, __u64 now) {
    struct packet_path packet_path = {.began_ns = now, .digest = packet->digest};
    const __u64 key = (__u64)skb;
    const __u32 bit = packet_path_bit(skb);

    packet_path_moves(&packet_path, at);
    if (!packet_path_may_be_open(skb))
        __sync_fetch_and_or(&packet_path_bits[bit / 64], 1ULL << (bit % 64));
    path_count(FST_PATH_COUNT_PACKET_PATH);
    if (bpf_map_update_elem(&packet_paths, &key, &packet_path, BPF_ANY))
        path_count(FST_PATH_COUNT_UNTRACKED);
}

#endif
