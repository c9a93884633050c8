// SPDX-License-Identifier: GPL-2.0-only
// The data path's memory: maps and read-only configuration, and the few helpers that
// reach them. The host build (bpf/host) puts plain memory in their place; nothing else in bpf/
// knows which of the two it is compiled for.
#ifndef FLOWSTAMP_BPF_MAPS_H
#define FLOWSTAMP_BPF_MAPS_H

#include "flowstamp/config.h"
#include "flowstamp/counter.h"
#include "flowstamp/event.h"
#include "flowstamp/flow.h"
#include "flowstamp/packet.h"
#include "flowstamp/policy.h"
#include "flowstamp/stamp_batch.h"
#include "vmlinux/kernel.h"

/// What the parser reads next.
enum layer {
    LAYER_ETHERNET = 0,
    LAYER_ETHERTYPE = 1,  ///< what the ethertype `next` names: tags, IP, or a tunnel of that layer
    LAYER_IP = 2,
    LAYER_TRANSPORT = 3,  ///< what the IP protocol `next` names
};

/// Where a frame is being read. Positions are bytes from the frame's start.
struct cursor {
    __u32 position;
    __u32 end;
    __u32 next;    ///< ethertype, or IP protocol
    __u32 result;  ///< enum fst_parse_result so far
    __u32 layer;   ///< enum layer
    // Kept while the packet is handled, if parse_frame() read it.
    __u32 tunnels;     ///< entered so far
    __be32 source[4];  ///< of the latest IP header
    __be32 destination[4];
};

/// What a challenged RST is made into.
struct challenge {
    __u32 seq;
    __u32 ack;
    __u8 flags;  ///< FST_TCP_*
    __u8 grow;   ///< 1: the packet gets one byte of payload
    __u8 padding[2];
};

/// Bytes of a segment that are summed up at a time.
#define CHUNK_BYTES 256

/// One packet's working memory, a CPU's own: the verifier does not follow values in map memory, so
/// what lives here does not multiply its states. XDP and tc run with bottom halves off and do not
/// interrupt each other on a CPU, so one per CPU is enough.
struct scratch {
    struct fst_packet packet;
    struct fst_judgement judgement;
    struct cursor cursor;
    __u64 woken_ns;  ///< when the ring's reader was last woken from this CPU
    struct challenge challenge;
    __u32 frame_bytes;  ///< of frame[] that hold the packet
    __u32 acceptance;   ///< enum fst_acceptance of the packet
    __u32 slot;         ///< of the packet's flow
    __u32 from_socket;  ///< at egress: a socket of this host has sent the packet
    __u32 sent_on;      ///< at egress: the packet came in by the interface that it leaves by
    __u32 is_gso;       ///< the packet is several segments in one
    __u32
        socket_open;  ///< of a reset or SYN: its flow looks ended, and a socket of this host has it
    /// The packet's first bytes; twice FST_SNAP_BYTES, so that any position masked to 255 has a
    /// whole header's room behind it.
    __u8 frame[2 * FST_SNAP_BYTES];
    __u64 chunk[CHUNK_BYTES / 8];  ///< of the segment, while its checksum is summed up
};

/// What packets that do not fit a flow say of it (bpf/flow/candidate.h).
struct candidate {
    __u32 isn[2];     ///< of the ends' SYNs, with `handshake`
    __u16 window[2];  ///< of those
    __u8 wscale[2];   ///< as in struct fst_flow
    __u8 timestamps[2];
    __u32 edge[2];     ///< one past the highest of an end's refused segments, with `seen`
    __u32 ack[2];      ///< its latest ACK among them
    __u8 handshake;    ///< bit d: end d has sent a SYN, or a SYN-ACK to it
    __u8 seen;         ///< bit d: end d has sent what was refused
    __u8 agrees;       ///< bit d: it acknowledges what the other one has sent
    __u8 mptcp;        ///< bit d: end d's SYN offered Multipath TCP
    __u32 agreed_us;   ///< when both agreed last, microseconds, with `agreements`
    __u32 agreements;  ///< how often, of what passes a router
    __u32 syn_coarse;  ///< when its latest SYN came, as in fst_flow.seen_coarse, with `handshake`
};

#ifdef __bpf__

#include <bpf/bpf_helpers.h>

#include <bpf/bpf_endian.h>

#define noinline __attribute__((noinline))
#define UNROLL FST_UNROLL

/// Read-only data, set by the loader before the programs are verified. Their `volatile` is what
/// keeps clang from folding the zeros that stand here: never cast it away.
const volatile __u64 hash_seed[2];          ///< random, odd
const volatile __u32 flow_slots;            ///< of the table
const volatile __u32 acting;                ///< 0: the verifier removes all that drops or rewrites
const volatile __u32 clock_is_replayed;     ///< 1: time is replayed_time_ns
const volatile __u32 reports_every_repeat;  ///< 1: FST_EVENT_DATA_REPEATED of whatever distance
/// 1: a segment that decides something is summed up, and what is in a tunnel is a flow of its own. 0:
/// a capture, whose damaged segments are known otherwise, and which may show both sides of a
/// tunnel's end.
const volatile __u32 verifies_checksums;
const volatile __u32 stamping;  ///< 1: every TCP packet's stamp goes to `stamps`
__u64 replayed_time_ns;         ///< a capture's clock, ns

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct fst_flow);
} flows SEC(".maps");  ///< by slot

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct candidate);
} candidates SEC(".maps");  ///< by slot

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, FST_EVENTS_BYTES);
} events SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64[FST_COUNT_MAX]);
} counters SEC(".maps");  ///< all in one element: a packet looks it up once

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct fst_policy);
} policies SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct scratch);
} scratches SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, FST_STAMPS_BYTES_UNUSED);
} stamps SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct fst_stamp_buffer);
} stamp_buffers SEC(".maps");

static __always_inline struct scratch* scratch_get(void) {
    const __u32 zero = 0;

    return bpf_map_lookup_elem(&scratches, &zero);
}

static __always_inline struct fst_flow* flow_get(__u32 slot) {
    struct fst_flow* flow = bpf_map_lookup_elem(&flows, &slot);

    // clang would test several pointers for null at once, which the verifier refuses (6.18).
    __asm__ volatile("" : "+r"(flow));
    return flow;
}

static __always_inline struct candidate* candidate_get(__u32 slot) {
    struct candidate* candidate = bpf_map_lookup_elem(&candidates, &slot);

    __asm__ volatile("" : "+r"(candidate));  // as above
    return candidate;
}

static __always_inline const struct fst_policy* policy_get(void) {
    const __u32 zero = 0;

    return bpf_map_lookup_elem(&policies, &zero);
}

static __always_inline __u64* counters_get(void) {
    const __u32 zero = 0;

    return bpf_map_lookup_elem(&counters, &zero);
}

static __always_inline void count_by(__u32 counter, __u64 by) {
    __u64* values = counters_get();

    if (values && counter < FST_COUNT_MAX)
        values[counter] += by;
}

static __always_inline void count_tcp(__u32 ip_bytes) {
    __u64* values = counters_get();

    if (!values)
        return;
    values[FST_COUNT_TCP]++;
    values[FST_COUNT_BYTES] += ip_bytes;
}

static __always_inline void* event_reserve(__u32 bytes) {
    return bpf_ringbuf_reserve(&events, bytes, 0);
}

static __always_inline void event_submit(void* record, __u64 flags) {
    bpf_ringbuf_submit(record, flags);
}

/// Bytes in the ring `events` that are not read yet.
static __always_inline __u64 events_unread(void) {
    return bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA);
}

static __always_inline struct fst_stamp_buffer* stamp_buffer_get(void) {
    const __u32 zero = 0;

    return bpf_map_lookup_elem(&stamp_buffers, &zero);
}

/// 0, or a negative errno where there is no room.
static __always_inline long stamps_output(const void* record, __u32 bytes, __u64 flags) {
    return bpf_ringbuf_output(&stamps, (void*)record, bytes, flags);
}

static __always_inline void* stamps_reserve(__u32 bytes) {
    return bpf_ringbuf_reserve(&stamps, bytes, 0);
}

static __always_inline void stamps_submit(void* record) {
    bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

static __always_inline int stamps_fill_up(void) {
    return bpf_ringbuf_query(&stamps, BPF_RB_AVAIL_DATA) >
           bpf_ringbuf_query(&stamps, BPF_RB_RING_SIZE) / 4;
}

static __always_inline __u64 now_ns(void) {
    return clock_is_replayed ? replayed_time_ns : bpf_ktime_get_ns();
}

static __always_inline __u32 this_cpu(void) {
    return bpf_get_smp_processor_id();
}

#define repeat(times, step, context) bpf_loop(times, step, context, 0)

#else
#include "bpf/host/host.h"
#endif

/// For a packet that may be judged, or reported: not most packets.
static __always_inline void judgement_clear(struct scratch* scratch) {
    __builtin_memset(&scratch->judgement, 0, sizeof(scratch->judgement));
}

static __always_inline void count(__u32 counter) {
    count_by(counter, 1);
}

#endif
