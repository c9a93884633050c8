// SPDX-License-Identifier: GPL-2.0-only
// The one way of a packet: parse -> flow -> stamp, or, for a RST, verdict -> action -> event.
// Everything that is not understood passes.
#ifndef FLOWSTAMP_BPF_PIPELINE_H
#define FLOWSTAMP_BPF_PIPELINE_H

#include "bpf/export/events.h"
#include "bpf/export/stamps.h"
#include "bpf/flow/claim.h"
#include "bpf/flow/observe.h"
#include "bpf/ordinary.h"
#include "bpf/packet/checksum.h"
#include "bpf/packet/parse.h"
#include "bpf/reset/act.h"
#include "bpf/reset/socket.h"
#include "flowstamp/challenge_rules.h"

static __always_inline void count_unparsed(enum fst_parse_result result) {
    if (result == FST_PARSE_SPLIT_HEADER || result == FST_PARSE_BURIED) {
        count(result == FST_PARSE_BURIED ? FST_COUNT_TOO_DEEP : FST_COUNT_SPLIT_HEADER);
        return;
    }
    if (result == FST_PARSE_NOT_IP || result == FST_PARSE_NOT_TCP)
        count(FST_COUNT_NOT_IP + result - FST_PARSE_NOT_IP);
    else
        count(FST_COUNT_FRAGMENT + result - FST_PARSE_FRAGMENT);
}

/// An ICMP error about a flow that is known, as the stack takes it in: whole, and about a segment
/// that is under way. Reported, with the flow that it quotes.
static __always_inline void handle_icmp_error(void* ctx, enum fst_hook hook,
                                              struct scratch* scratch) {
    struct fst_flow* flow;
    __u32 slot;

    count(FST_COUNT_ICMP_ERROR);
    flow = flow_find(scratch, &slot);
    if (!flow)
        return;
    judgement_clear(scratch);
    if (!fst_is_under_way(flow, scratch->packet.seq, scratch->packet.direction & 1))
        count(FST_COUNT_REFUSED);
    else if (is_damaged_icmp(ctx, hook, scratch))
        count(FST_COUNT_DAMAGED);
    else
        emit(FST_EVENT_ICMP_ERROR, slot);
}

/// A side's packets until its flow is open, or else is a view of one direction only.
#define OPENING_PACKETS 8

/// Whether the packet begins or ends something, comes while something is pending, leaves a gap
/// behind its side's edge, moves its side's clock, shows a shorter round trip, or comes from a
/// distance that is new to its side: only then is its checksum worth its price.
static __always_inline int is_decisive(const struct fst_flow* flow,
                                       const struct fst_packet* packet) {
    const int d = packet->direction & 1;
    const struct fst_direction* own = &flow->direction[d];
    const __u32 state = flow->state;

    return (packet->tcp_flags & (FST_TCP_SYN | FST_TCP_FIN | FST_TCP_RST)) ||
           (!(state & FST_FLOW_ESTABLISHED) && own->packets < OPENING_PACKETS) ||
           (state & (pending_of(d) | FST_FLOW_CANDIDATE | FST_OF(FST_FLOW_FIN, 0) |
                     FST_OF(FST_FLOW_FIN, 1))) ||
           fst_sequence_after(packet->seq, own->seq_edge) > 0 ||
           ((packet->flags & FST_PACKET_TS) && leaps_ahead(own, packet)) ||
           lowers_rtt(own, &flow->direction[d ^ 1], packet) || !knows_ttl(own, packet->ttl);
}

/// Whether the packet's frame came for all of the link, or for a group: no stack takes it in, nor does a router pass it
/// on (Linux: tcp_v4_rcv(), tcp_v6_rcv(), ip_forward()). One that goes on exactly where its side stands is taken on
/// trust, as a damaged one is.
static __always_inline int is_to_many(const struct fst_packet* packet) {
    return (packet->doubts & FST_DOUBT_TO_MANY) && verifies_checksums &&
           packet->hook != FST_HOOK_TC_EGRESS;
}

/// Whether the packet leaves by the interface that it came in by: a router's with a single one.
static __always_inline int is_sent_on(void* ctx, enum fst_hook hook,
                                      const struct scratch* scratch) {
    return hook == FST_HOOK_TC_EGRESS && ctx_came_in_by(ctx, hook) == scratch->packet.key.ifindex;
}

/// Whether resets that come in are refused at all.
static __always_inline int refuses_resets(enum fst_hook hook) {
    const struct fst_policy* policy = policy_get();

    return acting && hook != FST_HOOK_TC_EGRESS && policy &&
           (policy->drop_mode != FST_DROP_OFF || policy->challenge_mode != FST_CHALLENGE_OFF);
}

/// Whether headers that cannot be read are dropped, those of fragments that split them and those
/// behind more tags or extension headers than any host sends: while resets are refused, as a reset
/// could hide there.
static __always_inline int refuses_hidden_headers(enum fst_hook hook,
                                                  enum fst_parse_result result) {
    return (result == FST_PARSE_SPLIT_HEADER || result == FST_PARSE_BURIED) && refuses_resets(hook);
}

/// A FIN that came with a gap before it has closed its side by the time that it is acknowledged.
static __always_inline void note_fins_received(struct fst_flow* flow) {
    UNROLL
    for (int d = 0; d < 2; d++) {
        if ((flow->state & FST_OF(FST_FLOW_FIN_AHEAD, d)) &&
            flow->direction[d ^ 1].ack_edge == flow->direction[d].seq_edge)
            state_set(flow, FST_OF(FST_FLOW_FIN, d));
    }
}

/// Whether the packet is a challenge that user space asks again, as it comes in at tc and generic XDP: no packet of the
/// peer's. A forger's of that shape teaches nobody anything, either.
static __always_inline int is_asked_again(enum fst_hook hook, const struct fst_packet* packet,
                                          __u32 slot) {
    return acting && hook != FST_HOOK_TC_EGRESS && packet->payload == 1 &&
           has_form_of_challenge(slot);
}

/// Asks this host's own stack, before a reset or a SYN is taken for one behind the end of its connection.
static __always_inline void ask_socket(void* ctx, enum fst_hook hook, struct scratch* scratch,
                                       struct fst_flow* flow) {
    note_fins_received(flow);
    scratch->socket_open = acting && has_ended(flow) && socket_has_it(ctx, hook, &scratch->packet);
}

/// True: the packet is to be dropped.
static __always_inline int handle_packet(void* ctx, enum fst_hook hook) {
    struct scratch* scratch = 0;
    struct quick quick = {};
    enum fst_parse_result result;
    struct fst_flow* flow;
    __u32 slot;

    switch (handle_quick(ctx, hook, &scratch, &quick)) {
        case QUICK_DONE:
            return 0;
        case QUICK_READ:
            break;
        case QUICK_OTHER:
            scratch = scratch_get();
            if (!scratch)
                return 0;
            result = parse(ctx, hook, scratch);
            if (result != FST_PARSE_TCP && result != FST_PARSE_ICMP_ERROR) {
                count_unparsed(result);
                return refuses_hidden_headers(hook, result);
            }
            if (result == FST_PARSE_ICMP_ERROR) {
                handle_icmp_error(ctx, hook, scratch);
                return 0;
            }
            quick.hash = flow_hash(&scratch->packet.key);
            quick.slot = flow_search(quick.hash);
    }
    scratch->from_socket = ctx_has_socket(ctx, hook);
    if (is_to_many(&scratch->packet)) {
        count(FST_COUNT_REFUSED);
        return 0;
    }
    count_tcp(scratch->packet.ip_bytes);
    flow = flow_or_claim(scratch, quick.slot, quick.hash, &slot);
    if (flow && is_asked_again(hook, &scratch->packet, slot))
        return 0;
    if (stamping)
        export_stamp();
    if (!flow)
        return 0;
    if (!(scratch->packet.flags & FST_PACKET_MPTCP) &&
        is_ordinary(flow, segment_in_memory(&scratch->packet))) {
        observe_ordinary(flow, segment_in_memory(&scratch->packet));
        return 0;
    }
    judgement_clear(scratch);
    scratch->sent_on = is_sent_on(ctx, hook, scratch);
    if (is_decisive(flow, &scratch->packet) && is_damaged(ctx, hook, scratch)) {
        count(FST_COUNT_DAMAGED);
        // No stack needs a damaged reset; but of a veth's other end it takes any for whole.
        return (scratch->packet.tcp_flags & FST_TCP_RST) && refuses_resets(hook);
    }
    if (scratch->packet.tcp_flags & (FST_TCP_RST | FST_TCP_SYN))
        ask_socket(ctx, hook, scratch, flow);
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
