// SPDX-License-Identifier: GPL-2.0-only
// Records into the ring `events`. Every one that finds no room is counted where it is lost.
#ifndef FLOWSTAMP_BPF_EXPORT_EVENTS_H
#define FLOWSTAMP_BPF_EXPORT_EVENTS_H

#include "bpf/maps.h"

/// Wake the reader for a RST, but not more often than this; it polls ten times a second besides.
#define WAKE_INTERVAL_NS 1000000ULL
#define WAKE_NEVER 1ULL /* BPF_RB_NO_WAKEUP */
#define WAKE_NOW 2ULL   /* BPF_RB_FORCE_WAKEUP */

/// The parser does not spend time on clearing what only few packets have: what stands there is an
/// earlier one's.
static __always_inline void forget_earlier(struct fst_packet* packet, __u32 kind) {
    if (!(packet->flags & FST_PACKET_IPV6))
        packet->flow_label = 0;
    if (kind != FST_EVENT_ICMP_ERROR) {
        packet->icmp_type = 0;
        packet->icmp_code = 0;
        __builtin_memset(packet->icmp_source, 0, sizeof(packet->icmp_source));
    }
}

static __always_inline void write_event(struct fst_event* event, const struct scratch* scratch,
                                        __u32 kind, __u32 bytes, __u32 slot, __u32 generation) {
    event->header.version = FST_CONTRACT_VERSION;
    event->header.kind = (__u8)kind;
    event->header.size = (__u16)bytes;
    event->header.cpu = this_cpu();
    event->packet = scratch->packet;
    forget_earlier(&event->packet, kind);
    event->judgement = scratch->judgement;
    event->generation = generation;
    event->slot = slot;
}

static __always_inline __u64 wake_flag(struct scratch* scratch, __u32 kind) {
    if (kind != FST_EVENT_RST || scratch->packet.time_ns - scratch->woken_ns < WAKE_INTERVAL_NS)
        return WAKE_NEVER;
    scratch->woken_ns = scratch->packet.time_ns;
    return WAKE_NOW;
}

/// An event with the whole slot.
static __always_inline void emit_flow(struct scratch* scratch, const struct fst_flow* flow,
                                      __u32 slot, __u32 kind) {
    struct fst_flow_event* record = event_reserve(sizeof(*record));

    if (!record) {
        count(FST_COUNT_EVENT_LOST);
        return;
    }
    write_event(&record->event, scratch, kind, sizeof(*record), slot, flow->generation);
    record->flow = *flow;
    event_submit(record, wake_flag(scratch, kind));
    count(FST_COUNT_EVENT);
}

/// What floods are made of may fill half of the ring: the rest is for what says more of a connection,
/// so that nobody keeps a reset from being told by sending SYNs.
static __always_inline int may_flood(__u32 kind) {
    return kind == FST_EVENT_SYN || kind == FST_EVENT_SYN_ACK;
}

/// An event without it. A global function, as many places emit.
noinline int emit(__u32 kind, __u32 slot) {
    struct scratch* scratch = scratch_get();
    struct fst_flow* flow = flow_get(slot);
    struct fst_event* record;

    if (!scratch || !flow)
        return 0;
    record = may_flood(kind) && events_half_full() ? 0 : event_reserve(sizeof(*record));
    if (!record) {
        count(FST_COUNT_EVENT_LOST);
        return 0;
    }
    write_event(record, scratch, kind, sizeof(*record), slot, flow->generation);
    event_submit(record, WAKE_NEVER);
    count(FST_COUNT_EVENT);
    return 0;
}

/// An event with the slot, of rare kinds. A global function, for the same reason.
noinline int emit_slot(__u32 kind, __u32 slot) {
    struct scratch* scratch = scratch_get();
    struct fst_flow* flow = flow_get(slot);

    if (scratch && flow)
        emit_flow(scratch, flow, slot, kind);
    return 0;
}

#endif
