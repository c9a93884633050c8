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

FST_STATIC_ASSERT(FST_PACKET_IPV6 << 1 == FST_STAMP_IPV6 && FST_PACKET_DF << 1 == FST_STAMP_DF &&
                      FST_PACKET_FIRST_FRAGMENT >> 7 == FST_STAMP_MORE_FRAGMENTS,
                  "flags move without a branch");

static __always_inline void write_stamp(struct fst_packet_stamp* stamp,
                                        const struct fst_packet* packet) {
    const __u32 ip_header = packet->l4_offset - packet->l3_offset;
    const __u32 flags = packet->flags;

    stamp->time_ns = packet->time_ns;
    __builtin_memcpy(stamp->address, packet->key.address, sizeof(stamp->address));
    __builtin_memcpy(stamp->port, packet->key.port, sizeof(stamp->port));
    stamp->ifindex = packet->key.ifindex;
    stamp->protocol = packet->key.protocol;
    stamp->seq = packet->seq;
    stamp->ack = packet->ack;
    stamp->payload = packet->payload;
    stamp->ip_id = packet->ip_id;
    stamp->window = packet->window;
    stamp->segments = packet->segments;
    stamp->header_words = (__u8)((ip_header + packet->tcp_header) / 4);
    stamp->flags =
        (__u8)((packet->direction & 1) | (flags & (FST_PACKET_IPV6 | FST_PACKET_DF)) << 1 |
               (flags & FST_PACKET_FIRST_FRAGMENT) >> 7 | packet->hook << FST_STAMP_HOOK_SHIFT);
    stamp->ttl = packet->ttl;
    stamp->tcp_flags = packet->tcp_flags;
    stamp->traffic_class = packet->tos;
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

/// Writes the packet's stamp to the ring directly, without the buffer.
noinline int submit_stamp_alone(void) {
    struct scratch* scratch = scratch_get();
    struct fst_stamp_batch* batch;

    if (!scratch)
        return 0;
    batch = stamps_reserve(fst_stamp_batch_bytes(1));
    if (!batch) {
        count(FST_COUNT_STAMP_LOST);
        return 0;
    }
    begin_batch(batch, 1);
    write_stamp(&batch->stamps[0], &scratch->packet);
    stamps_submit(batch);
    count(FST_COUNT_STAMP);
    return 0;
}

/// Adds the parsed packet's stamp to the buffer.
static __always_inline void buffer_stamp(const struct scratch* scratch) {
    struct fst_stamp_buffer* buffer = stamp_buffer_get();
    __u32 place;

    if (!buffer)
        return;
    if (buffer->held) {
        submit_stamp_alone();
        return;
    }
    stamp_buffer_hold(buffer);
    place = buffer->batch.count & (FST_BATCH_STAMPS - 1);
    write_stamp(&buffer->batch.stamps[place], &scratch->packet);
    buffer->batch.count = place + 1;
    if (place == FST_BATCH_STAMPS - 1)
        flush_stamps(scratch->packet.time_ns);
    stamp_buffer_release(buffer);
}

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
