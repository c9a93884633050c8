// SPDX-License-Identifier: GPL-2.0-only
// Identifies a packet by its buffer's address and the time at which its path began. A buffer is
// reused, often without a visible free (the stack frees delivered packets silently), so a path
// continues only if the packet is the same and has moved on.
#ifndef FLOWSTAMP_BPF_PATH_PACKET_PATHS_H
#define FLOWSTAMP_BPF_PATH_PACKET_PATHS_H

#include "bpf/path/bridge.h"
#include "bpf/path/buffer.h"

/// The index of `lo` in every network namespace.
#define LOOPBACK_IFINDEX 1

/// Where a packet is seen: the station's constants, and the interfaces there.
struct path_position {
    __u32 station;
    __u32 place;  ///< enum fst_path_place
    __s32 priority;
    __u32 ifindex_in;
    __u32 ifindex_out;
    __u32 netns;            ///< inode of the network namespace
    struct path_peer peer;  ///< of the interface that it leaves by, from POSTROUTING on
    struct path_bridge_ports bridge;
};

static __always_inline struct packet_path* packet_path_of(const struct sk_buff* skb) {
    const __u64 key = (__u64)skb;

    return bpf_map_lookup_elem(&packet_paths, &key);
}

static __always_inline __u32 packet_path_bit(const struct sk_buff* skb) {
    __u64 distance = (__u64)skb;

    // The only arithmetic that the verifier allows on a pointer to a buffer is to subtract a
    // pointer, which makes it a number. All programs subtract the same one.
    __asm__ volatile("%0 -= %1" : "+r"(distance) : "r"(packet_path_bits));
    return distance * 0x9e3779b97f4a7c15ULL >> (64 - PACKET_PATH_BITS_LOG2);
}

/// 0: this buffer has no open path. A buffer moves between CPUs through a queue, whose lock orders
/// the bit before it.
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

/// Whether it can have come in here after it was last seen leaving there, both in this namespace: over
/// loopback, or by a veth whose other end it left by. A bridge that calls IP's hooks hides that
/// interface, but knows it.
static __always_inline int packet_path_comes_back(const struct packet_path* path,
                                                  const struct path_position* at) {
    return at->ifindex_in == LOOPBACK_IFINDEX ||
           (path->peer.netns == at->netns &&
            path->peer.ifindex == (at->bridge.in ? at->bridge.in : at->ifindex_in));
}

/// The same for another namespace than the one it was last seen in: a packet comes in there when it
/// has left by a veth, or without passing IP here (by a bridge, or a macvlan of this interface), or
/// leaves by an interface there on which one here is based.
static __always_inline int packet_path_crosses(const struct packet_path* path,
                                               const struct path_position* at) {
    const int has_left = path->place >= FST_PLACE_POSTROUTING;

    if (at->place == FST_PLACE_TC_EGRESS)
        return has_left && !path->peer.ifindex;
    if (at->place > FST_PLACE_PREROUTING)
        return 0;
    return has_left ? !path->peer.ifindex || path->peer.netns == at->netns
                    : path->place == FST_PLACE_TC_INGRESS;
}

/// Whether a packet last seen there can be seen here without having been lost, or sent again, in
/// between. At tc it passes stacked interfaces (VLAN, bridge, bond) one after the other; over
/// loopback it leaves and comes in again. A bridge that calls IP's hooks has them pass PREROUTING
/// before the bridge itself is the interface that it comes in by; the IP layer then leaves that out.
static __always_inline int packet_path_leads_to(const struct packet_path* path,
                                                const struct path_position* at) {
    const __u32 tc_ifindex = path_tc_ifindex(at);

    if (at->netns != path->netns)
        return packet_path_crosses(path, at);
    if (at->place == path->place)
        return tc_ifindex ? tc_ifindex != path->ifindex : at->priority > path->priority;
    if (at->place <= FST_PLACE_PREROUTING && path->place >= FST_PLACE_POSTROUTING)
        return packet_path_comes_back(path, at);
    if (at->place == FST_PLACE_TC_INGRESS && path->place == FST_PLACE_PREROUTING)
        return at->bridge.in && tc_ifindex != path->ifindex;
    if (at->place == FST_PLACE_OUTPUT)
        return 0;  // created here, just now
    if (at->place == FST_PLACE_FORWARD && path->place == FST_PLACE_INPUT)
        return 0;
    return at->place > path->place;
}

static __always_inline int packet_path_goes_on(const struct packet_path* path,
                                               const struct path_packet* packet,
                                               const struct path_position* at) {
    return path->digest == packet->digest && packet_path_leads_to(path, at);
}

static __always_inline void packet_path_moves(struct packet_path* path,
                                              const struct path_position* at) {
    const __u32 tc_ifindex = path_tc_ifindex(at);

    path->station = at->station;
    path->place = at->place;
    path->priority = at->priority;
    path->netns = at->netns;
    path->peer = at->peer;
    if (tc_ifindex)
        path->ifindex = tc_ifindex;
}

static __always_inline void packet_path_begin(const struct sk_buff* skb,
                                              const struct path_packet* packet,
                                              const struct path_position* at, __u64 now) {
    struct packet_path path = {.began_ns = now, .digest = packet->digest};
    const __u64 key = (__u64)skb;
    const __u32 bit = packet_path_bit(skb);

    packet_path_moves(&path, at);
    if (!packet_path_may_be_open(skb))
        __sync_fetch_and_or(&packet_path_bits[bit / 64], 1ULL << (bit % 64));
    path_count(FST_PATH_COUNT_PACKET_PATH);
    if (bpf_map_update_elem(&packet_paths, &key, &path, BPF_ANY))
        path_count(FST_PATH_COUNT_UNTRACKED);
}

#endif
