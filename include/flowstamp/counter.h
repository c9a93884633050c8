// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// Per-CPU counters of the data path: index of the map `counters`, values __u64.
#ifndef FLOWSTAMP_COUNTER_H
#define FLOWSTAMP_COUNTER_H

#include "flowstamp/types.h"

enum fst_counter {
    FST_COUNT_TCP = 0,  ///< TCP packets parsed (a GSO packet is one)
    FST_COUNT_NOT_IP = 1,
    FST_COUNT_NOT_TCP = 2,
    FST_COUNT_ICMP_ERROR = 3,
    FST_COUNT_FRAGMENT = 4,
    FST_COUNT_CUT = 5,
    FST_COUNT_MALFORMED = 6,
    FST_COUNT_TOO_DEEP = 7,
    FST_COUNT_FLOW_NEW = 8,
    FST_COUNT_EVICT_CLOSED = 9,  ///< the slot of a closed flow was reused
    FST_COUNT_EVICT_HALF_OPEN = 10,
    FST_COUNT_EVICT_IDLE = 11,
    FST_COUNT_EVICT_LIVE = 12,  ///< a live flow lost its slot: the table is too small
    FST_COUNT_FLOW_LOST = 13,   ///< no slot was available: the packet passed unstamped
    FST_COUNT_RST = 14,
    FST_COUNT_RST_SUSPECTED = 15,
    FST_COUNT_RST_CONFIRMED = 16,
    FST_COUNT_DROPPED = 17,
    FST_COUNT_CHALLENGED = 18,
    FST_COUNT_UPHELD = 19,
    FST_COUNT_REFUTED = 20,
    FST_COUNT_PASS_SUSPECT = 21,  ///< could not be dropped or challenged as wanted: passed
    FST_COUNT_ACT_FAILED = 22,    ///< the kernel refused the rewrite: passed unchanged
    FST_COUNT_EVENT = 23,
    FST_COUNT_EVENT_LOST = 24,    ///< the ring `events` was full
    FST_COUNT_BYTES = 25,         ///< IP bytes of TCP packets
    FST_COUNT_STAMP = 26,         ///< stamps in the ring `stamps`
    FST_COUNT_STAMP_LOST = 27,    ///< stamps of batches that found the ring `stamps` full
    FST_COUNT_DAMAGED = 28,       ///< wrong checksum: judged by nobody
    FST_COUNT_REFUSED = 29,       ///< their receiver's stack refuses them: nothing is learned
    FST_COUNT_SPLIT_HEADER = 30,  ///< fragments that end or begin within TCP's fixed header
    FST_COUNT_MAX = 31,
};

#endif
