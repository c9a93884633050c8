// SPDX-License-Identifier: GPL-2.0-only
// Writes a packet at one place as a record of the ring `path_events`.
#ifndef FLOWSTAMP_BPF_PATH_EMIT_H
#define FLOWSTAMP_BPF_PATH_EMIT_H

#include "bpf/path/conntrack.h"
#include "bpf/path/packet_paths.h"

/// Contents of a record besides its packet and place.
struct path_report {
    enum fst_path_kind kind;
    __u32 flags;  ///< enum fst_path_flags, beyond the packet's own
    __u64 now_ns;
    __u64 began_ns;
    __u64 location;
    __u32 drop_reason;
};

static __always_inline void path_emit_packet(struct fst_path_event* event,
                                             const struct path_packet* packet) {
    event->tuple = packet->tuple;
    event->flags = packet->flags;
    event->seq = packet->seq;
    event->ack = packet->ack;
    event->ip_id = packet->ip_id;
    event->ttl = packet->ttl;
    event->tcp_flags = packet->tcp_flags;
    event->icmp_type = packet->icmp_type;
    event->icmp_code = packet->icmp_code;
}

static __always_inline void path_emit(const struct sk_buff* skb, const struct path_packet* packet,
                                      const struct path_position* at,
                                      const struct path_report* report) {
    struct fst_path_event* event = bpf_ringbuf_reserve(&path_events, sizeof(*event), 0);
    const unsigned long nfct = path_nfct(skb);
    const __u32 entry_flags = path_entry_flags(nfct);

    if (!event) {
        path_count(FST_PATH_COUNT_EVENT_LOST);
        return;
    }
    __builtin_memset(event, 0, sizeof(*event));
    event->header.version = FST_CONTRACT_VERSION;
    event->header.kind = report->kind;
    event->header.size = sizeof(*event);
    event->header.cpu = bpf_get_smp_processor_id();
    path_emit_packet(event, packet);
    event->time_ns = report->now_ns;
    event->began_ns = report->began_ns;
    event->skb = (__u64)skb;
    event->location = report->location;
    event->drop_reason = report->drop_reason;
    event->netns = at->netns;
    event->station = at->station;
    event->place = at->place;
    event->ifindex_in = at->ifindex_in;
    event->ifindex_out = at->ifindex_out;
    event->bridge_port_in = at->bridge.in;
    event->bridge_port_out = at->bridge.out;
    event->mark = skb->mark;
    event->length = skb->len;
    event->segments = path_segments(skb);
    event->flags |=
        report->flags | entry_flags | (path_untrusted_skb(skb)->sk ? FST_PATH_LOCAL : 0);
    if (entry_flags & FST_PATH_CONNTRACK) {
        path_read_tuple(nfct, 0, &event->original);
        path_read_tuple(nfct, 1, &event->reply);
    }
    bpf_ringbuf_submit(event, 0);
    path_count(FST_PATH_COUNT_EVENT);
}

#endif
