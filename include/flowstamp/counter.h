// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// Per-CPU counters of the data path: index of the map `counters`, values __u64.
#ifndef FLOWSTAMP_COUNTER_H
#define FLOWSTAMP_COUNTER_H

#include "flowstamp/types.h"

enum fst_counter {
    FST_COUNT_TCP = 0,    ///< TCP packets parsed (a GSO packet is one)
    FST_COUNT_BYTES = 1,  ///< their IP bytes: beside them, in one cache line
    FST_COUNT_NOT_IP = 2,
    FST_COUNT_NOT_TCP = 3,
    FST_COUNT_ICMP_ERROR = 4,
    FST_COUNT_FRAGMENT = 5,
    FST_COUNT_CUT = 6,
    FST_COUNT_MALFORMED = 7,
    FST_COUNT_TOO_DEEP = 8,
    FST_COUNT_FLOW_NEW = 9,
    FST_COUNT_EVICT_CLOSED = 10,  ///< the slot of a closed flow was reused
    FST_COUNT_EVICT_HALF_OPEN = 11,
    FST_COUNT_EVICT_IDLE = 12,
    FST_COUNT_EVICT_LIVE = 13,  ///< a live flow lost its slot: the table is too small
    FST_COUNT_FLOW_LOST = 14,   ///< no slot was available: the packet passed unstamped
    FST_COUNT_RST = 15,
    FST_COUNT_RST_SUSPECTED = 16,
    FST_COUNT_RST_CONFIRMED = 17,
    FST_COUNT_DROPPED = 18,
    FST_COUNT_CHALLENGED = 19,
    FST_COUNT_UPHELD = 20,
    FST_COUNT_REFUTED = 21,
    FST_COUNT_PASS_SUSPECT = 22,  ///< could not be dropped or challenged as wanted: passed
    FST_COUNT_ACT_FAILED = 23,    ///< the kernel refused the rewrite: passed unchanged
    FST_COUNT_EVENT = 24,
    FST_COUNT_EVENT_LOST = 25,    ///< the ring `events` was full
    FST_COUNT_STAMP = 26,         ///< stamps in the ring `stamps`
    FST_COUNT_STAMP_LOST = 27,    ///< stamps of batches that found the ring `stamps` full
    FST_COUNT_DAMAGED = 28,       ///< wrong checksum: judged by nobody
    FST_COUNT_REFUSED = 29,       ///< their receiver's stack refuses them: nothing is learned
    FST_COUNT_SPLIT_HEADER = 30,  ///< fragments that end or begin within TCP's fixed header
    /// Records of how flows outside of the sample opened, left out as the ring `events` filled up.
    FST_COUNT_OPENING_UNSAMPLED = 31,
    FST_COUNT_MAX = 32,
};

#endif
