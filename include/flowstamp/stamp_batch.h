// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// Records of the ring `stamps`: every TCP packet's stamp, several per record.
#ifndef FLOWSTAMP_STAMP_BATCH_H
#define FLOWSTAMP_STAMP_BATCH_H

#include "flowstamp/flow.h"
#include "flowstamp/types.h"

/// Maximum number of stamps in a record; a power of two.
#define FST_BATCH_STAMPS 32

/// Bits of fst_packet_stamp.flags.
enum fst_packet_stamp_flags {
    FST_STAMP_SENDER = 1U << 0,  ///< the sender's index in the key
    FST_STAMP_IPV6 = 1U << 1,
    FST_STAMP_DF = 1U << 2,
    FST_STAMP_MORE_FRAGMENTS = 1U << 3,  ///< the first fragment of several
    FST_STAMP_HOOK = 3U << 4,            ///< enum fst_hook: see fst_stamp_hook()
};
#define FST_STAMP_HOOK_SHIFT 4

/// A packet as it arrived, before a verdict or change by flowstamp. It contains the whole key: 40
/// bytes more than a slot number and a few nanoseconds; but the slot may belong to another flow by
/// the time the stamp is read, and a packet that found the table full has none.
struct fst_packet_stamp {
    __u64 time_ns;  ///< CLOCK_MONOTONIC
    __be32 address[2][4];
    __be16 port[2];
    __u32 ifindex;
    __u32 seq;
    __u32 ack;
    __u32 payload;       ///< TCP payload bytes, by the IP length; a GSO packet's sum
    __u16 ip_id;         ///< 0 for IPv6
    __u16 window;        ///< unscaled
    __u16 segments;      ///< packets on the wire: 1, or a GSO packet's
    __u8 header_words;   ///< 4-byte words of IP and TCP header, with options and extension headers
    __u8 flags;          ///< enum fst_packet_stamp_flags
    __u8 protocol;       ///< IPPROTO_*
    __u8 ttl;            ///< TTL or hop limit
    __u8 tcp_flags;      ///< FST_TCP_*
    __u8 traffic_class;  ///< TOS or traffic class
};
FST_STATIC_ASSERT(sizeof(struct fst_packet_stamp) == 72, "fst_packet_stamp");

static inline struct fst_flow_key fst_stamp_key(const struct fst_packet_stamp* stamp) {
    struct fst_flow_key key = {};

    __builtin_memcpy(key.address, stamp->address, sizeof(key.address));
    __builtin_memcpy(key.port, stamp->port, sizeof(key.port));
    key.ifindex = stamp->ifindex;
    key.protocol = stamp->protocol;
    return key;
}

/// Where the packet was seen: enum fst_hook.
static inline __u8 fst_stamp_hook(const struct fst_packet_stamp* stamp) {
    return (stamp->flags & FST_STAMP_HOOK) >> FST_STAMP_HOOK_SHIFT;
}

#define FST_STAMP_BATCH 1 /* header.kind */

/// A record's length depends on the number of its stamps.
struct fst_stamp_batch {
    struct fst_record_header header;
    __u32 count;  ///< number of valid `stamps`
    __u32 padding;
    struct fst_packet_stamp stamps[FST_BATCH_STAMPS];
};
FST_STATIC_ASSERT(sizeof(struct fst_stamp_batch) == 2320, "fst_stamp_batch");

static inline __u32 fst_stamp_batch_bytes(__u32 count) {
    return (__u32)FST_OFFSETOF(struct fst_stamp_batch, stamps) +
           count * (__u32)sizeof(struct fst_packet_stamp);
}

/// A CPU's stamps before they are submitted: its value of the map `stamp_buffers`.
struct fst_stamp_buffer {
    __u32 held;  ///< not 0: a program is writing to it
    __u32 padding;
    __u64 woken_ns;  ///< when the ring's reader was last woken from this CPU
    struct fst_stamp_batch batch;
};
FST_STATIC_ASSERT(sizeof(struct fst_stamp_buffer) == 2336, "fst_stamp_buffer");

/// Return values of the program that submits a partly filled batch.
enum fst_collected {
    FST_COLLECTED = 0,     ///< the buffer is empty
    FST_COLLECT_BUSY = 1,  ///< a packet's program was interrupted while writing to it: try again
};

#endif
