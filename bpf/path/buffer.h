// SPDX-License-Identifier: GPL-2.0-only
// Reads a packet's headers from its socket buffer, at whatever hook it is seen.
#ifndef FLOWSTAMP_BPF_PATH_BUFFER_H
#define FLOWSTAMP_BPF_PATH_BUFFER_H

#include "bpf/path/packet.h"

/// The calling program's kind: it decides how bytes outside the buffer's linear part are read.
enum path_caller {
    PATH_CALLER_NETFILTER,
    PATH_CALLER_TC,
    PATH_CALLER_TRACEPOINT,  ///< they cannot be read
};

/// Where to read from.
struct path_source {
    enum path_caller caller;
    __u32 at_data;  ///< 1: the IP header is at the start of the data, and no offset is set yet
    void* ctx;      ///< the program's context
    struct sk_buff* skb;
};

/// Since 6.4, like netfilter programs.
extern int bpf_dynptr_from_skb(struct __sk_buff* skb, __u64 flags,
                               struct bpf_dynptr* pointer) __ksym __weak;

/// With fewer linear bytes than this, read further: IPv4 and TCP headers without options.
#define PATH_ENOUGH 40

/// In netfilter hooks, where the buffer's data begins at its IP header. A subprogram, so that clang
/// stores nothing else where the verifier saw a dynptr on the stack.
static noinline int path_copy_by_dynptr(struct sk_buff* skb, struct path_headers* headers,
                                        __u32 count) {
    struct bpf_dynptr pointer;

    if (count < 1 || count > PATH_HEADER_BYTES || !bpf_ksym_exists(bpf_dynptr_from_skb))
        return 1;
    return bpf_dynptr_from_skb((struct __sk_buff*)skb, 0, &pointer) ||
           bpf_dynptr_read(headers->data, count, &pointer, 0, 0);
}

/// The same wherever the bytes are. Drivers that place whole packets in pages leave the linear part
/// nearly empty until the stack pulls a header into it.
static __always_inline void path_copy_pages(const struct path_source* source,
                                            struct path_headers* headers, __u32 count) {
    int failed;

    if (count > PATH_HEADER_BYTES)
        count = PATH_HEADER_BYTES;
    if (count < 1)
        return;
    if (source->caller == PATH_CALLER_NETFILTER)
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
    // Relative to the IP header's start, as the data may begin elsewhere by now.
    const __u32 all = skb->len + before - begin;

    headers->count = 0;
    if (skb->tail <= begin)
        linear = 0;
    if (linear < PATH_ENOUGH && linear < all && source->caller != PATH_CALLER_TRACEPOINT) {
        path_copy_pages(source, headers, all);
        return;
    }
    if (linear > PATH_HEADER_BYTES)
        linear = PATH_HEADER_BYTES;
    // clang 19 copies the value before the comparison, so the verifier (6.1) knows no bound for it.
    // The mask, which fits data[], only restores the bound.
    __asm__ volatile("" : "+r"(linear));
    linear &= PATH_HEADER_MASK;
    if (linear && !bpf_probe_read_kernel(headers->data, linear, skb->head + begin))
        headers->count = linear;
}

/// Fills `packet`. 0 on success; 1: not IP, or unreadable.
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

/// Packets on the wire: one GRO or TSO buffer holds several.
static __always_inline __u16 path_segments(const struct sk_buff* skb) {
    const struct skb_shared_info* shared = (const void*)(skb->head + skb->end);
    __u16 segments = BPF_CORE_READ(shared, gso_segs);

    return segments ? segments : 1;
}

#endif
