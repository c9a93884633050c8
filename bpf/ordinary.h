// SPDX-License-Identifier: GPL-2.0-only
// The shortest way through the program, for the packets that most are: of the common layout, and ordinary in
// their flow. They are read, found and learned in registers. What is not ordinary after all is put into memory
// and goes the long way.
#ifndef FLOWSTAMP_BPF_ORDINARY_H
#define FLOWSTAMP_BPF_ORDINARY_H

#include "bpf/export/stamps.h"
#include "bpf/flow/claim.h"
#include "bpf/flow/observe.h"
#include "bpf/packet/context.h"
#include "bpf/packet/parse_quick.h"
#include "bpf/packet/segment.h"

enum quick_result {
    QUICK_OTHER = 0,  ///< it has another layout: nothing was read
    QUICK_DONE = 1,   ///< it was ordinary: nothing is left to do
    QUICK_READ = 2,   ///< it is in scratch.packet
};

/// What the short way has found out of a packet that is not ordinary.
struct quick {
    __u64 hash;  ///< of its key
    __u64 time_ns;
    __u32 slot;  ///< of its flow, or SLOT_NONE
};

/// After this the compiler keeps it on the stack, once: else it would copy it to where the long way expects it
/// before each comparison that leads there.
static __always_inline void in_memory(struct quick* quick) {
    __asm__ volatile("" : : "r"(quick) : "memory");
}

/// `frame`: of the common layout, its TCP header's length a constant.
static __always_inline enum quick_result learn_if_ordinary(void* ctx, enum fst_hook hook,
                                                           struct quick_frame* frame,
                                                           struct quick* quick) {
    struct fst_packet packet = {};
    const struct segment segment = {.packet = &packet, .frame = frame};
    struct fst_flow* flow;

    if (!is_quick_whole(ctx, hook, frame))
        return QUICK_OTHER;
    place_packet(ctx, hook, &packet);
    // Before the flow's lines are read: on x86 the clock waits for all loads before it (rdtsc_ordered()), and the
    // lines are to come from memory together.
    packet.time_ns = now_ns();
    quick->time_ns = packet.time_ns;
    if (frame->ipv4)
        quick_key_ipv4(&packet, frame);
    else
        quick_key_ipv6(&packet, frame);
    quick->hash = flow_hash(&packet.key);
    flow = flow_look_up(&packet, quick->hash, &quick->slot);
    in_memory(quick);
    read_again(frame);
    // The MAC of one packet in 64 is compared; it is not read here.
    if (!flow || !is_ordinary(flow, segment) || learns_mac(&flow->direction[packet.direction & 1]))
        return QUICK_READ;
    observe_ordinary(flow, segment);
    count_tcp(frame->ip_bytes);
    if (stamping)
        export_frame_stamp(ctx, hook, quick->time_ns);
    return QUICK_DONE;
}

/// With timestamps and without, a body of its own, in which what is constant is known.
static __always_inline enum quick_result learn_if_ordinary_tcp(void* ctx, enum fst_hook hook,
                                                               struct quick_frame* frame,
                                                               struct quick* quick) {
    switch (quick_tcp_header(ctx, hook, frame->tcp)) {
        case sizeof(struct tcphdr) + TIMESTAMPS_BYTES:
            frame->tcp_header = sizeof(struct tcphdr) + TIMESTAMPS_BYTES;
            return learn_if_ordinary(ctx, hook, frame, quick);
        case sizeof(struct tcphdr):
            frame->tcp_header = sizeof(struct tcphdr);
            return learn_if_ordinary(ctx, hook, frame, quick);
        default:
            return QUICK_OTHER;
    }
}

static __always_inline void keep_tcp(struct fst_packet* packet, const struct quick_frame* frame,
                                     __u64 time_ns) {
    packet->time_ns = time_ns;
    quick_fields_tcp(packet, frame);
    packet->flags |= read_mac(packet, frame->ethernet);
}

/// Puts a packet of the common layout into memory. It is read once more from its first byte: what was read
/// before would have to be kept on the stack meanwhile, in the short way too, as BPF has few registers. A pointer
/// that may be to either IP version's header would be no pointer to the verifier: hence two branches.
static __always_inline int read_quick(void* ctx, enum fst_hook hook, struct fst_packet* packet,
                                      __u64 time_ns) {
    struct quick_frame frame = {};

    barrier();
    __builtin_memset(packet, 0, sizeof(*packet));
    place_packet(ctx, hook, packet);
    if (quick_ethertype(ctx, hook) == bpf_htons(ETH_P_IP)) {
        if (!is_quick_ipv4(ctx, hook, &frame))
            return 0;
        frame.tcp_header = quick_tcp_header(ctx, hook, frame.tcp);
        if (!frame.tcp_header)
            return 0;
        quick_key_ipv4(packet, &frame);
        quick_fields_ipv4(packet, &frame);
        keep_tcp(packet, &frame, time_ns);
    } else {
        if (!is_quick_ipv6(ctx, hook, &frame))
            return 0;
        frame.tcp_header = quick_tcp_header(ctx, hook, frame.tcp);
        if (!frame.tcp_header)
            return 0;
        quick_key_ipv6(packet, &frame);
        quick_fields_ipv6(packet, &frame);
        keep_tcp(packet, &frame, time_ns);
    }
    return 1;
}

static __always_inline enum quick_result handle_quick(void* ctx, enum fst_hook hook,
                                                      struct scratch** scratch,
                                                      struct quick* quick) {
    const __be16 ethertype = quick_ethertype(ctx, hook);
    enum quick_result result = QUICK_OTHER;
    struct quick_frame frame = {};

    if (ethertype == bpf_htons(ETH_P_IP) && is_quick_ipv4(ctx, hook, &frame))
        result = learn_if_ordinary_tcp(ctx, hook, &frame, quick);
    else if (ethertype == bpf_htons(ETH_P_IPV6) && is_quick_ipv6(ctx, hook, &frame))
        result = learn_if_ordinary_tcp(ctx, hook, &frame, quick);
    if (result != QUICK_READ)
        return result;
    *scratch = scratch_get();
    return *scratch && read_quick(ctx, hook, &(*scratch)->packet, quick->time_ns) ? QUICK_READ
                                                                                  : QUICK_OTHER;
}

#endif
