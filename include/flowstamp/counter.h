// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// Per-CPU counters of the data path: index of the map `counters`, values __u64.
#ifndef FLOWSTAMP_COUNTER_H
#define FLOWSTAMP_COUNTER_H

#include "flowstamp/types.h"

enum fs_counter {
    FS_COUNT_TCP = 0,  ///< TCP packets parsed (a GSO packet is one)
    FS_COUNT_NOT_IP = 1,
    FS_COUNT_NOT_TCP = 2,
    FS_COUNT_ICMP_ERROR = 3,
    FS_COUNT_FRAGMENT = 4,
    FS_COUNT_CUT = 5,
    FS_COUNT_MALFORMED = 6,
    FS_COUNT_TOO_DEEP = 7,
    FS_COUNT_FLOW_NEW = 8,
    FS_COUNT_EVICT_CLOSED = 9,  ///< a closed flow gave its slot
    FS_COUNT_EVICT_HALF_OPEN = 10,
    FS_COUNT_EVICT_IDLE = 11,
    FS_COUNT_EVICT_LIVE = 12,  ///< a live flow lost its slot: the table is too small
    FS_COUNT_FLOW_LOST = 13,   ///< no slot could be had: the packet passed unstamped
    FS_COUNT_RST = 14,
    FS_COUNT_RST_SUSPECTED = 15,
    FS_COUNT_RST_CONFIRMED = 16,
    FS_COUNT_DROPPED = 17,
    FS_COUNT_CHALLENGED = 18,
    FS_COUNT_UPHELD = 19,
    FS_COUNT_REFUTED = 20,
    FS_COUNT_PASS_DOUBTED = 21,  ///< acting was wanted but not possible: passed
    FS_COUNT_ACT_FAILED = 22,    ///< the kernel refused the rewrite: passed unchanged
    FS_COUNT_EVENT = 23,
    FS_COUNT_EVENT_LOST = 24,  ///< the ring `events` was full
    FS_COUNT_BYTES = 25,       ///< IP bytes of TCP packets
    FS_COUNT_STAMP = 26,       ///< stamps in the ring `stamps`
    FS_COUNT_STAMP_LOST = 27,  ///< stamps of batches that the ring `stamps` had no room for
    FS_COUNT_MAX = 28,
};

#endif
