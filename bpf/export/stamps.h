// SPDX-License-Identifier: GPL-2.0-only
// Every packet's stamp, buffered per CPU and written to the ring `stamps` in batches.
//
// Which programs use a CPU's buffer:
// - XDP and tc programs run with bottom halves off, so they do not interrupt each other (see struct
//   scratch).
// - The collector, if called from another CPU, runs in an interrupt, and so may interrupt a
//   packet's program; called on this CPU, it runs in a process with preemption off, and a packet's
//   program may interrupt it.
// On one CPU the interrupting program ends before the interrupted one continues, so a plain flag
// with compiler barriers is enough as a lock. Between testing and setting the flag another program
// may interrupt, but it leaves the flag as it was; so the rest of the buffer is read only after
// setting it. A program that finds the flag set has interrupted its holder: the collector then does
// nothing, and a packet's stamp is written to the ring by itself. That stamp may precede the batch
// being written at that moment; otherwise a CPU's stamps stay in order.
#ifndef FLOWSTAMP_BPF_EXPORT_STAMPS_H
#define FLOWSTAMP_BPF_EXPORT_STAMPS_H

#include "bpf/export/events.h"
#include "bpf/maps.h"
#include "bpf/packet/segment.h"

static __always_inline void write_stamp(struct fst_packet_stamp* stamp, struct segment segment) {
    const struct fst_packet* packet = segment.packet;

    stamp->time_ns = packet->time_ns;
    __builtin_memcpy(stamp->address, packet->key.address, sizeof(stamp->address));
    __builtin_memcpy(stamp->port, packet->key.port, sizeof(stamp->port));
    stamp->ifindex = packet->key.ifindex;
    stamp->protocol = packet->key.protocol;
    stamp->seq = seq_of(segment);
    stamp->ack = ack_of(segment);
    stamp->payload = payload_of(segment);
    stamp->ip_id = ip_id_of(segment);
    stamp->window = window_of(segment);
    stamp->segments = packet->segments;
    stamp->header_words = (__u8)(header_bytes_of(segment) / 4);
    stamp->flags =
        (__u8)((packet->direction & 1 ? FST_STAMP_SENDER : 0) |
               (is_ipv4(segment) ? 0 : FST_STAMP_IPV6) | (is_df(segment) ? FST_STAMP_DF : 0) |
               (is_first_fragment(segment) ? FST_STAMP_MORE_FRAGMENTS : 0) |
               packet->hook << FST_STAMP_HOOK_SHIFT);
    stamp->ttl = ttl_of(segment);
    stamp->tcp_flags = tcp_flags_of(segment);
    stamp->traffic_class = traffic_class_of(segment);
}

static __always_inline void begin_batch(struct fst_stamp_batch* batch, __u32 count) {
    batch->header.version = FST_CONTRACT_VERSION;
    batch->header.kind = FST_STAMP_BATCH;
    batch->header.size = (__u16)fst_stamp_batch_bytes(count);
    batch->header.cpu = this_cpu();
    batch->count = count;
    batch->padding = 0;
}

static __always_inline void stamp_buffer_hold(struct fst_stamp_buffer* buffer) {
    *(volatile __u32*)&buffer->held = 1;
    barrier();
}

static __always_inline void stamp_buffer_release(struct fst_stamp_buffer* buffer) {
    barrier();
    *(volatile __u32*)&buffer->held = 0;
}

/// Wakes the reader when the ring is a quarter full; it also polls ten times a second.
static __always_inline __u64 stamps_wake_flag(struct fst_stamp_buffer* buffer, __u64 now) {
    if (now - buffer->woken_ns < WAKE_INTERVAL_NS || !stamps_fill_up())
        return WAKE_NEVER;
    buffer->woken_ns = now;
    return WAKE_NOW;
}

/// Moves the batch into the ring; the caller holds the buffer. `now` 0: the reader is awake.
noinline int flush_stamps(__u64 now) {
    struct fst_stamp_buffer* buffer = stamp_buffer_get();
    __u32 count;

    if (!buffer)
        return 0;
    count = buffer->batch.count;
    if (count == 0 || count > FST_BATCH_STAMPS)
        return 0;
    begin_batch(&buffer->batch, count);
    if (stamps_output(&buffer->batch, fst_stamp_batch_bytes(count),
                      now ? stamps_wake_flag(buffer, now) : WAKE_NEVER))
        count_by(FST_COUNT_STAMP_LOST, count);
    else
        count_by(FST_COUNT_STAMP, count);
    buffer->batch.count = 0;
    return 0;
}

/// Writes a stamp to the ring directly, without the buffer.
static __always_inline void submit_stamp_alone(struct segment segment) {
    struct fst_stamp_batch* batch = stamps_reserve(fst_stamp_batch_bytes(1));

    if (!batch) {
        count(FST_COUNT_STAMP_LOST);
        return;
    }
    begin_batch(batch, 1);
    write_stamp(&batch->stamps[0], segment);
    stamps_submit(batch);
    count(FST_COUNT_STAMP);
}

static __always_inline void buffer_stamp(struct segment segment) {
    struct fst_stamp_buffer* buffer = stamp_buffer_get();
    __u32 place;

    if (!buffer)
        return;
    if (buffer->held) {
        submit_stamp_alone(segment);
        return;
    }
    stamp_buffer_hold(buffer);
    place = buffer->batch.count & (FST_BATCH_STAMPS - 1);
    write_stamp(&buffer->batch.stamps[place], segment);
    buffer->batch.count = place + 1;
    if (place == FST_BATCH_STAMPS - 1)
        flush_stamps(segment.packet->time_ns);
    stamp_buffer_release(buffer);
}

/// Buffers the stamp of the packet in memory.
noinline int export_stamp(void) {
    const struct scratch* scratch = scratch_get();

    if (scratch)
        buffer_stamp(segment_in_memory(&scratch->packet));
    return 0;
}

/// Buffers the stamp of a packet of the common layout, from its frame.
static __always_inline int export_quick_stamp(void* ctx, enum fst_hook hook, __u64 time_ns) {
    const __be16 ethertype = quick_ethertype(ctx, hook);
    struct fst_packet packet = {.time_ns = time_ns};
    struct quick_frame frame = {};
    const struct segment segment = {.packet = &packet, .frame = &frame};

    place_packet(ctx, hook, &packet);
    if (ethertype == bpf_htons(ETH_P_IP) && is_quick_ipv4(ctx, hook, &frame)) {
        frame.tcp_header = frame.tcp->doff_reserved >> 4 << 2;
        quick_key_ipv4(&packet, &frame);
        buffer_stamp(segment);
    } else if (ethertype == bpf_htons(ETH_P_IPV6) && is_quick_ipv6(ctx, hook, &frame)) {
        frame.tcp_header = frame.tcp->doff_reserved >> 4 << 2;
        quick_key_ipv6(&packet, &frame);
        buffer_stamp(segment);
    }
    return 0;
}

// Functions of their own, so that the verifier does not walk through them from each state that leads there. A
// program's context has the type of its hook.
#ifdef __bpf__
noinline int export_frame_stamp_xdp(struct xdp_md* ctx, __u64 time_ns) {
    return export_quick_stamp(ctx, FST_HOOK_XDP, time_ns);
}

noinline int export_frame_stamp_tc_ingress(struct __sk_buff* ctx, __u64 time_ns) {
    return export_quick_stamp(ctx, FST_HOOK_TC_INGRESS, time_ns);
}

noinline int export_frame_stamp_tc_egress(struct __sk_buff* ctx, __u64 time_ns) {
    return export_quick_stamp(ctx, FST_HOOK_TC_EGRESS, time_ns);
}

static __always_inline void export_frame_stamp(void* ctx, enum fst_hook hook, __u64 time_ns) {
    switch (hook) {
        case FST_HOOK_XDP:
            export_frame_stamp_xdp(ctx, time_ns);
            break;
        case FST_HOOK_TC_INGRESS:
            export_frame_stamp_tc_ingress(ctx, time_ns);
            break;
        default:
            export_frame_stamp_tc_egress(ctx, time_ns);
    }
}
#else
static __always_inline void export_frame_stamp(void* ctx, enum fst_hook hook, __u64 time_ns) {
    export_quick_stamp(ctx, hook, time_ns);
}
#endif

/// Moves this CPU's partly filled batch into the ring.
static __always_inline enum fst_collected collect_stamps(void) {
    struct fst_stamp_buffer* buffer = stamp_buffer_get();

    if (!buffer)
        return FST_COLLECTED;
    if (buffer->held)
        return FST_COLLECT_BUSY;
    stamp_buffer_hold(buffer);
    flush_stamps(0);
    stamp_buffer_release(buffer);
    return FST_COLLECTED;
}

#endif
