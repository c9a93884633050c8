// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// Distance in routers, from a TTL or hop limit.
#ifndef FLOWSTAMP_HOPS_H
#define FLOWSTAMP_HOPS_H

#include "flowstamp/types.h"

/// More hops than any real path has: a sender beyond does not start at one of the usual four TTLs,
/// and its TTL is no evidence.
#define FST_HOPS_MAX 30

/// The most likely initial TTL of a packet: the smallest of 32, 64, 128 and 255 that is not below
/// the received one.
static inline __u8 fst_ttl_base(__u8 ttl) {
    if (ttl <= 32)
        return 32;
    if (ttl <= 64)
        return 64;
    if (ttl <= 128)
        return 128;
    return 255;
}

/// Number of routers between the sender and here, by the usual initial TTLs.
static inline __u8 fst_hops(__u8 ttl) {
    return (__u8)(fst_ttl_base(ttl) - ttl);
}

#endif
