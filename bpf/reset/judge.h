// SPDX-License-Identifier: GPL-2.0-only
// What a RST's bytes and its flow's past say, at the moment it arrives. Each rule names its guard;
// figures and sources are in docs/findings.md.
#ifndef FLOWSTAMP_BPF_RESET_JUDGE_H
#define FLOWSTAMP_BPF_RESET_JUDGE_H

#include "bpf/flow/learn.h"
#include "bpf/maps.h"
#include "flowstamp/reset_rules.h"

/// The RTT must be known and long enough for its fractions to mean anything.
#define RTT_SAMPLES_ENOUGH 4
#define RTT_MEANINGFUL_US 5000U

/// IP-IDs of known injectors: Sandvine; Henan's firewall (which sends data, without DF).
#define ID_SANDVINE 0x3412
#define ID_HENAN 0x0001

#define IDLE_NS 60000000000ULL
#define PROVOKED_US 1000000U

/// Balancers' resets for connections they no longer know (NetScaler).
#define WINDOW_AGED_1 8201
#define WINDOW_AGED_2 9300

/// A RST and its flow. Each group of rules is a global function that takes this view anew and adds
/// to the judgement in map memory: so the verifier meets each group once, by itself.
struct reset_view {
    const struct fst_packet* packet;
    const struct fst_flow* flow;
    const struct fst_direction* own;    ///< of the RST's alleged sender
    const struct fst_direction* other;  ///< of its receiver
    struct fst_judgement* judgement;
    __u32 now_us;
    __u8 d;
};

/// False where map memory cannot be had.
static __always_inline int reset_view(struct reset_view* view, __u32 slot) {
    struct scratch* scratch = scratch_get();
    struct fst_flow* flow = flow_get(slot);

    if (!scratch || !flow)
        return 0;
    view->packet = &scratch->packet;
    view->judgement = &scratch->judgement;
    view->flow = flow;
    view->d = scratch->packet.direction & 1;
    view->own = &flow->direction[view->d];
    view->other = &flow->direction[view->d ^ 1];
    view->now_us = time_us(scratch->packet.time_ns);
    return 1;
}

static __always_inline void add(const struct reset_view* view, int condition,
                                enum fst_signal signal) {
    if (condition)
        view->judgement->signals |= FST_SIGNAL_BIT(signal);
}

static __always_inline void set(const struct reset_view* view, int condition,
                                enum fst_context context) {
    if (condition)
        view->judgement->context |= context;
}

static __always_inline int is_stateless_shape(const struct reset_view* view) {
    const struct fst_packet* packet = view->packet;

    return (packet->tcp_flags & ~(FST_TCP_ECE | FST_TCP_CWR)) == FST_TCP_RST && !packet->window &&
           !(packet->flags & FST_PACKET_OPTIONS) && !packet->payload &&
           (view->other->flags & FST_DIRECTION_ACKED) &&
           view->other->ack_edge - packet->seq <= FST_SEQUENCE_REACH;
}

/// Whether the receiver sent something that the RST's sender can have been answering: half a least
/// round trip ago or earlier, but no more than a second and a few round trips. Where the ring holds
/// nothing that old, it held so a moment before.
static __always_inline int may_be_provoked(const struct fst_direction* other, __u32 now_us,
                                           __u32 rtt_us) {
    int provoked = other->packets > FST_RING_STAMPS, older = 0;

    UNROLL
    for (int i = 0; i < FST_RING_STAMPS; i++) {
        __u32 age_us = now_us - other->ring[i].time_us;

        if (!other->ring[i].ttl || age_us < rtt_us / 2)
            continue;
        older = 1;
        if (age_us <= PROVOKED_US + 4 * rtt_us)
            return 1;
    }
    return provoked && !older;
}

noinline int judge_context(__u32 slot) {
    const struct fst_direction *own, *other;
    const struct fst_packet* packet;
    struct reset_view view;
    __u32 state, ahead;
    __u64 last_ns;

    if (!reset_view(&view, slot))
        return 0;
    own = view.own;
    other = view.other;
    packet = view.packet;
    state = view.flow->state;
    last_ns = own->last_ns > other->last_ns ? own->last_ns : other->last_ns;
    if ((state & FST_OF(FST_FLOW_SYN, view.d ^ 1)) && !(state & FST_OF(FST_FLOW_SYN_ACK, view.d)) &&
        (packet->tcp_flags & FST_TCP_ACK) && packet->ack == view.flow->isn[view.d ^ 1] + 1)
        set(&view, 1, FST_CONTEXT_TO_SYN);
    else
        set(&view, (state & FST_FLOW_MIDWAY) || !(own->flags & other->flags & FST_DIRECTION_SEEN),
            FST_CONTEXT_HALF_VIEW);
    set(&view, !has_baseline(own), FST_CONTEXT_NO_BASELINE);
    set(&view, state & (FST_OF(FST_FLOW_FIN, 0) | FST_OF(FST_FLOW_FIN, 1)), FST_CONTEXT_FIN);
    set(&view, state & FST_OF(FST_FLOW_RST, view.d ^ 1), FST_CONTEXT_AFTER_OWN_RST);
    set(&view, state & (FST_OF(FST_FLOW_FORGED, 0) | FST_OF(FST_FLOW_FORGED, 1)),
        FST_CONTEXT_FORGED_BEFORE);
    set(&view, is_stateless_shape(&view), FST_CONTEXT_STATELESS);
    set(&view, last_ns && passed(packet->time_ns, last_ns, IDLE_NS), FST_CONTEXT_FLOW_IDLE);
    set(&view,
        (own->last_ns && passed(packet->time_ns, own->last_ns, FST_SENDER_IDLE_NS)) ||
            (state & FST_OF(FST_FLOW_RST, view.d)) || fst_both_fins(state),
        FST_CONTEXT_SENDER_IDLE);
    set(&view,
        packet->ip_id && view.flow->rst_ttl[view.d] == packet->ttl &&
            packet->ip_id == own->ring[(own->ring_next - 1) & (FST_RING_STAMPS - 1)].ip_id &&
            view.now_us - view.flow->rst_us[view.d] < DUPLICATE_FRAME_US &&
            packet->seq == view.flow->rst_seq[view.d] &&
            packet->tcp_flags == view.flow->rst_tcp_flags[view.d],
        FST_CONTEXT_DUPLICATE_FRAME);
    if (!(other->flags & FST_DIRECTION_ACKED))
        return 0;
    ahead = packet->seq - other->ack_edge;
    set(&view, !ahead || packet->seq == own->seq_edge, FST_CONTEXT_EXACT | FST_CONTEXT_IN_WINDOW);
    set(&view, ahead < fst_receive_window(view.flow, view.d ^ 1), FST_CONTEXT_IN_WINDOW);
    set(&view, may_be_provoked(other, view.now_us, own->min_rtt_us), FST_CONTEXT_PROVOKED);
    return 0;
}

/// The nearest, or the farthest, of a side's packets, in hops.
noinline __u32 side_hops(__u32 slot, __u32 want_farthest) {
    __u32 nearest = 255, farthest = 0;
    struct reset_view view;

    if (!reset_view(&view, slot))
        return 255;
    for (int i = 0; i < FST_TTL_SET; i++) {
        __u32 hops = fst_hops(view.own->ttl[i]);

        if (!view.own->ttl[i])
            break;
        nearest = hops < nearest ? hops : nearest;
        farthest = hops > farthest ? hops : farthest;
    }
    return want_farthest ? farthest : nearest;
}

static __always_inline int shares_base(const struct fst_direction* own, __u8 ttl) {
    int same = 0;

    UNROLL
    for (int i = 0; i < FST_TTL_SET; i++)
        same |= own->ttl[i] && fst_ttl_base(own->ttl[i]) == fst_ttl_base(ttl);
    return same;
}

/// The latest reset in this side's name before this one.
static __always_inline struct fst_earlier_reset earlier_reset(const struct reset_view* view) {
    const struct fst_flow* flow = view->flow;

    return (struct fst_earlier_reset){.seq = flow->rst_seq[view->d],
                                      .time_us = flow->rst_us[view->d],
                                      .ttl = flow->rst_ttl[view->d],
                                      .tcp_flags = flow->rst_tcp_flags[view->d]};
}

/// Another reset in this name came by another path. By itself, as the verifier would follow what comes
/// after it once per comparison.
noinline int judge_two_paths(__u32 slot) {
    struct fst_earlier_reset before;
    struct reset_view view;

    if (!reset_view(&view, slot))
        return 0;
    before = earlier_reset(&view);
    add(&view, fst_two_paths(&before, view.packet, view.now_us, view.judgement->context),
        FST_SIGNAL_TWO_PATHS);
    return 0;
}

/// Path: hops against those of the side's fitting packets.
noinline int judge_path(__u32 slot) {
    const __u32 nearest = side_hops(slot, 0), farthest = side_hops(slot, 1);
    struct reset_view view;
    int same_base, stateless;
    __u32 hops;

    if (!reset_view(&view, slot))
        return 0;
    hops = fst_hops(view.packet->ttl);
    view.judgement->hops = (__u8)hops;
    view.judgement->base_hops = 255;
    if (!has_baseline(view.own))
        return 0;
    view.judgement->base_hops = (__u8)nearest;
    stateless = !!(view.judgement->context & FST_CONTEXT_STATELESS);
    // Not one of the usual initial TTLs: a count of hops cannot be had.
    if ((view.own->flags & FST_DIRECTION_TTL_MANY) || farthest > FST_HOPS_MAX ||
        hops > FST_HOPS_MAX || (stateless && nearest > FST_STATELESS_HOPS_MAX))
        return 0;
    same_base = shares_base(view.own, view.packet->ttl);
    add(&view, !same_base, FST_SIGNAL_TTL_BASE);
    add(&view, hops + 2 <= nearest && (same_base || !stateless), FST_SIGNAL_NEARER);
    add(&view, hops >= farthest + 2 && (view.own->flags & FST_DIRECTION_BASE), FST_SIGNAL_FARTHER);
    add(&view, hops + 1 == nearest || hops == farthest + 1, FST_SIGNAL_ONE_HOP);
    return 0;
}

static __always_inline int in_ring(const struct fst_direction* direction, __u16 id) {
    int found = 0;

    UNROLL
    for (int i = 0; i < FST_RING_STAMPS; i++)
        found |= direction->ring[i].ttl && direction->ring[i].ip_id == id;
    return found;
}

/// IP-ID: IPv4 only. Linux' own stateless RST bears 0 always, so 0 and a break prove nothing.
noinline int judge_id(__u32 slot) {
    const struct fst_direction* own;
    const struct fst_packet* packet;
    __u16 id, step, apart, df;
    struct reset_view view;
    int continues;
    __u8 class;

    if (!reset_view(&view, slot) || (view.packet->flags & FST_PACKET_IPV6))
        return 0;
    own = view.own;
    packet = view.packet;
    id = packet->ip_id;
    step = id - own->ip_id;
    apart = own->ip_id - view.other->ip_id;
    df = packet->flags & FST_PACKET_DF;
    class = fst_id_class_of(own);
    continues =
        (class == FST_ID_FLOW || class == FST_ID_GLOBAL) && step >= 1 && step <= FST_SAME_COUNTER;
    // Both sides counting closely together may meet by chance.
    add(&view,
        id > 1 && !continues && (__u16)(apart + FST_SAME_COUNTER) > 2 * FST_SAME_COUNTER &&
            in_ring(view.other, id),
        FST_SIGNAL_ID_ECHO);
    add(&view, !continues && (id == ID_SANDVINE || (id == ID_HENAN && packet->payload && !df)),
        FST_SIGNAL_ID_CONSTANT);
    add(&view,
        !id && !df && (own->flags & (FST_DIRECTION_DF | FST_DIRECTION_NO_DF)) == FST_DIRECTION_DF,
        FST_SIGNAL_ID_ZERO_NO_DF);
    add(&view,
        (own->flags & FST_DIRECTION_BASE) &&
            !(own->flags & (df ? FST_DIRECTION_DF : FST_DIRECTION_NO_DF)),
        FST_SIGNAL_DF_FLIPPED);
    add(&view, class == FST_ID_FLOW && !continues, FST_SIGNAL_ID_BREAK);
    add(&view,
        class == FST_ID_FLOW && continues &&
            (!(view.flow->state & FST_FLOW_TS) || (packet->flags & FST_PACKET_TS)),
        FST_SIGNAL_ID_IN_SEQUENCE);
    return 0;
}

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

/// Whether what marks the injector is this sender's own: then it marks nobody.
static __always_inline int sender_bears(const struct fst_learned_signature* learned,
                                        const struct reset_view* view) {
    const struct fst_packet* packet = view->packet;
    const struct fst_direction* own = view->own;
    const __u8 class = fst_id_class_of(own);
    const __u16 step = packet->ip_id - own->ip_id;

    if ((learned->flags & FST_LEARNED_WINDOW) && (own->windows & window_bit(packet->window)))
        return 1;
    if (!(learned->flags & FST_LEARNED_IP_ID))
        return 0;
    return in_ring(own, packet->ip_id) || ((class == FST_ID_FLOW || class == FST_ID_GLOBAL) &&
                                           step >= 1 && step <= FST_SAME_COUNTER);
}

/// Whether the sender is known to stand where the RST came from, or a hop beside.
static __always_inline int stands_there(const struct reset_view* view) {
    const __u8 hops = view->judgement->hops, own = view->judgement->base_hops;

    return own <= FST_HOPS_MAX && !(view->own->flags & FST_DIRECTION_TTL_MANY) && hops + 1 >= own &&
           hops <= own + 1;
}

/// The first learned signature that the RST bears, from 1; 0: none. By itself, as the verifier
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

/// Signatures learned by user space: what was seen to forge on other flows. The mark and the
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
    if (sender_bears(learned, &view))
        return 0;
    add(&view, 1, FST_SIGNAL_LEARNED_SIGNATURE);
    add(&view, (learned->flags & FST_LEARNED_HOPS) && !stands_there(&view),
        FST_SIGNAL_LEARNED_DISTANCE);
    return 0;
}

/// A peer that puts timestamps on every RST+ACK: Linux, by its TTL, DF and per-flow IDs. XNU and the
/// BSDs never do.
static __always_inline int linux_like(const struct fst_direction* own) {
    return fst_ttl_base(own->ttl[0]) == 64 && fst_id_class_of(own) == FST_ID_FLOW &&
           (own->flags & (FST_DIRECTION_DF | FST_DIRECTION_NO_DF)) == FST_DIRECTION_DF;
}

/// Window, timestamps, payload, link.
noinline int judge_header(__u32 slot) {
    const struct fst_packet* packet;
    struct reset_view view;
    int foreign;
    __u8 votes;

    if (!reset_view(&view, slot))
        return 0;
    packet = view.packet;
    foreign = packet->window && (view.own->flags & FST_DIRECTION_WINDOWS_2) &&
              !(view.own->windows & window_bit(packet->window));
    add(&view, foreign, FST_SIGNAL_WINDOW_FOREIGN);
    add(&view, foreign && packet->window == view.other->window, FST_SIGNAL_WINDOW_ECHO);
    add(&view,
        (view.flow->state & FST_FLOW_TS) && (packet->tcp_flags & FST_TCP_ACK) &&
            !(packet->flags & (FST_PACKET_TS | FST_PACKET_IPV6)) && linux_like(view.own),
        FST_SIGNAL_NO_TIMESTAMPS);
    add(&view, packet->payload != 0, FST_SIGNAL_DATA);
    votes = fst_mac_votes(view.own);
    add(&view,
        (packet->flags & FST_PACKET_MAC) && votes >= MAC_VOTES_ENOUGH && votes != FST_MAC_MIXED &&
            !(view.flow->state & FST_FLOW_DUPLICATE_FRAMES) &&
            !mac_equal(view.flow->mac[view.d & 1], packet->src_mac),
        FST_SIGNAL_MAC_FOREIGN);
    return 0;
}

/// Timestamps: TSecr is one that the receiver sent (ten minutes of ticks back at the most), TSval
/// is where the sender's clock is. And time: it acknowledges data that cannot have been there yet.
noinline int judge_time(__u32 slot) {
    const struct fst_direction *own, *other;
    const struct fst_packet* packet;
    struct reset_view view;
    __u32 clock, since_us;

    if (!reset_view(&view, slot))
        return 0;
    own = view.own;
    other = view.other;
    packet = view.packet;
    clock = own->ts_offset + time_ms(packet->time_ns);
    add(&view,
        (view.flow->state & FST_FLOW_TS) && (packet->flags & FST_PACKET_TS) &&
            (own->flags & other->flags & FST_DIRECTION_TS_CLOCK) &&
            other->ts_val - packet->ts_ecr <= 600000 &&
            fst_sequence_after(packet->ts_val, own->ts_val) >= 0 &&
            ((own->flags & FST_DIRECTION_TS_FAST) ||
             fst_sequence_after(packet->ts_val, clock) <= 100),
        FST_SIGNAL_TIMESTAMPS_VALID);
    // Once its sender has reset the flow itself, any box in front of it may answer what still comes.
    if ((view.flow->state & FST_OF(FST_FLOW_RST, view.d & 1)) ||
        !(packet->tcp_flags & FST_TCP_ACK) || fst_rtt_samples(own) < RTT_SAMPLES_ENOUGH ||
        own->min_rtt_us < RTT_MEANINGFUL_US || packet->ack != other->seq_edge ||
        !(other->flags & FST_DIRECTION_DATA))
        return 0;
    since_us = view.now_us - other->edge_us;
    add(&view, since_us < own->min_rtt_us / 4, FST_SIGNAL_ACK_TOO_SOON);
    add(&view, since_us >= own->min_rtt_us / 4 && since_us < own->min_rtt_us / 2,
        FST_SIGNAL_ACK_SOON);
    return 0;
}

/// One SYN answered twice, and a second RST that guesses higher (Weaver, Sommer, Paxson, NDSS 2009:
/// SYN_RST and RST_SEQ_CHANGE).
noinline int judge_conclusive(__u32 slot) {
    const struct fst_direction *own, *other;
    const struct fst_packet* packet;
    const struct fst_flow* flow;
    struct reset_view view;
    struct fst_earlier_reset before;
    __u8 d;

    if (!reset_view(&view, slot))
        return 0;
    own = view.own;
    other = view.other;
    packet = view.packet;
    flow = view.flow;
    d = view.d & 1;
    // The other order, SYN-ACK after RST, shows in a later packet.
    add(&view,
        !packet->seq && (packet->tcp_flags & FST_TCP_ACK) && packet->ack == flow->isn[d ^ 1] + 1 &&
            (flow->state & FST_OF(FST_FLOW_SYN_ACK, d)) &&
            (flow->state & FST_OF(FST_FLOW_SYN, d ^ 1)) && !(other->flags & FST_DIRECTION_ACKED) &&
            !other->retransmitted && flow->isn[d] + 1 != 0,
        FST_SIGNAL_SYN_RST);
    before = earlier_reset(&view);
    add(&view,
        fst_sequence_guess(&before, packet, view.now_us, own, other, view.judgement->signals,
                           view.judgement->context),
        FST_SIGNAL_SEQ_CHANGE);
    return 0;
}

static __always_inline enum fst_cause genuine_cause(const struct reset_view* view, __u64 signals,
                                                    __u32 context) {
    const int stateless = !!(context & FST_CONTEXT_STATELESS);
    const __u32 state = view->flow->state;
    const __u16 window = view->packet->window;

    if (context & FST_CONTEXT_TO_SYN)
        return FST_CAUSE_CLOSED_PORT;
    if (window == WINDOW_AGED_1 || window == WINDOW_AGED_2)
        return FST_CAUSE_AGED_STATE;
    if (signals & FST_SIGNALS_CORROBORATE_GENUINE)
        return FST_CAUSE_ABORT;
    // A kernel answers with its default TTL for a connection that it does not know: another base at
    // the peer's distance is its own.
    // Of two RSTs from different distances it is the other that came from nearer or farther.
    if ((signals & FST_MASK_PATH) &
        ~(FST_SIGNAL_BIT(FST_SIGNAL_TWO_PATHS) | FST_SIGNAL_BIT(FST_SIGNAL_LEARNED_DISTANCE)) &
        ~(stateless ? FST_SIGNAL_BIT(FST_SIGNAL_TTL_BASE) : 0))
        return FST_CAUSE_EDGE;
    if (context & FST_CONTEXT_AFTER_OWN_RST)
        return FST_CAUSE_OWN_RST;
    if (context & FST_CONTEXT_FLOW_IDLE)
        return FST_CAUSE_IDLE_TIMEOUT;
    if (fst_both_fins(state))
        return FST_CAUSE_CLOSED;
    if (stateless)
        return FST_CAUSE_STATELESS;
    return (view->packet->tcp_flags & FST_TCP_ACK) ? FST_CAUSE_ABORT : FST_CAUSE_UNKNOWN;
}

/// Verdict and cause from what the rules have gathered.
noinline int judge_conclude(__u32 slot) {
    struct fst_judgement* judgement;
    struct reset_view view;

    if (!reset_view(&view, slot))
        return 0;
    judgement = view.judgement;
    judgement->verdict = fst_conclude(judgement->signals, judgement->context);
    judgement->cause = judgement->verdict == FST_VERDICT_GENUINE
                           ? genuine_cause(&view, judgement->signals, judgement->context)
                           : FST_CAUSE_FORGED;
    return 0;
}

/// Fills scratch.judgement for the RST in scratch.packet. Nothing else is changed yet.
static __always_inline void judge(__u32 slot) {
    judge_context(slot);
    judge_path(slot);
    judge_two_paths(slot);
    judge_id(slot);
    judge_header(slot);
    judge_time(slot);
    judge_learned(slot);
    judge_conclusive(slot);
    judge_conclude(slot);
}

#endif
