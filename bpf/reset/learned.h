// SPDX-License-Identifier: GPL-2.0-only
// Signatures of injectors that user space has learned on other flows.
#ifndef FLOWSTAMP_BPF_RESET_LEARNED_H
#define FLOWSTAMP_BPF_RESET_LEARNED_H

#include "bpf/reset/reset_view.h"

static __always_inline int learned_matches(const struct fst_learned_signature* learned,
                                           const struct fst_packet* packet) {
    return learned->ip_id == packet->ip_id && learned->hops == fst_hops(packet->ttl) &&
           learned->tcp_flags == packet->tcp_flags && learned->ifindex == packet->key.ifindex &&
           !(packet->flags & FST_PACKET_IPV6);
}

/// Signatures learned by user space: what was seen to forge on other flows. One is never enough:
/// anybody may choose an IP-ID.
noinline int judge_learned(__u32 slot) {
    const struct fst_policy* policy = policy_get();
    struct reset_view view;

    // An ID that the sender has, too, shows nothing.
    if (!policy || !policy->learned_count || !reset_view(&view, slot) ||
        in_ring(view.own, view.packet->ip_id, FST_TCP_RST) ||
        fst_id_continues(view.own, view.packet->ip_id))
        return 0;
    for (__u32 i = 0; i < FST_LEARNED_MAX && i < policy->learned_count; i++) {
        if (learned_matches(&policy->learned[i], view.packet)) {
            add(&view, 1, FST_SIGNAL_LEARNED_SIGNATURE);
            return 0;
        }
    }
    return 0;
}

#endif
