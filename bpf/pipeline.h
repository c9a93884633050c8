// SPDX-License-Identifier: GPL-2.0-only
// The one way of a packet: parse -> flow -> stamp, or, for a RST, verdict -> action -> event.
// Everything that is not understood passes.
#ifndef FLOWSTAMP_BPF_PIPELINE_H
#define FLOWSTAMP_BPF_PIPELINE_H

#include "bpf/export/events.h"
#include "bpf/export/stamps.h"
#include "bpf/flow/claim.h"
#include "bpf/flow/observe.h"
#include "bpf/packet/checksum.h"
#include "bpf/packet/parse.h"
#include "bpf/reset/act.h"

static __always_inline void count_unparsed(enum fst_parse_result result) {
    if (result == FST_PARSE_SPLIT_HEADER) {
        count(FST_COUNT_SPLIT_HEADER);
        return;
    }
    if (result == FST_PARSE_NOT_IP || result == FST_PARSE_NOT_TCP)
        count(FST_COUNT_NOT_IP + result - FST_PARSE_NOT_IP);
    else
        count(FST_COUNT_FRAGMENT + result - FST_PARSE_FRAGMENT);
}

/// An ICMP error about a flow that is known: reported, with the flow that it quotes.
static __always_inline void handle_icmp_error(struct scratch* scratch) {
    __u32 slot;

    count(FST_COUNT_ICMP_ERROR);
    if (flow_find(&scratch->packet, 0, &slot))
        emit(FST_EVENT_ICMP_ERROR, slot);
}

/// Whether the packet begins or ends something, or comes from a distance that is new to its side:
/// only then is its checksum worth its price.
static __always_inline int is_decisive(const struct fst_flow* flow,
                                       const struct fst_packet* packet) {
    return (packet->tcp_flags & (FST_TCP_SYN | FST_TCP_FIN | FST_TCP_RST)) ||
           !knows_ttl(&flow->direction[packet->direction & 1], packet->ttl);
}

/// Whether fragments that split TCP's header are dropped: while resets are refused, as a reset could
/// hide in them.
static __always_inline int refuses_split_headers(enum fst_hook hook) {
    const struct fst_policy* policy = policy_get();

    return acting && hook != FST_HOOK_TC_EGRESS && policy &&
           (policy->drop_mode != FST_DROP_OFF || policy->challenge_mode != FST_CHALLENGE_OFF);
}

/// True: the packet is to be dropped.
static __always_inline int handle_packet(void* ctx, enum fst_hook hook) {
    struct scratch* scratch = scratch_get();
    enum fst_parse_result result;
    struct fst_flow* flow;
    __u32 slot;

    if (!scratch)
        return 0;
    result = parse(ctx, hook, scratch);
    if (result != FST_PARSE_TCP && result != FST_PARSE_ICMP_ERROR) {
        count_unparsed(result);
        return result == FST_PARSE_SPLIT_HEADER && refuses_split_headers(hook);
    }
    __builtin_memset(&scratch->judgement, 0, sizeof(scratch->judgement));
    if (result == FST_PARSE_ICMP_ERROR) {
        handle_icmp_error(scratch);
        return 0;
    }
    count(FST_COUNT_TCP);
    count_by(FST_COUNT_BYTES, scratch->packet.ip_bytes);
    flow = flow_find(&scratch->packet, 1, &slot);
    if (stamping)
        buffer_stamp(scratch);
    if (!flow)
        return 0;
    if (is_decisive(flow, &scratch->packet) && is_damaged(ctx, hook, scratch)) {
        count(FST_COUNT_DAMAGED);
        return 0;
    }
    if (scratch->packet.tcp_flags & FST_TCP_RST) {
        if (is_from_wrong_side(flow, &scratch->packet, scratch->packet.direction & 1)) {
            count(FST_COUNT_REFUSED);
            return 0;
        }
        return handle_reset(ctx, hook, scratch, slot);
    }
    observe(scratch, flow, slot);
    return 0;
}

#endif
