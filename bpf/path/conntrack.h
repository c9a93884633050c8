// SPDX-License-Identifier: GPL-2.0-only
// The packet's conntrack entry. It is attached at priority -200 of PREROUTING and OUTPUT.
#ifndef FLOWSTAMP_BPF_PATH_CONNTRACK_H
#define FLOWSTAMP_BPF_PATH_CONNTRACK_H

#include "bpf/path/buffer.h"

/// The lowest bits of sk_buff._nfct are enum ip_conntrack_info, the rest is the entry's address.
#define NFCT_INFO_MASK 7UL

static __always_inline unsigned long path_nfct(const struct sk_buff* skb) {
    return bpf_core_field_exists(skb->_nfct) ? skb->_nfct : 0;
}

static __always_inline const struct nf_conn* path_conn(unsigned long nfct) {
    return (const struct nf_conn*)(nfct & ~NFCT_INFO_MASK);
}

/// The entry's enum ip_conntrack_status. Runs for every packet at every station, so it is read
/// without a call if possible.
static __always_inline unsigned long path_entry_status(const struct nf_conn* conn) {
    if (bpf_ksym_exists(bpf_rdonly_cast))
        return path_words((const void*)conn + bpf_core_field_offset(struct nf_conn, status))
            ->rx_packets;
    return BPF_CORE_READ(conn, status);
}

/// The entry's state as FST_PATH_*. If the kernel has no conntrack (the module may not be loaded),
/// the verifier only sees `return 0`.
static __always_inline __u32 path_entry_flags(unsigned long nfct) {
    const struct nf_conn* conn = path_conn(nfct);
    const __u32 info = nfct & NFCT_INFO_MASK;
    unsigned long status;
    __u32 flags = FST_PATH_CONNTRACK;

    if (!bpf_core_type_exists(struct nf_conn))
        return 0;
    if (!conn)
        return info == IP_CT_UNTRACKED ? FST_PATH_UNTRACKED : 0;
    status = path_entry_status(conn);
    flags |= status & IPS_SRC_NAT ? FST_PATH_SNAT : 0;
    flags |= status & IPS_DST_NAT ? FST_PATH_DNAT : 0;
    flags |= info == IP_CT_NEW ? FST_PATH_NEW : 0;
    flags |= info == IP_CT_IS_REPLY || info == IP_CT_RELATED_REPLY ? FST_PATH_REPLY : 0;
    flags |= info == IP_CT_RELATED || info == IP_CT_RELATED_REPLY ? FST_PATH_RELATED : 0;
    return flags;
}

/// Whether the tuples of the entry, which exists, may match although the packet's own does not.
static __always_inline int path_entry_differs(unsigned long nfct) {
    const __u32 info = nfct & NFCT_INFO_MASK;

    if (!bpf_core_type_exists(struct nf_conn))
        return 0;
    return info == IP_CT_RELATED || info == IP_CT_RELATED_REPLY ||
           (path_entry_status(path_conn(nfct)) & (IPS_SRC_NAT | IPS_DST_NAT));
}

static __always_inline void path_read_address(__be32* to, const union nf_inet_addr* from, int v6) {
    bpf_core_read(to, 16, &from->all);
    if (v6)
        return;
    to[3] = to[0];
    to[2] = PATH_MAPPED_PREFIX;
    to[1] = 0;
    to[0] = 0;
}

/// The tuple of the original or the reply direction of the packet's entry, which exists.
static __always_inline void path_read_tuple(unsigned long nfct, int reply,
                                            struct fst_path_tuple* to) {
    const struct nf_conntrack_tuple* from;
    int v6;

    __builtin_memset(to, 0, sizeof(*to));
    if (!bpf_core_type_exists(struct nf_conn))
        return;
    // With a variable index clang would multiply by the size of our structure, not the kernel's.
    from = reply ? &path_conn(nfct)->tuplehash[1].tuple : &path_conn(nfct)->tuplehash[0].tuple;
    v6 = BPF_CORE_READ(from, src.l3num) == AF_INET6;
    path_read_address(to->source, &from->src.u3, v6);
    path_read_address(to->destination, &from->dst.u3, v6);
    to->protocol = BPF_CORE_READ(from, dst.protonum);
    to->source_port = BPF_CORE_READ(from, src.u.all);
    to->destination_port = to->protocol == IPPROTO_ICMP || to->protocol == IPPROTO_ICMPV6
                               ? to->source_port  // type and code are there
                               : BPF_CORE_READ(from, dst.u.all);
}

#endif
