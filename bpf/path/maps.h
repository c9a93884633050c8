// SPDX-License-Identifier: GPL-2.0-only
// Maps and settings of the path programs.
#ifndef FLOWSTAMP_BPF_PATH_MAPS_H
#define FLOWSTAMP_BPF_PATH_MAPS_H

#include "flowstamp/path.h"
#include "vmlinux/internal.h"
#include "vmlinux/kernel.h"

// The packet types first: libbpf's headers use them.
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define noinline __attribute__((noinline))
#define UNROLL FST_UNROLL

/// Since 6.2; not a call: gives direct read access to the kernel structure at an address.
/// Unreadable memory reads as 0.
extern void* bpf_rdonly_cast(const void* address, __u32 btf_id) __ksym __weak;

/// Reads kernel memory in 64-bit words, without a call. The type is any structure that begins with
/// enough of them. Each word costs 45 bytes of machine code (x86), as its address is checked, so a
/// few wide words are cheaper than a header's fields one by one.
static __always_inline const struct rtnl_link_stats64* path_words(const void* address) {
    return bpf_rdonly_cast(address, bpf_core_type_id_kernel(struct rtnl_link_stats64));
}

/// The same structures, for loads of their pointers: to load one through a pointer that the verifier
/// trusts makes it search the kernel's types by name, in a list of 100,000, up to four times for each
/// way there is to that load. That was nine tenths of a program's time to load.
static __always_inline const struct sk_buff* path_untrusted_skb(const struct sk_buff* skb) {
    return bpf_ksym_exists(bpf_rdonly_cast)
               ? bpf_rdonly_cast(skb, bpf_core_type_id_kernel(struct sk_buff))
               : skb;
}

static __always_inline const struct nf_hook_state* path_untrusted_state(
    const struct nf_hook_state* state) {
    return bpf_ksym_exists(bpf_rdonly_cast)
               ? bpf_rdonly_cast(state, bpf_core_type_id_kernel(struct nf_hook_state))
               : state;
}

/// Inode of the network namespace that these programs' stations are in.
const volatile __u32 watched_netns;

/// Inodes of the other namespaces that packets are followed through, then zeros: the kernel reports
/// frees in all of them.
const volatile __u32 other_netns[FST_PATH_OTHER_NETNS_MAX];

/// 1: records only for drops, with the last station; a packet that is not dropped costs no record.
const volatile __u32 only_drops;

/// The matches, and cheaper tests that rule most packets out. User space writes the first ones once
/// every program is attached, as a packet path that begins earlier would lack stations.
struct fst_path_matches matches;
struct fst_path_prefilters prefilters;

/// Each program's station. Constants to the verifier: read-only data maps are frozen.
const volatile struct fst_path_station ipv4_stations[FST_PATH_NETFILTER_MAX];
const volatile struct fst_path_station ipv6_stations[FST_PATH_NETFILTER_MAX];
const volatile struct fst_path_station tc_stations[FST_PATH_TC_MAX];
/// Interfaces of the tracepoints that replace tc stations: a tracepoint sees all interfaces.
const volatile __u32 tc_interfaces[FST_PATH_TC_MAX];

/// The other end of a veth pair. Zeros: the interface is none, or not known.
struct path_peer {
    __u32 ifindex;  ///< in its own network namespace, whose inode is ...
    __u32 netns;
};

/// A packet's open path; the key is its buffer's address. Buffers are reused, often without a
/// visible free: the digest distinguishes the next packet from this one.
struct packet_path {
    __u64 began_ns;
    __u64 digest;
    __u32 place;     ///< of the last station: enum fst_path_place
    __s32 priority;  ///< of the last station
    __u32 ifindex;   ///< of the last station at tc
    __u32 station;   ///< the last one passed
    __u32 netns;     ///< inode of the network namespace of the last station
    __u32 padding;
    struct path_peer peer;  ///< of the interface that the last station saw it leave by
};

/// The loader sets the size. Paths without a visible end (the stack frees delivered packets
/// silently) stay until their slot is needed: LRU.
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 1);
    __type(key, __u64);
    __type(value, struct packet_path);
} packet_paths SEC(".maps");

/// A bit per buffer that ever had a path, indexed by a hash of its address; never cleared. A zero
/// bit shows without a lookup that the buffer has none, which covers the host's other traffic, as
/// buffers are few and reused.
#define PACKET_PATH_BITS_LOG2 16
__u64 packet_path_bits[(1 << PACKET_PATH_BITS_LOG2) / 64];

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4096);
} path_events SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64[FST_PATH_COUNT_MAX]);
} path_counters SEC(".maps");

/// Atomic: in OUTPUT the programs run in process context, where an interrupt may run one, too.
static __always_inline void path_count(__u32 counter) {
    const __u32 zero = 0;
    __u64* values = bpf_map_lookup_elem(&path_counters, &zero);

    if (values && counter < FST_PATH_COUNT_MAX)
        __sync_fetch_and_add(&values[counter], 1);
}

#endif
