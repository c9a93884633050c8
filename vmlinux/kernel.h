// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// The few kernel types that the data path uses, written by hand, so that a build needs neither the
// build machine's BTF nor <linux/bpf.h>, and gives the same object everywhere. For the BPF build
// and for the host build of the data path. Names, order and sizes are the kernel's, with one
// exception: a whole byte or word, named for its contents, replaces the kernel's bit-fields, whose
// order depends on the compiler.
//
// tests/bpf/kernel_types_test.cpp checks every struct, field and value here against the running
// kernel's BTF, or against the system's headers where BTF does not contain it.
#ifndef FLOWSTAMP_VMLINUX_KERNEL_H
#define FLOWSTAMP_VMLINUX_KERNEL_H

#include <linux/types.h>

// ---- program contexts; the verifier checks accesses by offset ----

/// Context of an XDP program. `data` and `data_end` are packet pointers to the verifier.
struct xdp_md {
    __u32 data;
    __u32 data_end;
    __u32 data_meta;
    __u32 ingress_ifindex;
    __u32 rx_queue_index;
    __u32 egress_ifindex;  // since 5.8
};

/// Context of a tc or tcx program. The two pointers of the kernel's struct are plain words here.
struct __sk_buff {
    __u32 len;
    __u32 pkt_type;
    __u32 mark;
    __u32 queue_mapping;
    __u32 protocol;  // ethertype, big-endian
    __u32 vlan_present;
    __u32 vlan_tci;
    __u32 vlan_proto;  // ethertype, big-endian
    __u32 priority;
    __u32 ingress_ifindex;
    __u32 ifindex;
    __u32 tc_index;
    __u32 cb[5];
    __u32 hash;
    __u32 tc_classid;
    __u32 data;
    __u32 data_end;
    __u32 napi_id;
    __u32 family;
    __u32 remote_ip4;
    __u32 local_ip4;
    __u32 remote_ip6[4];
    __u32 local_ip6[4];
    __u32 remote_port;
    __u32 local_port;
    __u32 data_meta;
    __u64 flow_keys;
    __u64 tstamp;
    __u32 wire_len;
    __u32 gso_segs;  // 0 or 1 if the packet will not be segmented
    __u64 sk;
    __u32 gso_size;
    __u8 tstamp_type;  // since 5.18
    __u8 reserved[3];
    __u64 hwtstamp;  // since 5.16
};

/// What a socket is looked up by, as of a packet that came in.
struct bpf_sock_tuple {
    union {
        struct {
            __be32 saddr;
            __be32 daddr;
            __be16 sport;
            __be16 dport;
        } ipv4;
        struct {
            __be32 saddr[4];
            __be32 daddr[4];
            __be16 sport;
            __be16 dport;
        } ipv6;
    };
};

/// A socket; the verifier checks accesses by offset.
struct bpf_sock {
    __u32 bound_dev_if;
    __u32 family;
    __u32 type;
    __u32 protocol;
    __u32 mark;
    __u32 priority;
    __u32 src_ip4;
    __u32 src_ip6[4];
    __u32 src_port;
    __be16 dst_port;
    __u32 dst_ip4;
    __u32 dst_ip6[4];
    __u32 state;
    __s32 rx_queue_mapping;
};

/// Opaque: storage that the kernel uses on behalf of a program (since 5.19).
struct bpf_dynptr {
    __u64 __opaque[2];
} __attribute__((aligned(8)));

// ---- headers on the wire; all multi-byte fields big-endian ----

struct ethhdr {
    unsigned char h_dest[6];
    unsigned char h_source[6];
    __be16 h_proto;
};

/// What follows the 0x8100 or 0x88a8 in an Ethernet header.
struct vlan_hdr {
    __be16 h_vlan_TCI;
    __be16 h_vlan_encapsulated_proto;
};

struct iphdr {
    __u8 version_ihl;  // version in the upper four bits, header length in 32-bit words below
    __u8 tos;
    __be16 tot_len;
    __be16 id;
    __be16 frag_off;  // flags and offset: enum ip_frag_off
    __u8 ttl;
    __u8 protocol;
    __sum16 check;
    __be32 saddr;
    __be32 daddr;
};

struct in6_addr {
    union {
        __u8 u6_addr8[16];
        __be16 u6_addr16[8];
        __be32 u6_addr32[4];
    } in6_u;
};

struct ipv6hdr {
    __be32 version_class_label;  // version 4 bits, traffic class 8, flow label 20
    __be16 payload_len;
    __u8 nexthdr;
    __u8 hop_limit;
    struct in6_addr saddr;
    struct in6_addr daddr;
};

/// The first two bytes of hop-by-hop, destination and routing headers.
struct ipv6_opt_hdr {
    __u8 nexthdr;
    __u8 hdrlen;  // in units of 8 bytes, not counting the first 8 (RFC 8200 section 4.3)
};

struct frag_hdr {
    __u8 nexthdr;
    __u8 reserved;
    __be16 frag_off;  // offset in units of 8 bytes in the upper 13 bits, "more" in the lowest
    __be32 identification;
};

struct tcphdr {
    __be16 source;
    __be16 dest;
    __be32 seq;
    __be32 ack_seq;
    __u8 doff_reserved;  // header length in 32-bit words in the upper four bits
    __u8 flags;          // CWR ECE URG ACK PSH RST SYN FIN, from the highest bit
    __be16 window;
    __sum16 check;
    __be16 urg_ptr;
};

struct icmphdr {
    __u8 type;
    __u8 code;
    __sum16 checksum;
    union {
        struct {
            __be16 id;
            __be16 sequence;
        } echo;
        __be32 gateway;
        struct {
            __be16 __unused;
            __be16 mtu;
        } frag;
        __u8 reserved[4];
    } un;
};

struct icmp6hdr {
    __u8 icmp6_type;
    __u8 icmp6_code;
    __sum16 icmp6_cksum;
    union {
        __be32 un_data32[1];
        __be16 un_data16[2];
        __u8 un_data8[4];
    } icmp6_dataun;
};

// ---- values ----

enum xdp_action {
    XDP_ABORTED = 0,
    XDP_DROP = 1,
    XDP_PASS = 2,
    XDP_TX = 3,
    XDP_REDIRECT = 4,
};

/// Return values of a clsact classifier. UNSPEC passes on to the next filter; OK would end the
/// chain.
enum tc_action {
    TC_ACT_UNSPEC = -1,
    TC_ACT_OK = 0,
    TC_ACT_SHOT = 2,
};

/// Return values of a tcx program (since 6.6); NEXT passes on to the next program.
enum tcx_action_base {
    TCX_NEXT = -1,
    TCX_PASS = 0,
    TCX_DROP = 2,
    TCX_REDIRECT = 7,
};

enum bpf_map_type {
    BPF_MAP_TYPE_UNSPEC = 0,
    BPF_MAP_TYPE_HASH = 1,
    BPF_MAP_TYPE_ARRAY = 2,
    BPF_MAP_TYPE_PROG_ARRAY = 3,
    BPF_MAP_TYPE_PERCPU_ARRAY = 6,
    BPF_MAP_TYPE_LRU_HASH = 9,
    BPF_MAP_TYPE_RINGBUF = 27,  // since 5.8
};

enum bpf_map_create_flag {
    BPF_F_NO_PREALLOC = 1,
    BPF_F_RDONLY_PROG = 128,
    BPF_F_MMAPABLE = 1024,  // since 5.5
};

enum bpf_map_update_flag {
    BPF_ANY = 0,
    BPF_NOEXIST = 1,
    BPF_EXIST = 2,
};

enum bpf_ringbuf_flag {
    BPF_RB_NO_WAKEUP = 1,
    BPF_RB_FORCE_WAKEUP = 2,
};

enum bpf_ringbuf_query {
    BPF_RB_AVAIL_DATA = 0,
    BPF_RB_RING_SIZE = 1,
    BPF_RB_CONS_POS = 2,
    BPF_RB_PROD_POS = 3,
};

/// For bpf_skc_lookup_tcp(): the network namespace of the packet's interface.
enum bpf_netns_id {
    BPF_F_CURRENT_NETNS = -1,
};

/// Flags of bpf_skb_store_bytes() and bpf_l4_csum_replace().
enum bpf_skb_flag {
    BPF_F_RECOMPUTE_CSUM = 1,
    BPF_F_INVALIDATE_HASH = 2,
    BPF_F_HDR_FIELD_MASK = 15,
    BPF_F_PSEUDO_HDR = 16,
    BPF_F_MARK_MANGLED_0 = 32,
};

/// What the offset of bpf_skb_load_bytes_relative() is relative to.
enum bpf_hdr_start_off {
    BPF_HDR_START_MAC = 0,
    BPF_HDR_START_NET = 1,
};

enum ethertype {
    ETH_P_IP = 0x0800,
    ETH_P_8021Q = 0x8100,
    ETH_P_IPV6 = 0x86DD,
    ETH_P_8021AD = 0x88A8,
};

/// IPv4 protocols and IPv6 next headers.
enum ip_protocol {
    IPPROTO_HOPOPTS = 0,
    IPPROTO_ICMP = 1,
    IPPROTO_IPIP = 4,
    IPPROTO_TCP = 6,
    IPPROTO_UDP = 17,
    IPPROTO_DCCP = 33,
    IPPROTO_IPV6 = 41,
    IPPROTO_ROUTING = 43,
    IPPROTO_FRAGMENT = 44,
    IPPROTO_GRE = 47,
    IPPROTO_ESP = 50,
    IPPROTO_AH = 51,
    IPPROTO_ICMPV6 = 58,
    IPPROTO_NONE = 59,
    IPPROTO_DSTOPTS = 60,
    IPPROTO_SCTP = 132,
    IPPROTO_MH = 135,
    IPPROTO_UDPLITE = 136,
};

/// Parts of `iphdr.frag_off`, in host order (RFC 791 section 3.1).
enum ip_frag_off {
    IP_DF = 0x4000,
    IP_MF = 0x2000,
    IP_OFFMASK = 0x1fff,
};

/// Kinds of TCP options (RFC 9293 section 3.2, RFC 7323, RFC 2018).
enum tcp_option_kind {
    TCPOPT_EOL = 0,
    TCPOPT_NOP = 1,
    TCPOPT_MAXSEG = 2,
    TCPOPT_WINDOW = 3,
    TCPOPT_SACK_PERMITTED = 4,
    TCPOPT_SACK = 5,
    TCPOPT_TIMESTAMP = 8,
};

/// `icmphdr.type` of echo and of the errors that quote a packet (RFC 792).
enum icmp_type {
    ICMP_ECHOREPLY = 0,
    ICMP_DEST_UNREACH = 3,
    ICMP_SOURCE_QUENCH = 4,
    ICMP_REDIRECT = 5,
    ICMP_ECHO = 8,
    ICMP_TIME_EXCEEDED = 11,
    ICMP_PARAMETERPROB = 12,
};

/// `icmphdr.code` of ICMP_DEST_UNREACH (RFC 1191).
enum icmp_unreachable_code {
    ICMP_FRAG_NEEDED = 4,
};

/// `icmp6hdr.icmp6_type` of echo and of the errors that quote a packet (RFC 4443).
enum icmp6_type {
    ICMPV6_DEST_UNREACH = 1,
    ICMPV6_PKT_TOOBIG = 2,
    ICMPV6_TIME_EXCEED = 3,
    ICMPV6_PARAMPROB = 4,
    ICMPV6_ECHO_REQUEST = 128,
    ICMPV6_ECHO_REPLY = 129,
};

#endif
