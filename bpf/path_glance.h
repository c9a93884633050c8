// SPDX-License-Identifier: GPL-2.0-only
// The first look at a buffer, for the many that nobody asked about: as few bytes as tell the tuple,
// and no lookup. Every packet of the host pays this at every station; what is asked for pays for a
// closer look.
#ifndef FLOWSTAMP_BPF_PATH_GLANCE_H
#define FLOWSTAMP_BPF_PATH_GLANCE_H

#include "bpf/path_conntrack.h"
#include "bpf/path_journey.h"
#include "bpf/path_match.h"

struct path_ports {
    __be16 source;
    __be16 destination;
};

struct path_glance_v4 {
    struct iphdr ip;
    struct path_ports ports;
};

struct path_glance_v6 {
    struct ipv6hdr ip;
    struct path_ports ports;
};

static __always_inline int path_has_ports(__u8 protocol) {
    return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
}

/// TCP or UDP right behind an IPv4 header without options. 0, or 1: it takes a closer look.
static __always_inline int path_glance_ipv4(const void* header, struct fs_path_tuple* tuple) {
    union {
        struct path_glance_v4 head;
        __u64 word[3];
    } at = {.word = {path_word(header, 0), path_word(header, 8), path_word(header, 16)}};

    if (at.head.ip.version_ihl != 0x45 || (at.head.ip.frag_off & bpf_htons(IP_OFFMASK)))
        return 1;
    tuple->source[0] = tuple->source[1] = 0;
    tuple->source[2] = PATH_MAPPED_PREFIX;
    tuple->source[3] = at.head.ip.saddr;
    tuple->destination[0] = tuple->destination[1] = 0;
    tuple->destination[2] = PATH_MAPPED_PREFIX;
    tuple->destination[3] = at.head.ip.daddr;
    tuple->protocol = at.head.ip.protocol;
    tuple->source_port = at.head.ports.source;
    tuple->destination_port = at.head.ports.destination;
    return !path_has_ports(tuple->protocol);
}

/// The same of IPv6, without extension headers.
static __always_inline int path_glance_ipv6(const void* header, struct fs_path_tuple* tuple) {
    union {
        struct path_glance_v6 head;
        __u64 word[6];
    } at = {.word = {path_word(header, 0), path_word(header, 8), path_word(header, 16),
                     path_word(header, 24), path_word(header, 32), path_word(header, 40)}};

    __builtin_memcpy(tuple->source, &at.head.ip.saddr, sizeof(at.head.ip.saddr));
    __builtin_memcpy(tuple->destination, &at.head.ip.daddr, sizeof(at.head.ip.daddr));
    tuple->protocol = at.head.ip.nexthdr;
    tuple->source_port = at.head.ports.source;
    tuple->destination_port = at.head.ports.destination;
    return !path_has_ports(tuple->protocol);
}

/// Where the IP header is, if it lies in the linear part with the ports behind it, else null.
static __always_inline const void* path_glance_at(const struct sk_buff* skb, __u32 at_data,
                                                  __u32 bytes) {
    const __u32 begin = at_data ? (__u32)(skb->data - skb->head) : (__u32)skb->network_header;

    return (__u32)skb->tail >= begin + bytes ? skb->head + begin : 0;
}

/// The tuple that path_parse() would find, if it is easily found: 0. 1: it takes a closer look.
static __always_inline int path_glance(const struct sk_buff* skb, __u32 at_data,
                                       struct fs_path_tuple* tuple) {
    const int v6 = skb->protocol == bpf_htons(ETH_P_IPV6);
    const void* header = path_glance_at(
        skb, at_data, v6 ? sizeof(struct path_glance_v6) : sizeof(struct path_glance_v4));

    if (!header)
        return 1;
    return v6 ? path_glance_ipv6(header, tuple) : path_glance_ipv4(header, tuple);
}

/// A subprogram, and one tuple after the other: the stack is short.
static noinline int path_translated_matches(unsigned long nfct) {
    struct fs_path_tuple tuple;

    path_read_tuple(nfct, 0, &tuple);
    if (path_matches_any(&tuple))
        return 1;
    path_read_tuple(nfct, 1, &tuple);
    return path_matches_any(&tuple);
}

/// Whether a tuple of the packet's conntrack entry matches, though its own does not.
static __always_inline int path_entry_matches(const struct sk_buff* skb) {
    const unsigned long nfct = path_nfct(skb);

    return nfct > NFCT_INFO_MASK && path_entry_differs(nfct) && path_translated_matches(nfct);
}

/// FS_PATH_OWN_MATCH, FS_PATH_ENTRY_MATCH, or 0: nobody asked for it.
static __always_inline __u32 path_match(const struct sk_buff* skb,
                                        const struct fs_path_tuple* tuple) {
    if (path_matches_any(tuple))
        return FS_PATH_OWN_MATCH;
    return path_entry_matches(skb) ? FS_PATH_ENTRY_MATCH : 0;
}

/// For each family apart: else clang would put both tuples into one, on the stack.
static __always_inline int path_may_match(const struct sk_buff* skb, __u32 at_data) {
    struct fs_path_tuple tuple;
    const void* header;

    if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
        header = path_glance_at(skb, at_data, sizeof(struct path_glance_v6));
        return !header || path_glance_ipv6(header, &tuple) || path_matches_fixed(&tuple);
    }
    header = path_glance_at(skb, at_data, sizeof(struct path_glance_v4));
    return !header || path_glance_ipv4(header, &tuple) || path_matches_fixed(&tuple);
}

/// Of a packet that matches none of the constants, whether it matches what is asked for later. A
/// subprogram, which looks at the packet once more: seldom anything is.
static noinline int path_matches_later(const struct sk_buff* skb, __u32 at_data) {
    struct fs_path_tuple tuple = {0};

    return path_glance(skb, at_data, &tuple) || path_matches_any(&tuple);
}

/// 0: a packet that nobody asked for, and that is on no journey. `at_data` as path_source has it.
static __always_inline int path_may_matter(const struct sk_buff* skb, __u32 at_data) {
    const __be16 protocol = skb->protocol;

    if (protocol != bpf_htons(ETH_P_IP) && protocol != bpf_htons(ETH_P_IPV6))
        return 0;
    if (everything_matches || !bpf_ksym_exists(bpf_rdonly_cast))
        return 1;
    return journey_may_be_open(skb) || path_may_match(skb, at_data) ||
           (*(volatile __u32*)&more_matches.count && path_matches_later(skb, at_data)) ||
           path_entry_matches(skb);
}

#endif
