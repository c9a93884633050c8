// SPDX-License-Identifier: GPL-2.0-only
// A direction's ring of stamps, and its version, by which readers in user space know that they read
// a direction while it was written.
#ifndef FLOWSTAMP_BPF_FLOW_RING_H
#define FLOWSTAMP_BPF_FLOW_RING_H

#include "bpf/flow/learn.h"
#include "bpf/maps.h"
#include "bpf/packet/segment.h"

/// Two CPUs may carry one direction for a moment (a flow that moves queues, an egress program on
/// any CPU): a stamp is then lost, and `version` shows it to readers; no verdict depends on it.
static __always_inline void stamp_packet(struct fst_direction* own, struct segment segment,
                                         __u32 now_us) {
    struct fst_stamp* place = &own->ring[own->ring_next & (FST_RING_STAMPS - 1)];

    place->time_us = now_us;
    place->ip_id = ip_id_of(segment);
    place->ttl = ttl_of(segment);
    place->tcp_flags = tcp_flags_of(segment);
    own->ring_next = (own->ring_next + 1) & (FST_RING_STAMPS - 1);
}

/// Odd while a direction is written; whatever two CPUs at once made of it, each end leaves it even
/// again.
static __always_inline void version_begin(struct fst_direction* own) {
    *(volatile __u16*)&own->version = own->version | 1;
    barrier();
}

static __always_inline void version_end(struct fst_direction* own) {
    barrier();
    *(volatile __u16*)&own->version = (own->version | 1) + 1;
}

#endif
