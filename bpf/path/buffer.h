// SPDX-License-Identifier: GPL-2.0-only
// Socket buffer -> its headers, wherever the buffer is met.
#ifndef FLOWSTAMP_BPF_PATH_BUFFER_H
#define FLOWSTAMP_BPF_PATH_BUFFER_H

#include "bpf/path/packet.h"

/// What calls us: it decides how bytes outside the buffer's linear part can be had.
enum path_home {
    PATH_HOME_NETFILTER,
    PATH_HOME_TC,
    PATH_HOME_TRACEPOINT,  ///< they cannot
};

/// Where to read from.
struct path_source {
    enum path_home home;
    __u32 at_data;  ///< 1: the IP header is where the data begins; nothing else says so yet
    void* ctx;      ///< of the program
    struct sk_buff* skb;
};

/// Since 6.4, as netfilter programs are.
extern int bpf_dynptr_from_skb(struct __sk_buff* skb, __u64 flags,
                               struct bpf_dynptr* pointer) __ksym __weak;

/// Fewer bytes than this in the linear part, and we look further: IPv4 and TCP without options.
#define PATH_ENOUGH 40

/// In netfilter hooks, where a buffer's data begins at its IP header. A subprogram, so that clang
/// puts nothing else where the verifier saw a dynptr on the stack.
static noinline int path_copy_by_dynptr(struct sk_buff* skb, struct path_headers* headers,
                                        __u32 count) {
    struct bpf_dynptr pointer;

    if (count < 1 || count > PATH_HEADER_BYTES || !bpf_ksym_exists(bpf_dynptr_from_skb))
        return 1;
    return bpf_dynptr_from_skb((struct __sk_buff*)skb, 0, &pointer) ||
           bpf_dynptr_read(headers->data, count, &pointer, 0, 0);
}

/// The same from wherever the bytes lie. Drivers that put all of a packet into pages leave the
/// linear part nearly empty until the stack pulls a header into it.
static __always_inline void path_copy_pages(const struct path_source* source,
                                            struct path_headers* headers, __u32 count) {
    int failed;

    if (count > PATH_HEADER_BYTES)
        count = PATH_HEADER_BYTES;
    if (count < 1)
        return;
    if (source->home == PATH_HOME_NETFILTER)
        failed = path_copy_by_dynptr(source->skb, headers, count);
    else
        failed = bpf_skb_load_bytes_relative(source->ctx, 0, headers->data, count,
                                             BPF_HDR_START_NET) != 0;
    if (!failed)
        headers->count = count;
}

static __always_inline void path_copy_headers(const struct path_source* source,
                                              struct path_headers* headers) {
    const struct sk_buff* skb = source->skb;
    const __u32 before = (__u32)(skb->data - skb->head);
    const __u32 begin = source->at_data ? before : skb->network_header;
    __u32 linear = skb->tail - begin;
    // Behind the IP header's first byte, wherever the data begins by now.
    const __u32 all = skb->len + before - begin;

    headers->count = 0;
    if (skb->tail <= begin)
        linear = 0;
    if (linear < PATH_ENOUGH && linear < all && source->home != PATH_HOME_TRACEPOINT) {
        path_copy_pages(source, headers, all);
        return;
    }
    if (linear > PATH_HEADER_BYTES)
        linear = PATH_HEADER_BYTES;
    // Of a copy that clang 19 made before the comparison the verifier (6.1) knows no bound: this
    // mask, which data[] has room for, changes nothing but that.
    __asm__ volatile("" : "+r"(linear));
    linear &= PATH_HEADER_MASK;
    if (linear && !bpf_probe_read_kernel(headers->data, linear, skb->head + begin))
        headers->count = linear;
}

/// Fills `packet`; 0 on success, 1: no IP packet, or not to be read.
static __always_inline int path_read_packet(const struct path_source* source,
                                            struct path_packet* packet) {
    const __be16 protocol = source->skb->protocol;
    struct path_headers headers;

    if (protocol != bpf_htons(ETH_P_IP) && protocol != bpf_htons(ETH_P_IPV6))
        return 1;
    __builtin_memset(packet, 0, sizeof(*packet));
    __builtin_memset(&headers, 0, sizeof(headers));
    path_copy_headers(source, &headers);
    if (!path_parse(&headers, packet))
        return 0;
    path_count(FST_PATH_COUNT_UNREADABLE);
    return 1;
}

/// Packets on the wire: GRO and TSO make one buffer of several.
static __always_inline __u16 path_segments(const struct sk_buff* skb) {
    const struct skb_shared_info* shared = (const void*)(skb->head + skb->end);
    __u16 segments = BPF_CORE_READ(shared, gso_segs);

    return segments ? segments : 1;
}

#endif
