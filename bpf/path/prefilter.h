// SPDX-License-Identifier: GPL-2.0-only
// The first look at a buffer, for the many that nobody asked about: no lookup, no call, and little
// code. Every packet of the host pays it at every station, and between two stations the stack leaves
// nothing of it in the nearest caches: each line of code or data costs more than what is done with it.
// What may be asked for pays for a closer look.
#ifndef FLOWSTAMP_BPF_PATH_PREFILTER_H
#define FLOWSTAMP_BPF_PATH_PREFILTER_H

#include "bpf/path/conntrack.h"
#include "bpf/path/packet_paths.h"
#include "bpf/path/match.h"

/// Where prefilters of IPv4 begin: behind the identification and the fragment's offset. A fragment that
/// is not the first has other bytes where ports are sought: at worst it gets a closer look.
#define PREFILTER_IPV4_OFFSET 8
#define PORTS_BYTES 4

/// Where the IP header begins, and who says so.
enum path_header {
    PATH_HEADER_ROUTED,   ///< in netfilter hooks: the transport header's place is known, too
    PATH_HEADER_NETWORK,  ///< at tc
    PATH_HEADER_AT_DATA,  ///< before the network layer: nothing says it but where the data begins
};

static __always_inline __u32 path_header_offset(const struct sk_buff* skb,
                                                enum path_header header) {
    return header == PATH_HEADER_AT_DATA ? (__u32)(skb->data - skb->head)
                                         : (__u32)skb->network_header;
}

static __always_inline int path_fits_ipv4(__u64 word0, __u64 word1) {
    const __u32 count = *(volatile __u32*)&prefilters.ipv4_count;

    for (__u32 i = 0; i < FST_PATH_PREFILTERS_MAX && i < count; i++) {
        const struct fst_path_prefilter_ipv4* fits = &prefilters.ipv4[i];

        if (!(((word0 ^ fits->value[0]) & fits->mask[0]) |
              ((word1 ^ fits->value[1]) & fits->mask[1])))
            return 1;
    }
    return 0;
}

/// 1: it may match, or a closer look must tell: it has options, or its headers lie in pages.
static __always_inline int path_may_match_ipv4(const struct sk_buff* skb, enum path_header header) {
    const __u32 offset = path_header_offset(skb, header);
    const struct rtnl_link_stats64* words;

    if (skb->tail < offset + sizeof(struct iphdr) + PORTS_BYTES)
        return 1;
    if (header == PATH_HEADER_ROUTED) {
        if ((__u32)skb->transport_header != offset + sizeof(struct iphdr))
            return 1;
    } else if ((__u8)path_words(skb->head + offset)->rx_packets != 0x45) {
        return 1;
    }
    words = path_words(skb->head + offset + PREFILTER_IPV4_OFFSET);
    return path_fits_ipv4(words->rx_packets, words->tx_packets);
}

static __always_inline int path_fits_ipv6(const __u64* word) {
    const __u32 count = *(volatile __u32*)&prefilters.ipv6_count;

    for (__u32 i = 0; i < FST_PATH_PREFILTERS_MAX && i < count; i++) {
        const struct fst_path_prefilter_ipv6* fits = &prefilters.ipv6[i];
        __u64 differs = 0;

        UNROLL
        for (int j = 0; j < 6; j++)
            differs |= (word[j] ^ fits->value[j]) & fits->mask[j];
        if (!differs)
            return 1;
    }
    return 0;
}

/// The same of IPv6; the closer look tells of extension headers.
static __always_inline int path_may_match_ipv6(const struct sk_buff* skb, enum path_header header) {
    const __u32 offset = path_header_offset(skb, header);
    const struct rtnl_link_stats64* words;
    __u8 next;

    if (skb->tail < offset + sizeof(struct ipv6hdr) + PORTS_BYTES)
        return 1;
    words = path_words(skb->head + offset);
    next = words->rx_packets >> 48;
    if (next != IPPROTO_TCP && next != IPPROTO_UDP && next != IPPROTO_ICMPV6)
        return 1;
    return path_fits_ipv6((const __u64[]){words->rx_packets, words->tx_packets, words->rx_bytes,
                                          words->tx_bytes, words->rx_errors, words->tx_errors});
}

/// A subprogram, and one tuple after the other: the stack is short.
static noinline int path_translated_matches(unsigned long nfct) {
    struct fst_path_tuple tuple;

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

/// FST_PATH_OWN_MATCH, FST_PATH_ENTRY_MATCH, or 0: nobody asked for it.
static __always_inline __u32 path_match(const struct sk_buff* skb,
                                        const struct fst_path_tuple* tuple) {
    if (path_matches_any(tuple))
        return FST_PATH_OWN_MATCH;
    return path_entry_matches(skb) ? FST_PATH_ENTRY_MATCH : 0;
}

/// 0: a packet that nobody asked for, and that is on no journey. `family`: 4 or 6, a constant.
static __always_inline int path_may_matter(const struct sk_buff* skb, __u32 family,
                                           enum path_header header) {
    if (!bpf_ksym_exists(bpf_rdonly_cast))
        return 1;
    return packet_path_may_be_open(skb) ||
           (family == 6 ? path_may_match_ipv6(skb, header) : path_may_match_ipv4(skb, header)) ||
           path_entry_matches(skb);
}

/// The same where packets of any protocol come by.
static __always_inline int path_any_may_matter(const struct sk_buff* skb, enum path_header header) {
    const __be16 protocol = skb->protocol;

    if (protocol == bpf_htons(ETH_P_IP))
        return path_may_matter(skb, 4, header);
    return protocol == bpf_htons(ETH_P_IPV6) && path_may_matter(skb, 6, header);
}

#endif
