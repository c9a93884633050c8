// SPDX-License-Identifier: GPL-2.0-only
// The shortest way through the program, for the packets that most are: of the common layout, and ordinary in
// their flow. They are read, found and learned in registers. What is not ordinary after all is put into memory
// and goes the long way.
#ifndef FLOWSTAMP_BPF_ORDINARY_H
#define FLOWSTAMP_BPF_ORDINARY_H

#include "bpf/flow/claim.h"
#include "bpf/flow/observe.h"
#include "bpf/packet/context.h"
#include "bpf/packet/parse_quick.h"

enum quick_result {
    QUICK_OTHER = 0,  ///< it has another layout: nothing was read
    QUICK_DONE = 1,   ///< it was ordinary: nothing is left to do
    QUICK_READ = 2,   ///< it is in scratch.packet
};

/// What is known of it before its flow.
static __always_inline void place_packet(void* ctx, enum fst_hook hook, struct fst_packet* packet) {
    packet->key.ifindex = ctx_ifindex(ctx, hook);
    packet->key.padding[0] = packet->key.padding[1] = 0;
    packet->hook = hook;
    packet->segments = ctx_segments(ctx, hook);
}

static __always_inline int learn_if_ordinary(struct fst_flow* flow, struct fst_packet* packet) {
    const int d = packet->direction & 1;

    // The MAC of one packet in 64 is compared; it is not read here.
    if (stamping || !flow || learns_mac(&flow->direction[d]) || !is_ordinary(flow, packet, d))
        return 0;
    observe_ordinary(flow, packet);
    count_tcp(packet->ip_bytes);
    return 1;
}

/// Puts the packet into memory.
static __always_inline enum quick_result keep_packet(struct scratch** scratch,
                                                     const struct fst_packet* packet,
                                                     const struct quick_frame* frame) {
    *scratch = scratch_get();
    if (!*scratch)
        return QUICK_OTHER;
    (*scratch)->packet = *packet;
    (*scratch)->packet.flags |= read_mac(&(*scratch)->packet, frame->ethernet);
    return QUICK_READ;
}

/// With QUICK_READ: `flow` is what flow_at_home() has found, and `hash` is set. Of each IP version a body of its
/// own, in which what is constant is known.
static __always_inline enum quick_result handle_quick(void* ctx, enum fst_hook hook,
                                                      struct scratch** scratch,
                                                      struct fst_flow** flow, __u64* hash) {
    const __be16 ethertype = quick_ethertype(ctx, hook);
    struct fst_packet packet = {};
    struct quick_frame frame;

    if (ethertype == bpf_htons(ETH_P_IP)) {
        if (!is_quick_ipv4(ctx, hook, &frame))
            return QUICK_OTHER;
        place_packet(ctx, hook, &packet);
        quick_key_ipv4(&packet, &frame);
        *flow = flow_at_home(&packet, hash);
        packet.time_ns = now_ns();
        quick_fields_ipv4(&packet, &frame);
        quick_fields_tcp(&packet, &frame);
        return learn_if_ordinary(*flow, &packet) ? QUICK_DONE
                                                 : keep_packet(scratch, &packet, &frame);
    }
    if (ethertype == bpf_htons(ETH_P_IPV6)) {
        if (!is_quick_ipv6(ctx, hook, &frame))
            return QUICK_OTHER;
        place_packet(ctx, hook, &packet);
        quick_key_ipv6(&packet, &frame);
        *flow = flow_at_home(&packet, hash);
        packet.time_ns = now_ns();
        quick_fields_ipv6(&packet, &frame);
        quick_fields_tcp(&packet, &frame);
        return learn_if_ordinary(*flow, &packet) ? QUICK_DONE
                                                 : keep_packet(scratch, &packet, &frame);
    }
    return QUICK_OTHER;
}

#endif
