// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// Internal kernel structures that the path programs read: only the fields used, relocated by CO-RE
// to the running kernel's layout, so neither order nor gaps matter here. Not for the packet data
// path, which needs no BTF.
//
// tests/bpf/kernel_types_test.cpp checks every field here against the running kernel's BTF.
#ifndef FLOWSTAMP_VMLINUX_INTERNAL_H
#define FLOWSTAMP_VMLINUX_INTERNAL_H

#include <linux/types.h>

#ifdef __clang__
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
#endif

struct ns_common {
    unsigned int inum;
};

struct net {
    struct ns_common ns;
};

typedef struct {
    struct net* net;
} possible_net_t;

struct net_device {
    int ifindex;
    possible_net_t nd_net;
};

struct sock_common {
    possible_net_t skc_net;
};

struct sock {
    struct sock_common __sk_common;
};

struct dst_entry {
    struct net_device* dev;
};

struct sk_buff {
    struct net_device* dev;
    struct sock* sk;
    unsigned long _skb_refdst;
    unsigned long _nfct;
    unsigned int len;
    int skb_iif;
    __u32 mark;
    __be16 protocol;
    __u16 network_header;
    __u16 transport_header;
    unsigned int tail;  // offset from head, on 64-bit kernels
    unsigned int end;
    unsigned char* head;
    unsigned char* data;
};

struct skb_shared_info {
    unsigned short gso_segs;
};

struct nf_hook_state {
    __u8 hook;
    __u8 pf;
    struct net_device* in;
    struct net_device* out;
};

/// Context of a netfilter program (since 6.4).
struct bpf_nf_ctx {
    const struct nf_hook_state* state;
    struct sk_buff* skb;
};

union nf_inet_addr {
    __u32 all[4];
};

union nf_conntrack_man_proto {
    __be16 all;
};

struct nf_conntrack_man {
    union nf_inet_addr u3;
    union nf_conntrack_man_proto u;
    __u16 l3num;  // AF_INET or AF_INET6
};

struct nf_conntrack_tuple {
    struct nf_conntrack_man src;
    struct {
        union nf_inet_addr u3;
        union {
            __be16 all;
        } u;
        __u8 protonum;
    } dst;
};

struct nf_conntrack_tuple_hash {
    struct nf_conntrack_tuple tuple;
};

struct nf_conn {
    struct nf_conntrack_tuple_hash tuplehash[2];
    unsigned long status;
};

/// Only used as a structure that begins with six 64-bit words.
struct rtnl_link_stats64 {
    __u64 rx_packets;
    __u64 tx_packets;
    __u64 rx_bytes;
    __u64 tx_bytes;
    __u64 rx_errors;
    __u64 tx_errors;
};

#ifdef __clang__
#pragma clang attribute pop
#endif

/// Return values of a netfilter program.
enum nf_verdict {
    NF_ACCEPT = 1,
};

/// The lowest three bits of sk_buff._nfct.
enum ip_conntrack_info {
    IP_CT_RELATED = 1,
    IP_CT_NEW = 2,
    IP_CT_IS_REPLY = 3,
    IP_CT_RELATED_REPLY = 4,
    IP_CT_UNTRACKED = 7,
};

/// Bits of nf_conn.status.
enum ip_conntrack_status {
    IPS_SRC_NAT = 16,
    IPS_DST_NAT = 32,
};

enum address_family {
    AF_INET = 2,
    AF_INET6 = 10,
};

#endif
