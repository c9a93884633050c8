// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// Records of the ring `events`: transitions only.
#ifndef FLOWSTAMP_EVENT_H
#define FLOWSTAMP_EVENT_H

#include "flowstamp/evidence.h"
#include "flowstamp/flow.h"
#include "flowstamp/packet.h"
#include "flowstamp/types.h"

enum fs_event_kind {
    FS_EVENT_RST = 1,  ///< struct fs_flow_event: the slot as it was when the RST was judged
    FS_EVENT_SYN = 2,  ///< struct fs_event: a SYN that began a flow, or came again
    FS_EVENT_SYN_ACK = 3,
    FS_EVENT_FIN = 4,
    FS_EVENT_ICMP_ERROR = 5,  ///< an ICMP error about a known flow
    FS_EVENT_AFTER_RST = 6,   ///< a packet of a side whose RST is under observation
    FS_EVENT_TTL = 7,         ///< a fitting packet bore a TTL new to its side
    FS_EVENT_EVICTED = 8,     ///< struct fs_flow_event: a live flow lost its slot
    FS_EVENT_ENDED = 9,       ///< struct fs_flow_event: a closed flow's slot is taken or restarted
    FS_EVENT_RESENT = 10,     ///< struct fs_flow_event: sent again after a silence of its sender
    FS_EVENT_PROGRESS = 11,   ///< what was sent again is acknowledged
    FS_EVENT_AWAKE = 12,      ///< struct fs_flow_event: a packet after a rest; the slot before it
    FS_EVENT_ONE_WAY = 13,    ///< struct fs_flow_event: the other direction is still unseen
    FS_EVENT_REPEATED =
        14,  ///< struct fs_flow_event: data sent again from another distance, or unfit
    FS_EVENT_KINDS = 15,
};

/// The common part. `judgement` speaks in FS_EVENT_RST, and in FS_EVENT_AFTER_RST, where its signals
/// are the signs of life which the kernel saw in this packet, and its challenge is REFUTED if this
/// packet answered one.
struct fs_event {
    struct fs_record_header header;
    struct fs_packet packet;
    struct fs_judgement judgement;
    __u32 generation;  ///< of the slot: with its place, names the flow
    __u32 slot;        ///< bucket * FS_BUCKET_WAYS + way
};
FS_STATIC_ASSERT(sizeof(struct fs_event) == 168, "fs_event");

struct fs_flow_event {
    struct fs_event event;
    struct fs_flow flow;
};
FS_STATIC_ASSERT(sizeof(struct fs_flow_event) == 552, "fs_flow_event");

/// Whether records of this kind are struct fs_flow_event.
static inline int fs_event_has_flow(__u32 kind) {
    return kind == FS_EVENT_RST || kind == FS_EVENT_EVICTED || kind == FS_EVENT_ENDED ||
           kind == FS_EVENT_RESENT || kind == FS_EVENT_REPEATED || kind == FS_EVENT_AWAKE ||
           kind == FS_EVENT_ONE_WAY;
}

#endif
