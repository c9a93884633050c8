// SPDX-License-Identifier: GPL-2.0-only
// Signatures of injectors that user space has learned on other flows.
#ifndef FLOWSTAMP_BPF_RESET_LEARNED_H
#define FLOWSTAMP_BPF_RESET_LEARNED_H

#include "bpf/reset/reset_view.h"

static __always_inline int learned_matches(const struct fst_learned_signature* learned,
                                           const struct fst_packet* packet) {
    if (!(learned->flags & FST_LEARNED_USED) || learned->tcp_flags != packet->tcp_flags ||
        !(learned->flags & (FST_LEARNED_IP_ID | FST_LEARNED_WINDOW)))
        return 0;
    if ((learned->flags & FST_LEARNED_IP_ID) &&
        (learned->ip_id != packet->ip_id || (packet->flags & FST_PACKET_IPV6)))
        return 0;
    if ((learned->flags & FST_LEARNED_WINDOW) && learned->window != packet->window)
        return 0;
    return !(learned->flags & FST_LEARNED_HOPS) || learned->hops == fst_hops(packet->ttl);
}

/// Whether the signature is also this sender's own: then it shows nothing.
static __always_inline int sender_has(const struct fst_learned_signature* learned,
                                      const struct reset_view* view) {
    const struct fst_packet* packet = view->packet;
    const struct fst_direction* own = view->own;

    if ((learned->flags & FST_LEARNED_WINDOW) && (own->windows & window_bit(packet->window)))
        return 1;
    if (!(learned->flags & FST_LEARNED_IP_ID))
        return 0;
    return in_ring(own, packet->ip_id, FST_TCP_RST) || fst_id_continues(own, packet->ip_id);
}

/// Whether the sender is known to be where the RST came from, within a hop.
static __always_inline int is_there(const struct reset_view* view) {
    const __u8 hops = view->judgement->hops, own = view->judgement->base_hops;

    return own <= FST_HOPS_MAX && !(view->own->flags & FST_DIRECTION_TTL_MANY) && hops + 1 >= own &&
           hops <= own + 1;
}

/// The first learned signature that the RST has, from 1; 0: none. By itself, as the verifier
/// (6.18) would follow what comes after it once per signature.
noinline __u32 learned_signature_of(__u32 slot) {
    const struct fst_policy* policy = policy_get();
    struct reset_view view;

    if (!policy || !policy->learned_count || !reset_view(&view, slot))
        return 0;
    for (__u32 i = 0; i < FST_LEARNED_MAX; i++) {
        if (learned_matches(&policy->learned[i], view.packet))
            return i + 1;
    }
    return 0;
}

/// Signatures learned by user space: what was seen to forge on other flows. The signature and the
/// distance are two things that the injector cannot share with the sender by one accident: together
/// they confirm a forgery where the flow's own history is too short.
noinline int judge_learned(__u32 slot) {
    const __u32 which = learned_signature_of(slot) - 1;
    const struct fst_policy* policy = policy_get();
    const struct fst_learned_signature* learned;
    struct reset_view view;

    if (which >= FST_LEARNED_MAX || !policy || !reset_view(&view, slot))
        return 0;
    learned = &policy->learned[which];
    if (sender_has(learned, &view))
        return 0;
    add(&view, 1, FST_SIGNAL_LEARNED_SIGNATURE);
    add(&view, (learned->flags & FST_LEARNED_HOPS) && !is_there(&view),
        FST_SIGNAL_LEARNED_DISTANCE);
    return 0;
}

#endif
