// SPDX-License-Identifier: GPL-2.0-only
// The one place that knows what a hook's packet looks like: XDP's frame, tc's socket buffer, or the
// host's bytes. `hook` is a constant in every caller, so each entry keeps only its own branch.
#ifndef FLOWSTAMP_BPF_PACKET_CONTEXT_H
#define FLOWSTAMP_BPF_PACKET_CONTEXT_H

#include "bpf/maps.h"

#ifdef __bpf__

/// The linear part of the packet; it may be shorter than the packet.
static __always_inline __u8* ctx_data(void* ctx, enum fst_hook hook) {
    return hook == FST_HOOK_XDP ? (__u8*)(long)((struct xdp_md*)ctx)->data
                                : (__u8*)(long)((struct __sk_buff*)ctx)->data;
}

static __always_inline __u8* ctx_data_end(void* ctx, enum fst_hook hook) {
    return hook == FST_HOOK_XDP ? (__u8*)(long)((struct xdp_md*)ctx)->data_end
                                : (__u8*)(long)((struct __sk_buff*)ctx)->data_end;
}

static __always_inline __u32 ctx_ifindex(void* ctx, enum fst_hook hook) {
    return hook == FST_HOOK_XDP ? ((struct xdp_md*)ctx)->ingress_ifindex
                                : ((struct __sk_buff*)ctx)->ifindex;
}

/// Of a packet that leaves: the interface by which it came in, wherever that was watched; 0: by none,
/// it was made here. Tunnels lose it: of what they wrap, it is not known.
static __always_inline __u32 ctx_came_in_by(void* ctx, enum fst_hook hook) {
    return hook == FST_HOOK_TC_EGRESS ? ((struct __sk_buff*)ctx)->ingress_ifindex
                                      : ctx_ifindex(ctx, hook);
}

/// Of a packet that leaves: whether a socket of this host owns it. What is forwarded has none (Linux:
/// ip_rcv_core()), nor has what netfilter makes, nor, before Linux 6.13, a reset that IPv6 sends where there
/// is no connection.
static __always_inline int ctx_has_socket(void* ctx, enum fst_hook hook) {
    return hook == FST_HOOK_TC_EGRESS && ((struct __sk_buff*)ctx)->sk;
}

/// Length of the whole frame, bytes.
static __always_inline __u32 ctx_bytes(void* ctx, enum fst_hook hook) {
    return hook == FST_HOOK_XDP ? (__u32)bpf_xdp_get_buff_len(ctx) : ((struct __sk_buff*)ctx)->len;
}

/// Packets on the wire: GRO and TSO pass several to tc as one.
static __always_inline __u16 ctx_segments(void* ctx, enum fst_hook hook) {
    __u32 segments = hook == FST_HOOK_XDP ? 0 : ((struct __sk_buff*)ctx)->gso_segs;

    return segments ? (__u16)segments : 1;
}

/// Whether the packet is several segments in one, as a guest or a tap may say of it.
static __always_inline __u32 ctx_is_gso(void* ctx, enum fst_hook hook) {
    return hook != FST_HOOK_XDP && ((struct __sk_buff*)ctx)->gso_size;
}

/// Whether the frame begins with an Ethernet header; `frame` holds as many bytes. At tc it may not:
/// tunnels (tun, wireguard) have none, and if a foreign generic XDP program made the kernel copy
/// the packet, mac_len is lost (seen on 6.18) and tc sees the packet from its IP header on.
static __always_inline int ctx_has_mac(void* ctx, enum fst_hook hook, const __u8* frame) {
    const __u32 h_proto = ((const struct ethhdr*)frame)->h_proto;
    __u32 protocol;

    if (hook == FST_HOOK_XDP)
        return 1;
    protocol = ((struct __sk_buff*)ctx)->protocol;
    if (protocol == h_proto)
        return 1;
    return !((protocol == bpf_htons(ETH_P_IP) && frame[0] >> 4 == 4) ||
             (protocol == bpf_htons(ETH_P_IPV6) && frame[0] >> 4 == 6));
}

/// Copies `bytes` from the frame's start; 0 on success.
static __always_inline long ctx_load(void* ctx, enum fst_hook hook, void* to, __u32 bytes) {
    return hook == FST_HOOK_XDP ? bpf_xdp_load_bytes(ctx, 0, to, bytes)
                                : bpf_skb_load_bytes(ctx, 0, to, bytes);
}

/// Copies `bytes`, at least 1, from `at` on; 0 on success.
static __always_inline long ctx_load_at(void* ctx, enum fst_hook hook, __u32 at, void* to,
                                        __u32 bytes) {
    return hook == FST_HOOK_XDP ? bpf_xdp_load_bytes(ctx, at, to, bytes)
                                : bpf_skb_load_bytes(ctx, at, to, bytes);
}

/// The one's complement sum of `bytes` bytes, a multiple of 4, added to `sum`.
static __always_inline __u32 bytes_sum(const void* from, __u32 bytes, __u32 sum) {
    return (__u32)bpf_csum_diff(0, 0, (__be32*)from, bytes, sum);
}

#else

/// A frame of a capture or a test.
struct host_frame {
    __u8* data;
    __u32 bytes;  ///< captured
    __u32 room;   ///< bytes after them into which a challenge may grow
    __u32 ifindex;
    __u32 came_in_by;  ///< of what leaves: the interface by which it came in; 0: none
    int has_no_socket;
    int has_mac;
};

static __always_inline __u8* ctx_data(void* ctx, enum fst_hook hook) {
    (void)hook;
    return ((struct host_frame*)ctx)->data;
}

static __always_inline __u8* ctx_data_end(void* ctx, enum fst_hook hook) {
    (void)hook;
    return ((struct host_frame*)ctx)->data + ((struct host_frame*)ctx)->bytes;
}

static __always_inline __u32 ctx_ifindex(void* ctx, enum fst_hook hook) {
    (void)hook;
    return ((struct host_frame*)ctx)->ifindex;
}

static __always_inline __u32 ctx_came_in_by(void* ctx, enum fst_hook hook) {
    return hook == FST_HOOK_TC_EGRESS ? ((struct host_frame*)ctx)->came_in_by
                                      : ctx_ifindex(ctx, hook);
}

static __always_inline int ctx_has_socket(void* ctx, enum fst_hook hook) {
    return hook == FST_HOOK_TC_EGRESS && !((struct host_frame*)ctx)->has_no_socket;
}

static __always_inline __u32 ctx_bytes(void* ctx, enum fst_hook hook) {
    (void)hook;
    return ((struct host_frame*)ctx)->bytes;
}

static __always_inline __u16 ctx_segments(void* ctx, enum fst_hook hook) {
    (void)ctx;
    (void)hook;
    return 1;
}

static __always_inline __u32 ctx_is_gso(void* ctx, enum fst_hook hook) {
    (void)ctx;
    (void)hook;
    return 0;
}

static __always_inline int ctx_has_mac(void* ctx, enum fst_hook hook, const __u8* frame) {
    (void)hook;
    (void)frame;
    return ((struct host_frame*)ctx)->has_mac;
}

static __always_inline long ctx_load(void* ctx, enum fst_hook hook, void* to, __u32 bytes) {
    (void)hook;
    memcpy(to, ((struct host_frame*)ctx)->data, bytes);
    return 0;
}

static __always_inline long ctx_load_at(void* ctx, enum fst_hook hook, __u32 at, void* to,
                                        __u32 bytes) {
    const struct host_frame* frame = ctx;

    (void)hook;
    if (at + bytes > frame->bytes)
        return -1;
    memcpy(to, frame->data + at, bytes);
    return 0;
}

static __always_inline __u32 bytes_sum(const void* from, __u32 bytes, __u32 sum) {
    __u64 total = sum;

    for (__u32 i = 0; i < bytes; i += 4) {
        __u32 word;

        memcpy(&word, (const __u8*)from + i, 4);
        total += word;
    }
    total = (total & 0xffffffff) + (total >> 32);
    return (__u32)((total & 0xffffffff) + (total >> 32));
}

#endif
#endif
