// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// The only way back into the kernel: the map `policies`, one entry, written by one class
// (user/kernel/maps/policy_writer). Fixed configuration is read-only data of the program instead.
#ifndef FLOWSTAMP_POLICY_H
#define FLOWSTAMP_POLICY_H

#include "flowstamp/types.h"

enum fst_drop_mode {
    FST_DROP_OFF = 0,
    FST_DROP_CONFIRMED = 1,
    FST_DROP_SUSPECTED = 2,
};

enum fst_challenge_mode {
    FST_CHALLENGE_OFF = 0,
    FST_CHALLENGE_SUSPECTED = 1,
    FST_CHALLENGE_ALL = 2,
};

/// Signatures that user space may have learned.
#define FST_LEARNED_MAX 16

/// An injector's signature: what its resets have in common, where it was seen.
struct fst_learned_signature {
    __u32 ifindex;  ///< the interface at which they arrive
    __u16 ip_id;    ///< neither 0 nor 1
    __u8 hops;
    __u8 tcp_flags;  ///< FST_TCP_* of its resets
};
FST_STATIC_ASSERT(sizeof(struct fst_learned_signature) == 8, "fst_learned_signature");

struct fst_policy {
    __u32 drop_mode;       ///< enum fst_drop_mode
    __u32 challenge_mode;  ///< enum fst_challenge_mode
    __u32 learned_count;   ///< entries of `learned` in use, from the first
    __u32 reserved;
    struct fst_learned_signature learned[FST_LEARNED_MAX];
};
FST_STATIC_ASSERT(sizeof(struct fst_policy) == 144, "fst_policy");

#endif
