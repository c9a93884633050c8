// SPDX-License-Identifier: GPL-2.0-only
// The first test of a buffer, for the many that do not match: no lookup, no call, and little code.
// It runs for every packet of the host at every station, and between two stations the stack evicts
// it from the nearest caches: each cache line of code or data costs more than the work on it. Only
// possible matches get the full test.
#ifndef FLOWSTAMP_BPF_PATH_PREFILTER_H
#define FLOWSTAMP_BPF_PATH_PREFILTER_H

#include "bpf/path/conntrack.h"
#include "bpf/path/match.h"
#include "bpf/path/packet_paths.h"

/// Where IPv4 prefilters begin: after identification and fragment offset. A later fragment has
/// other bytes in place of ports: at worst it gets the full test.
#define PREFILTER_IPV4_OFFSET 8
#define PORTS_BYTES 4

/// Where the IP header begins, and which field gives it.
enum path_header {
    PATH_HEADER_ROUTED,   ///< in netfilter hooks: the transport header's offset is known, too
    PATH_HEADER_NETWORK,  ///< at tc
    PATH_HEADER_AT_DATA,  ///< before the network layer: at the start of the data, no offset is set
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

/// 1: it may match, or needs the full test: it has options, or its headers are in pages.
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

/// The same for IPv6; the full test handles extension headers.
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

/// A subprogram, and one tuple after the other, because the stack is small.
static noinline int path_translated_matches(unsigned long nfct) {
    struct fst_path_tuple tuple;

    path_read_tuple(nfct, 0, &tuple);
    if (path_matches_any(&tuple))
        return 1;
    path_read_tuple(nfct, 1, &tuple);
    return path_matches_any(&tuple);
}

/// Whether a tuple of the packet's conntrack entry matches although its own does not.
static __always_inline int path_entry_matches(const struct sk_buff* skb) {
    const unsigned long nfct = path_nfct(skb);

    return nfct > NFCT_INFO_MASK && path_entry_differs(nfct) && path_translated_matches(nfct);
}

/// FST_PATH_OWN_MATCH, FST_PATH_ENTRY_MATCH, or 0: no match.
static __always_inline __u32 path_match(const struct sk_buff* skb,
                                        const struct fst_path_tuple* tuple) {
    if (path_matches_any(tuple))
        return FST_PATH_OWN_MATCH;
    return path_entry_matches(skb) ? FST_PATH_ENTRY_MATCH : 0;
}

/// 0: a packet that does not match and has no path. `family`: 4 or 6, a constant.
static __always_inline int path_may_matter(const struct sk_buff* skb, __u32 family,
                                           enum path_header header) {
    if (!bpf_ksym_exists(bpf_rdonly_cast))
        return 1;
    return packet_path_may_be_open(skb) ||
           (family == 6 ? path_may_match_ipv6(skb, header) : path_may_match_ipv4(skb, header)) ||
           path_entry_matches(skb);
}

/// The same for packets of any protocol.
static __always_inline int path_any_may_matter(const struct sk_buff* skb, enum path_header header) {
    const __be16 protocol = skb->protocol;

    if (protocol == bpf_htons(ETH_P_IP))
        return path_may_matter(skb, 4, header);
    return protocol == bpf_htons(ETH_P_IPV6) && path_may_matter(skb, 6, header);
}

#endif
