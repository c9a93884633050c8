// SPDX-License-Identifier: GPL-2.0-only
// What the path programs keep and are told.
#ifndef FLOWSTAMP_BPF_PATH_MAPS_H
#define FLOWSTAMP_BPF_PATH_MAPS_H

#include "flowstamp/path.h"
#include "vmlinux/internal.h"
#include "vmlinux/kernel.h"

// The packet's types first: libbpf's headers use them.
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define noinline __attribute__((noinline))

/// The network namespace that is watched, by its inode: frees are seen of all of them.
const volatile __u32 watched_netns;

/// 1: only drops are told, with the last station; a packet that is not dropped costs no record.
const volatile __u32 only_drops;

/// Where each program stands. Constants to the verifier: the maps of read-only data are frozen.
const volatile struct fs_path_station netfilter_stations[FS_PATH_NETFILTER_MAX];
const volatile struct fs_path_station tc_stations[FS_PATH_TC_MAX];
/// Their interfaces, where tracepoints stand in for tc: a tracepoint sees them all.
const volatile __u32 tc_interfaces[FS_PATH_TC_MAX];

/// A packet on its way; the key is its buffer's address. Buffers are used again, often without
/// their free being seen: the digest tells the next packet from this one.
struct journey {
    __u64 began_ns;
    __u64 digest;
    __u32 place;     ///< of the last station: enum fs_path_place
    __s32 priority;  ///< of the last station
    __u32 ifindex;   ///< of the last station at tc
    __u32 station;   ///< the last one
};

/// The size is the loader's. Journeys whose end nothing shows (the stack frees what it delivered
/// without a word) stay until their place is needed: the least recently used goes.
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 1);
    __type(key, __u64);
    __type(value, struct journey);
} path_journeys SEC(".maps");

/// Written by user space, as a whole. A packet that comes meanwhile may be held against half of the
/// old and half of the new.
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct fs_path_matches);
} path_matches SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4096);
} path_events SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, FS_PATH_COUNT_MAX);
    __type(key, __u32);
    __type(value, __u64);
} path_counters SEC(".maps");

/// Atomic: in OUTPUT the programs run in process context, and an interrupt's may come between.
static __always_inline void path_count(__u32 counter) {
    __u64* value = bpf_map_lookup_elem(&path_counters, &counter);

    if (value)
        __sync_fetch_and_add(value, 1);
}

#endif
