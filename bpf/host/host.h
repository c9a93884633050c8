// SPDX-License-Identifier: GPL-2.0-only
// Replaces the kernel's part of maps.h on the host: the same names, for plain memory of one thread.
// Included by maps.h when the data path is compiled for the host.
#ifndef FLOWSTAMP_BPF_HOST_HOST_H
#define FLOWSTAMP_BPF_HOST_HOST_H

#include <string.h>

#define noinline __attribute__((noinline))
#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#define UNROLL _Pragma("GCC unroll 8")
#define barrier() __asm__ volatile("" ::: "memory")

/// Packets are big-endian; the host may be, too.
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define bpf_htons(value) ((__be16)(value))
#define bpf_ntohs(value) ((__u16)(value))
#define bpf_htonl(value) ((__be32)(value))
#define bpf_ntohl(value) ((__u32)(value))
#else
#define bpf_htons(value) __builtin_bswap16(value)
#define bpf_ntohs(value) __builtin_bswap16(value)
#define bpf_htonl(value) __builtin_bswap32(value)
#define bpf_ntohl(value) __builtin_bswap32(value)
#endif

/// One data path's memory; `host`, below, is the one in use.
struct host_path {
    struct fst_flow* flows;
    struct candidate* candidates;
    __u64 seed[2];
    __u32 slots;
    __u32 may_act;
    __u32 reports_repeated;
    __u32 verifies;  ///< checksums
    __u64 time_ns;
    __u64 counters[FST_COUNT_MAX];
    struct fst_policy policy;
    struct scratch scratch;
    struct fst_flow_event record;  ///< the event being written
    void (*deliver)(void* context, const struct fst_event* event);
    void* context;
};

extern __thread struct host_path* host;

#define hash_seed (host->seed)
#define flow_slots (host->slots)
#define acting (host->may_act)
#define reports_every_repeat (host->reports_repeated)
#define verifies_checksums (host->verifies)
#define stamping 0 /* a replay has the packets themselves */

static __always_inline struct scratch* scratch_get(void) {
    return &host->scratch;
}

static __always_inline struct fst_flow* flow_get(__u32 slot) {
    return &host->flows[slot];
}

static __always_inline struct candidate* candidate_get(__u32 slot) {
    return &host->candidates[slot];
}

static __always_inline const struct fst_policy* policy_get(void) {
    return &host->policy;
}

static __always_inline void count_by(__u32 counter, __u64 by) {
    host->counters[counter] += by;
}

static __always_inline void count_tcp(__u32 ip_bytes) {
    host->counters[FST_COUNT_TCP]++;
    host->counters[FST_COUNT_BYTES] += ip_bytes;
}

static __always_inline void* event_reserve(__u32 bytes) {
    (void)bytes;
    return &host->record;
}

static __always_inline void event_submit(void* record, __u64 flags) {
    (void)flags;
    host->deliver(host->context, record);
}

static __always_inline __u64 events_unread(void) {
    return 0;
}

static __always_inline struct fst_stamp_buffer* stamp_buffer_get(void) {
    return 0;
}

static __always_inline long stamps_output(const void* record, __u32 bytes, __u64 flags) {
    (void)record;
    (void)bytes;
    (void)flags;
    return 0;
}

static __always_inline void* stamps_reserve(__u32 bytes) {
    (void)bytes;
    return 0;
}

static __always_inline void stamps_submit(void* record) {
    (void)record;
}

static __always_inline int stamps_fill_up(void) {
    return 0;
}

static __always_inline __u64 now_ns(void) {
    return host->time_ns;
}

static __always_inline __u32 this_cpu(void) {
    return 0;
}

static __always_inline void repeat_on_host(__u32 times, long (*step)(__u32, void*), void* context) {
    for (__u32 i = 0; i < times && step(i, context) == 0; i++)
        ;
}
#define repeat(times, step, context) repeat_on_host(times, step, context)

#endif
