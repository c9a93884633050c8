// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// The paths of packets through this host: records of the ring `path_events`, the kernel's matches,
// and the stations' constants.
//
// Addresses and ports of tuples are big-endian; everything else, seq and ack too, is host order.
// IPv4 addresses are ::ffff:a.b.c.d.
#ifndef FLOWSTAMP_PATH_H
#define FLOWSTAMP_PATH_H

#include "flowstamp/types.h"

enum fst_path_kind {
    FST_PATH_STATION = 1,   ///< the packet passed a station
    FST_PATH_DROPPED = 2,   ///< kfree_skb: the kernel dropped it, for drop_reason, at location
    FST_PATH_CONSUMED = 3,  ///< consume_skb: the buffer was freed normally
    FST_PATH_SOCKET = 4,    ///< tcp_probe: an established TCP connection's socket received it
    FST_PATH_KINDS = 5,
};

/// A station's place, in the order in which a packet passes them.
enum fst_path_place {
    FST_PLACE_NONE = 0,  ///< in records without a station
    FST_PLACE_TC_INGRESS = 1,
    FST_PLACE_PREROUTING = 2,  ///< PREROUTING to POSTROUTING: nf_inet_hooks + 2
    FST_PLACE_INPUT = 3,
    FST_PLACE_FORWARD = 4,
    FST_PLACE_OUTPUT = 5,
    FST_PLACE_POSTROUTING = 6,
    FST_PLACE_TC_EGRESS = 7,
};

/// Bits of fst_path_event.flags.
enum fst_path_flags {
    FST_PATH_IPV6 = 1U << 0,
    FST_PATH_FIRST = 1U << 1,         ///< its path begins with this record
    FST_PATH_CONNTRACK = 1U << 2,     ///< has a conntrack entry: original and reply are set
    FST_PATH_SNAT = 1U << 3,          ///< the entry translates the source of its original direction
    FST_PATH_DNAT = 1U << 4,          ///< ... the destination
    FST_PATH_REPLY = 1U << 5,         ///< is in the reply direction of its entry
    FST_PATH_RELATED = 1U << 6,       ///< about the entry's connection, not part of it: ICMP error
    FST_PATH_NEW = 1U << 7,           ///< the entry is new: no reply has been seen
    FST_PATH_UNTRACKED = 1U << 8,     ///< excluded from conntrack (NOTRACK)
    FST_PATH_LOCAL = 1U << 9,         ///< a socket of this host owns it
    FST_PATH_FRAGMENT = 1U << 10,     ///< not the first fragment: no ports
    FST_PATH_NO_PORTS = 1U << 11,     ///< the transport header could not be read
    FST_PATH_OWN_MATCH = 1U << 12,    ///< its own tuple matches
    FST_PATH_ENTRY_MATCH = 1U << 13,  ///< a tuple of its conntrack entry matches
    FST_PATH_CONTINUED = 1U << 14,    ///< already seen on this path
};

/// Source and destination of a packet. For ICMP and ICMPv6 echo both ports are the identifier; for
/// other protocols without ports, 0.
struct fst_path_tuple {
    __be32 source[4];
    __be32 destination[4];
    __be16 source_port;
    __be16 destination_port;
    __u8 protocol;  ///< IPPROTO_*; for IPv6, after its extension headers
    __u8 padding[3];
};
FST_STATIC_ASSERT(sizeof(struct fst_path_tuple) == 40, "fst_path_tuple");

/// (skb, began_ns) identifies a packet's path through this host. A record without a path (dropped
/// before its first station) has its own time in began_ns, and FST_PATH_FIRST.
struct fst_path_event {
    struct fst_record_header header;  ///< kind: enum fst_path_kind
    __u64 time_ns;                    ///< CLOCK_MONOTONIC
    __u64 began_ns;                   ///< when the path's first record was written
    __u64 skb;                        ///< the socket buffer's address
    __u64 location;                   ///< address in the kernel's code that freed it; else 0
    struct fst_path_tuple tuple;      ///< the packet's current tuple
    struct fst_path_tuple original;   ///< with FST_PATH_CONNTRACK: of the entry's first packet
    struct fst_path_tuple reply;      ///< ... and of replies before they are translated back
    __u32 netns;                      ///< inode of the network namespace
    __u32 station;      ///< user space's index; in FST_PATH_DROPPED the last one passed;
                        ///< FST_PATH_NO_STATION if there is none, and in records of other kinds
    __u32 ifindex_in;   ///< 0: created on this host, or unknown here
    __u32 ifindex_out;  ///< 0: not decided. For a free: the interface that the buffer belongs to
    __u32 mark;
    __u32 length;  ///< current bytes of the buffer: from the IP header in netfilter hooks, from the
                   ///< link header at tc
    __u32 seq;     ///< TCP; for ICMP echo: the sequence number
    __u32 ack;     ///< TCP
    __u32 drop_reason;  ///< enum skb_drop_reason of the running kernel; in FST_PATH_DROPPED
    __u32 flags;        ///< enum fst_path_flags
    __u16 ip_id;        ///< IPv4
    __u16 segments;     ///< packets on the wire: 1, or a GSO packet's
    __u8 ttl;           ///< TTL or hop limit
    __u8 tcp_flags;     ///< FST_TCP_*
    __u8 icmp_type;
    __u8 icmp_code;
    __u8 place;  ///< enum fst_path_place; in FST_PATH_DROPPED that of the last station passed
    __u8 padding[7];
    /// If IP's hooks are passed from within a bridge (bridge-nf-call-iptables): the interface index of
    /// the port that it came in by, which stays if it is routed then, ...
    __u32 bridge_port_in;
    __u32 bridge_port_out;  ///< ... and of the one that it is forwarded to; 0: none, or not decided
};
FST_STATIC_ASSERT(sizeof(struct fst_path_event) == 224, "fst_path_event");

#define FST_PATH_NO_STATION 0xffffffffU

/// Conditions on a packet, or on a tuple of its conntrack entry. All zeros except the ports' upper
/// ends, which are 65535, matches everything.
struct fst_path_match {
    __u8 family;           ///< 4, 6, or 0 for both
    __u8 protocol;         ///< IPPROTO_*, or 0 for all
    __u8 both_directions;  ///< 1: source and destination may be swapped
    __u8 padding;
    __u16 source_port[2];  ///< first and last, host order; 0 to 65535: any, or no port
    __u16 destination_port[2];
    __be32 source[4];
    __be32 source_mask[4];  ///< for IPv4: the upper 96 bits set, or all 0 for any
    __be32 destination[4];
    __be32 destination_mask[4];
};
FST_STATIC_ASSERT(sizeof(struct fst_path_match) == 76, "fst_path_match");

#define FST_PATH_MATCHES_MAX 16

/// Matches, which may be added while packets arrive: a new one is written before `count`.
struct fst_path_matches {
    __u32 count;
    struct fst_path_match match[FST_PATH_MATCHES_MAX];
};
FST_STATIC_ASSERT(sizeof(struct fst_path_matches) == 1220, "fst_path_matches");

/// Necessary condition on an IPv4 packet without options: two words of its bytes 8 to 23 (protocol,
/// addresses, ports) as in memory, under a mask. All zeros: every packet.
struct fst_path_prefilter_ipv4 {
    __u64 mask[2];
    __u64 value[2];
};
FST_STATIC_ASSERT(sizeof(struct fst_path_prefilter_ipv4) == 32, "fst_path_prefilter_ipv4");

/// The same for bytes 0 to 47 of an IPv6 packet without extension headers.
struct fst_path_prefilter_ipv6 {
    __u64 mask[6];
    __u64 value[6];
};
FST_STATIC_ASSERT(sizeof(struct fst_path_prefilter_ipv6) == 96, "fst_path_prefilter_ipv6");

/// A match needs at most two of each family: one for each direction.
#define FST_PATH_PREFILTERS_MAX (2 * FST_PATH_MATCHES_MAX)

/// Every packet that matches passes one of these; others may, too. Added like fst_path_matches.
struct fst_path_prefilters {
    __u32 ipv4_count;
    __u32 ipv6_count;
    struct fst_path_prefilter_ipv4 ipv4[FST_PATH_PREFILTERS_MAX];
    struct fst_path_prefilter_ipv6 ipv6[FST_PATH_PREFILTERS_MAX];
};
FST_STATIC_ASSERT(sizeof(struct fst_path_prefilters) == 4104, "fst_path_prefilters");

/// Per-CPU counters: index of the map `path_counters`, values __u64.
enum fst_path_counter {
    FST_PATH_COUNT_EVENT = 0,
    FST_PATH_COUNT_EVENT_LOST = 1,   ///< the ring was full
    FST_PATH_COUNT_PACKET_PATH = 2,  ///< paths begun
    FST_PATH_COUNT_UNTRACKED = 3,    ///< paths begun for which the map had no room
    FST_PATH_COUNT_REUSED = 4,       ///< a buffer seen again with another packet, its free unseen
    FST_PATH_COUNT_UNREADABLE = 5,   ///< packets whose IP header could not be read: never matched
    FST_PATH_COUNT_MAX = 6,
};

/// A station's constants. Each station has its own program: netfilter links have no cookie, and a
/// program's context does not contain its priority.
struct fst_path_station {
    __u32 index;  ///< user space's index
    __u32 place;  ///< enum fst_path_place
    __s32 priority;
};
FST_STATIC_ASSERT(sizeof(struct fst_path_station) == 12, "fst_path_station");

#define FST_PATH_NETFILTER_MAX 64   /* stations in netfilter hooks, each for IPv4 and for IPv6 */
#define FST_PATH_TC_MAX 32          /* stations at tc */
#define FST_PATH_OTHER_NETNS_MAX 15 /* network namespaces besides the run's own */

#endif
