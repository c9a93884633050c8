// SPDX-License-Identifier: GPL-2.0-only
// Writes records to the ring `events`. A record that finds no room is counted as lost.
//
// While the reader is behind, what anybody can cause in any number, how flows open, is given up first:
// a sample of flows goes on to be reported, each with all of its handshake, and the rest is counted apart.
#ifndef FLOWSTAMP_BPF_EXPORT_EVENTS_H
#define FLOWSTAMP_BPF_EXPORT_EVENTS_H

#include "bpf/maps.h"

/// The reader is woken for a RST, and when more than EVENTS_WAKE bytes are unread, but not more often
/// than this; it also polls ten times a second.
#define WAKE_INTERVAL_NS 1000000ULL
#define EVENTS_WAKE (FST_EVENTS_BYTES / 16)
/// With more bytes unread than EVENTS_SAMPLING, the openings of a sample of flows are reported; with
/// more than EVENTS_OPENINGS, none: nobody can suppress the report of a reset by sending SYNs.
#define EVENTS_SAMPLING (FST_EVENTS_BYTES / 8 * 3)
#define EVENTS_OPENINGS (FST_EVENTS_BYTES / 2)
#define WAKE_NEVER 1ULL /* BPF_RB_NO_WAKEUP */
#define WAKE_NOW 2ULL   /* BPF_RB_FORCE_WAKEUP */

/// Clears fields that few packets have. The parser does not, to save time: they may still hold an
/// earlier packet's values.
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

static __always_inline __u64 wake_flag(struct scratch* scratch, int is_wanted) {
    if (!is_wanted || scratch->packet.time_ns - scratch->woken_ns < WAKE_INTERVAL_NS)
        return WAKE_NEVER;
    scratch->woken_ns = scratch->packet.time_ns;
    return WAKE_NOW;
}

/// Writes an event with a copy of the slot.
static __always_inline void emit_flow(struct scratch* scratch, const struct fst_flow* flow,
                                      __u32 slot, __u32 kind) {
    struct fst_flow_event* record = event_reserve(sizeof(*record));

    if (!record) {
        count(FST_COUNT_EVENT_LOST);
        return;
    }
    write_event(&record->event, scratch, kind, sizeof(*record), slot, flow->generation);
    record->flow = *flow;
    event_submit(record,
                 wake_flag(scratch, kind == FST_EVENT_RST || events_unread() > EVENTS_WAKE));
    count(FST_COUNT_EVENT);
}

/// Whether the event tells how a flow opens: a flood of SYNs can cause any number of these.
static __always_inline int is_opening(__u32 kind) {
    return kind == FST_EVENT_SYN || kind == FST_EVENT_SYN_ACK || kind == FST_EVENT_STALE_ACK ||
           kind == FST_EVENT_ESTABLISHED;
}

/// The tag is a hash with a secret seed: nobody can choose to be in the sample, or not to be.
static __always_inline int is_sampled(const struct fst_flow* flow) {
    return (flow->tag >> 32) % FST_OPENINGS_SAMPLED == 0;
}

/// Writes an event without the slot. A global function, as it is called in many places.
noinline int emit(__u32 kind, __u32 slot) {
    struct scratch* scratch = scratch_get();
    struct fst_flow* flow = flow_get(slot);
    struct fst_event* record;
    __u64 unread;

    if (!scratch || !flow)
        return 0;
    unread = events_unread();
    if (is_opening(kind) && unread > EVENTS_SAMPLING && !is_sampled(flow)) {
        count(FST_COUNT_OPENING_UNSAMPLED);
        return 0;
    }
    record = is_opening(kind) && unread > EVENTS_OPENINGS ? 0 : event_reserve(sizeof(*record));
    if (!record) {
        count(FST_COUNT_EVENT_LOST);
        return 0;
    }
    write_event(record, scratch, kind, sizeof(*record), slot, flow->generation);
    event_submit(record, wake_flag(scratch, unread > EVENTS_WAKE));
    count(FST_COUNT_EVENT);
    return 0;
}

/// Writes an event with the slot, for rare kinds. A global function for the same reason.
noinline int emit_slot(__u32 kind, __u32 slot) {
    struct scratch* scratch = scratch_get();
    struct fst_flow* flow = flow_get(slot);

    if (scratch && flow)
        emit_flow(scratch, flow, slot, kind);
    return 0;
}

#endif
