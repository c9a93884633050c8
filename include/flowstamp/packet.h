// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// A parsed packet: what every later stage reads, and what events carry.
#ifndef FLOWSTAMP_PACKET_H
#define FLOWSTAMP_PACKET_H

#include "flowstamp/flow.h"
#include "flowstamp/types.h"

/// Where the packet was seen.
enum fst_hook {
    FST_HOOK_XDP = 0,
    FST_HOOK_TC_INGRESS = 1,
    FST_HOOK_TC_EGRESS = 2,
};

/// Result of parsing a packet.
enum fst_parse_result {
    FST_PARSE_TCP = 0,  ///< a TCP segment: all fields are set
    FST_PARSE_ICMP_ERROR =
        1,  ///< an ICMP error that quotes a TCP segment: the key is the quoted flow's
    FST_PARSE_NOT_IP = 2,        ///< passes, not counted as a failure
    FST_PARSE_NOT_TCP = 3,       ///< passes, not counted as a failure
    FST_PARSE_FRAGMENT = 4,      ///< not the first fragment
    FST_PARSE_CUT = 5,           ///< ends before its headers do
    FST_PARSE_MALFORMED = 6,     ///< an impossible length or version
    FST_PARSE_TOO_DEEP = 7,      ///< more tags, headers or tunnels than supported
    FST_PARSE_SPLIT_HEADER = 8,  ///< a fragment that ends or begins within TCP's fixed header
    FST_PARSE_BURIED = 9,        ///< IP or TCP behind more tags or extension headers than are read
};

/// Bits of fst_packet.flags.
enum fst_packet_flags {
    FST_PACKET_IPV6 = 1U << 0,
    FST_PACKET_DF = 1U << 1,
    FST_PACKET_TS = 1U << 2,       ///< ts_val and ts_ecr are set
    FST_PACKET_OPTIONS = 1U << 3,  ///< has TCP options
    FST_PACKET_MSS = 1U << 4,
    FST_PACKET_WSCALE = 1U << 5,
    FST_PACKET_SACK = 1U << 6,  ///< of a SYN: permitted; else: sack_bytes is set
    FST_PACKET_MPTCP = 1U << 7,
    FST_PACKET_VLAN = 1U << 8,
    FST_PACKET_MAC = 1U << 9,  ///< src_mac is set; without: a link without MACs, or all zeros
    FST_PACKET_FIRST_FRAGMENT = 1U << 10,
    FST_PACKET_CUT = 1U << 11,             ///< the capture or buffer ends inside the options
    FST_PACKET_RETRANSMITTED = 1U << 12,   ///< set by the observer
    FST_PACKET_OUT_OF_PROFILE = 1U << 13,  ///< set by the observer: its receiver refuses it
    FST_PACKET_NEW_FLOW = 1U << 14,  ///< set by the flow table: the flow began with this packet
    FST_PACKET_DUPLICATE_FRAME = 1U << 15,  ///< set by the observer: the same frame seen again
};

/// Bits of fst_packet.doubts: why a stack may throw a segment away, whatever its numbers.
enum fst_packet_doubts {
    FST_DOUBT_SIGNATURE = 1U << 0,   ///< TCP's MD5 (RFC 2385) or Authentication Option (RFC 5925)
    FST_DOUBT_IP_OPTIONS = 1U << 1,  ///< IPv4 options; IPv6 extension headers but Fragment
    FST_DOUBT_TO_MANY = 1U << 2,     ///< its frame is for all of the link, or for a group
    FST_DOUBT_MALFORMED_OPTIONS = 1U << 3,  ///< of TCP: one that is too short or too long
};

struct fst_packet {
    __u64 time_ns;            ///< CLOCK_MONOTONIC; of a capture: its own clock
    struct fst_flow_key key;  ///< for an ICMP error: of the quoted segment
    __u32 seq;
    __u32 ack;
    __u32 ts_val;
    __u32 ts_ecr;
    __u32 payload;    ///< TCP payload bytes on the wire, by the IP length; a GSO packet's sum
    __u32 ip_bytes;   ///< total length by the IP header
    __u16 ip_id;      ///< host order; 0 for IPv6
    __u16 window;     ///< unscaled
    __u16 mss;        ///< with FST_PACKET_MSS; of an ICMP error: the next-hop MTU, 0: none
    __u16 segments;   ///< packets on the wire: 1, or a GSO packet's
    __u16 flags;      ///< enum fst_packet_flags
    __u16 l3_offset;  ///< bytes from the frame's start to the IP header
    __u16 l4_offset;  ///< to the TCP header
    __u8 direction;   ///< sender's index in the key; for an ICMP error: the quoted sender's
    __u8 hook;        ///< enum fst_hook
    __u8 ttl;         ///< TTL or hop limit; of an ICMP error: that of the ICMP packet itself
    __u8 tcp_flags;   ///< FST_TCP_*
    __u8 tos;         ///< TOS or traffic class
    __u8 wscale;      ///< with FST_PACKET_WSCALE
    __u8 icmp_type;   ///< of an ICMP error
    __u8 icmp_code;
    __u8 src_mac[6];        ///< with FST_PACKET_MAC
    __u8 tcp_header;        ///< bytes of the TCP header
    __u8 doubts;            ///< enum fst_packet_doubts
    __u16 sack_bytes;       ///< with FST_PACKET_SACK: of the first SACK block, at most 65535
    __be32 icmp_source[4];  ///< sender of the ICMP error
    __u32 flow_label;       ///< IPv6, host order
};
FST_STATIC_ASSERT(sizeof(struct fst_packet) == 128, "fst_packet");

#endif
