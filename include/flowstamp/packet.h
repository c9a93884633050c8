// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// A packet as the parser leaves it: what every later stage reads, and what events carry.
#ifndef FLOWSTAMP_PACKET_H
#define FLOWSTAMP_PACKET_H

#include "flowstamp/flow.h"
#include "flowstamp/types.h"

/// Where the packet was seen.
enum fs_hook {
    FS_HOOK_XDP = 0,
    FS_HOOK_TC_INGRESS = 1,
    FS_HOOK_TC_EGRESS = 2,
};

/// What the parser made of a packet.
enum fs_parse_result {
    FS_PARSE_TCP = 0,  ///< a TCP segment: all fields are set
    FS_PARSE_ICMP_ERROR =
        1,                ///< an ICMP error that quotes a TCP segment: the key is the quoted flow's
    FS_PARSE_NOT_IP = 2,  ///< passes, not counted as a failure
    FS_PARSE_NOT_TCP = 3,    ///< passes, not counted as a failure
    FS_PARSE_FRAGMENT = 4,   ///< not the first fragment
    FS_PARSE_CUT = 5,        ///< ends before its headers do
    FS_PARSE_MALFORMED = 6,  ///< a length or version that cannot be
    FS_PARSE_TOO_DEEP = 7,   ///< more VLAN tags, extension headers or options than we follow
};

/// Bits of fs_packet.flags.
enum fs_packet_flags {
    FS_PACKET_IPV6 = 1U << 0,
    FS_PACKET_DF = 1U << 1,
    FS_PACKET_TS = 1U << 2,       ///< ts_val and ts_ecr are set
    FS_PACKET_OPTIONS = 1U << 3,  ///< bears TCP options
    FS_PACKET_MSS = 1U << 4,
    FS_PACKET_WSCALE = 1U << 5,
    FS_PACKET_SACK_OK = 1U << 6,
    FS_PACKET_MPTCP = 1U << 7,
    FS_PACKET_VLAN = 1U << 8,
    FS_PACKET_MAC = 1U << 9,  ///< src_mac is set: the link has MACs, not all zeros
    FS_PACKET_FIRST_FRAGMENT = 1U << 10,
    FS_PACKET_CUT = 1U << 11,            ///< the capture or buffer ends inside the options
    FS_PACKET_RETRANSMITTED = 1U << 12,  ///< set by the observer
    FS_PACKET_UNFIT = 1U << 13,     ///< set by the observer: does not fit its sender's baseline
    FS_PACKET_NEW_FLOW = 1U << 14,  ///< set by the flow table: the flow began with this packet
    FS_PACKET_TWICE = 1U << 15,     ///< set by the observer: the same frame seen again
};

struct fs_packet {
    __u64 time_ns;           ///< CLOCK_MONOTONIC; of a capture: its own clock
    struct fs_flow_key key;  ///< for an ICMP error: of the quoted segment
    __u32 seq;
    __u32 ack;
    __u32 ts_val;
    __u32 ts_ecr;
    __u32 payload;    ///< TCP payload bytes on the wire, by the IP length; a GSO packet's sum
    __u32 ip_bytes;   ///< IP length
    __u16 ip_id;      ///< host order; 0 for IPv6
    __u16 window;     ///< unscaled
    __u16 mss;        ///< with FS_PACKET_MSS
    __u16 segments;   ///< packets on the wire: 1, or a GSO packet's
    __u16 flags;      ///< enum fs_packet_flags
    __u16 l3_offset;  ///< bytes from the frame's start to the IP header
    __u16 l4_offset;  ///< to the TCP header
    __u8 direction;   ///< sender's index in the key; for an ICMP error: the quoted sender's
    __u8 hook;        ///< enum fs_hook
    __u8 ttl;         ///< TTL or hop limit; of an ICMP error: that of the ICMP packet itself
    __u8 tcp_flags;   ///< FS_TCP_*
    __u8 tos;         ///< TOS or traffic class
    __u8 wscale;      ///< with FS_PACKET_WSCALE
    __u8 icmp_type;   ///< of an ICMP error
    __u8 icmp_code;
    __u8 src_mac[6];   ///< with FS_PACKET_MAC
    __u16 tcp_header;  ///< bytes of the TCP header
    __u16 padding;
    __be32 icmp_source[4];  ///< who sent the ICMP error
    __u32 flow_label;       ///< IPv6, host order
    __u32 reserved;
};
FS_STATIC_ASSERT(sizeof(struct fs_packet) == 128, "fs_packet");

#endif
