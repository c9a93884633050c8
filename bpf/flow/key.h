// SPDX-License-Identifier: GPL-2.0-only
// The flow key in the table: a keyed hash, the slots that it selects, and comparison.
// All of this runs for every packet.
#ifndef FLOWSTAMP_BPF_FLOW_KEY_H
#define FLOWSTAMP_BPF_FLOW_KEY_H

#include "bpf/maps.h"

FST_STATIC_ASSERT(sizeof(struct fst_flow_key) == 5 * sizeof(__u64) + sizeof(__u32),
                  "five words and a half");
FST_STATIC_ASSERT(FST_OFFSETOF(struct fst_flow, key) % sizeof(__u64) == 0 &&
                      FST_OFFSETOF(struct fst_packet, key) % sizeof(__u64) == 0,
                  "keys are read as words");

static __always_inline __u64 mix(__u64 value, __u64 word, __u64 multiplier) {
    value = (value ^ word) * multiplier;
    return value ^ (value >> 32);
}

/// A keyed hash of the flow key: each step is keyed by a secret, odd multiplier, and what goes into the next one
/// is secret by then. Its high half is the better one.
static __always_inline __u64 flow_hash(const struct fst_flow_key* key) {
    const __u64* words = (const __u64*)key;
    const __u64 m0 = hash_seed[0], m1 = hash_seed[1];
    __u64 hash = m1;

    if (key->address[0][2] == bpf_htonl(0xffff) && !words[0]) {  // IPv4: the rest is constant
        hash = mix(hash, (__u64)key->address[0][3] << 32 | key->address[1][3], m0);
    } else {
        hash = mix(hash, words[0], m0);
        hash = mix(hash, words[1], m1);
        hash = mix(hash, words[2], m0);
        hash = mix(hash, words[3], m1);
    }
    return mix(hash, words[4] ^ key->protocol, m1) * m0;
}

static __always_inline __u64 tag_of(__u64 hash) {
    return hash | 2;  // never free (0), never FST_TAG_BUSY
}

/// Where the run begins that the hash selects: the slot that is tried first. The hash's high half as a fraction of
/// the table, which need not be of a power of two slots.
static __always_inline __u32 run_of(__u64 hash) {
    return (__u32)((hash >> 32) * flow_slots >> 32);
}

/// The hash that selects the flow's next run.
static __always_inline __u64 next_hash(__u64 hash) {
    return (hash ^ (hash >> 32)) * hash_seed[0];
}

/// A run's slot number `i`, below FST_RUN_SLOTS. Behind the table's last slot comes its first.
static __always_inline __u32 slot_in_run(__u32 first, __u32 i) {
    const __u32 slot = first + i;

    return slot < flow_slots ? slot : slot - flow_slots;
}

/// Both must be aligned to 8 bytes, as in a slot and in a packet.
static __always_inline int key_equal(const struct fst_flow_key* a, const struct fst_flow_key* b) {
    const __u64 *x = (const __u64*)a, *y = (const __u64*)b;

    return !((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]) | (x[4] ^ y[4]) |
             (((const __u32*)a)[10] ^ ((const __u32*)b)[10]));
}

#endif
