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
#define UNROLL _Pragma("clang loop unroll(full)")

/// Since 6.2, and no call: the kernel's structure at an address, to be read directly. What cannot be
/// read there reads as 0.
extern void* bpf_rdonly_cast(const void* address, __u32 btf_id) __ksym __weak;

/// Kernel memory in words of 64 bits, without a call. The type is any that begins with as many; such
/// a word costs 45 bytes of machine code (x86), as its address is checked, so few and wide ones are
/// cheaper than a header's fields one by one.
static __always_inline const struct rtnl_link_stats64* path_words(const void* address) {
    return bpf_rdonly_cast(address, bpf_core_type_id_kernel(struct rtnl_link_stats64));
}

/// The network namespace that is watched, by its inode: frees are seen of all of them.
const volatile __u32 watched_netns;

/// 1: only drops are told, with the last station; a packet that is not dropped costs no record.
const volatile __u32 only_drops;

/// What is asked for, and what tells with less work that a packet is none of it. Written by user
/// space: the first ones once every program stands, as a journey that begins earlier would miss
/// stations.
struct fst_path_matches matches;
struct fst_path_prefilters prefilters;

/// Where each program stands. Constants to the verifier: the maps of read-only data are frozen.
const volatile struct fst_path_station ipv4_stations[FST_PATH_NETFILTER_MAX];
const volatile struct fst_path_station ipv6_stations[FST_PATH_NETFILTER_MAX];
const volatile struct fst_path_station tc_stations[FST_PATH_TC_MAX];
/// Their interfaces, where tracepoints stand in for tc: a tracepoint sees them all.
const volatile __u32 tc_interfaces[FST_PATH_TC_MAX];

/// A packet on its way; the key is its buffer's address. Buffers are used again, often without
/// their free being seen: the digest tells the next packet from this one.
struct packet_path {
    __u64 began_ns;
    __u64 digest;
    __u32 place;     ///< of the last station: enum fst_path_place
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
    __type(value, struct packet_path);
} packet_paths SEC(".maps");

/// A bit for each buffer that a journey was ever begun of, by a hash of its address; never cleared.
/// A free bit says without a lookup that a buffer is on none: so it is for the host's other traffic,
/// as buffers are few and used again.
#define PACKET_PATH_BITS_LOG2 16
__u64 packet_path_bits[(1 << PACKET_PATH_BITS_LOG2) / 64];

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4096);
} path_events SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, FST_PATH_COUNT_MAX);
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
