// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// One packet's stamp; each direction of a flow keeps its latest eight.
#ifndef FLOWSTAMP_STAMP_H
#define FLOWSTAMP_STAMP_H

#include "flowstamp/types.h"

/// Stamps kept per direction; a power of two.
#define FST_RING_STAMPS 8

/// TCP flags as in byte 13 of the header (RFC 9293, section 3.1).
#define FST_TCP_FIN 0x01
#define FST_TCP_SYN 0x02
#define FST_TCP_RST 0x04
#define FST_TCP_PSH 0x08
#define FST_TCP_ACK 0x10
#define FST_TCP_URG 0x20
#define FST_TCP_ECE 0x40
#define FST_TCP_CWR 0x80

struct fst_stamp {
    __u32 time_us;   ///< CLOCK_MONOTONIC in microseconds, low 32 bits: wraps every 71 minutes
    __u16 ip_id;     ///< IPv4 identification, host order; 0 for IPv6
    __u8 ttl;        ///< TTL or hop limit of the packet; 0: no stamp yet
    __u8 tcp_flags;  ///< FST_TCP_*
};
FST_STATIC_ASSERT(sizeof(struct fst_stamp) == 8, "eight stamps fill a cache line");

#endif
