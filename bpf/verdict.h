// SPDX-License-Identifier: GPL-2.0-only
// What a RST's bytes and its flow's past say, at the moment it arrives. Each rule names its guard;
// figures and sources are in docs/findings.md.
#ifndef FLOWSTAMP_BPF_VERDICT_H
#define FLOWSTAMP_BPF_VERDICT_H

#include "bpf/observe.h"

/// The RTT must be known and long enough for its fractions to mean anything.
#define RTT_SAMPLES_ENOUGH 4
#define RTT_MEANINGFUL_US 5000U

/// A kernel answers for a connection it does not know with its default TTL, whatever the socket's
/// was. A socket with a TTL of 35 or 40 then looks 24 or more hops away: beyond this, hops say
/// nothing about a RST of that shape.
#define STATELESS_HOPS_MAX 23

/// IP-IDs of known injectors: Sandvine; Henan's firewall (which sends data, without DF).
#define ID_SANDVINE 0x3412
#define ID_HENAN 0x0001

#define IDLE_NS 60000000000ULL
#define SAME_COUNTER 64
#define PROVOKED_US 1000000U
#define SEQ_CHANGE_US 2000000U
#define TWO_PATHS_US 1000000U

/// Balancers' resets for connections they no longer know (NetScaler).
#define WINDOW_AGED_1 8201
#define WINDOW_AGED_2 9300

/// A RST and its flow. Each group of rules is a global function that takes this view anew and adds
/// to the judgement in map memory: so the verifier meets each group once, by itself.
struct reset_view {
    const struct fs_packet* packet;
    const struct fs_flow* flow;
    const struct fs_direction* own;    ///< of the RST's alleged sender
    const struct fs_direction* other;  ///< of its receiver
    struct fs_judgement* judgement;
    __u32 now_us;
    __u8 d;
};

/// False where map memory cannot be had.
static __always_inline int reset_view(struct reset_view* view, __u32 slot) {
    struct scratch* scratch = scratch_get();
    struct fs_flow* flow = flow_get(slot);

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
                                enum fs_signal signal) {
    if (condition)
        view->judgement->signals |= FS_SIGNAL_BIT(signal);
}

static __always_inline void set(const struct reset_view* view, int condition,
                                enum fs_context context) {
    if (condition)
        view->judgement->context |= context;
}

static __always_inline int is_stateless_shape(const struct reset_view* view) {
    const struct fs_packet* packet = view->packet;

    return (packet->tcp_flags & ~(FS_TCP_ECE | FS_TCP_CWR)) == FS_TCP_RST && !packet->window &&
           !(packet->flags & FS_PACKET_OPTIONS) && !packet->payload &&
           (view->other->flags & FS_DIRECTION_ACKED) &&
           view->other->ack_edge - packet->seq <= SEQUENCE_REACH;
}

/// Whether the receiver sent something that the RST's sender can have been answering: half a least
/// round trip ago or earlier, but no more than a second and a few round trips. Where the ring holds
/// nothing that old, it held so a moment before.
static __always_inline int may_be_provoked(const struct fs_direction* other, __u32 now_us,
                                           __u32 rtt_us) {
    int provoked = other->packets > FS_RING_STAMPS, older = 0;

    UNROLL
    for (int i = 0; i < FS_RING_STAMPS; i++) {
        __u32 age_us = now_us - other->ring[i].time_us;

        if (!other->ring[i].ttl || age_us < rtt_us / 2)
            continue;
        older = 1;
        if (age_us <= PROVOKED_US + 4 * rtt_us)
            return 1;
    }
    return provoked && !older;
}

static __always_inline int both_ended(__u32 state) {
    return (state & FS_OF(FS_FLOW_FIN, 0)) && (state & FS_OF(FS_FLOW_FIN, 1));
}

noinline int judge_context(__u32 slot) {
    const struct fs_direction *own, *other;
    const struct fs_packet* packet;
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
    if ((state & FS_OF(FS_FLOW_SYN, view.d ^ 1)) && !(state & FS_OF(FS_FLOW_SYN_ACK, view.d)) &&
        (packet->tcp_flags & FS_TCP_ACK) && packet->ack == view.flow->isn[view.d ^ 1] + 1)
        set(&view, 1, FS_CONTEXT_TO_SYN);
    else
        set(&view, (state & FS_FLOW_MIDWAY) || !(own->flags & other->flags & FS_DIRECTION_SEEN),
            FS_CONTEXT_HALF_VIEW);
    set(&view, !has_baseline(own), FS_CONTEXT_NO_BASELINE);
    set(&view, state & (FS_OF(FS_FLOW_FIN, 0) | FS_OF(FS_FLOW_FIN, 1)), FS_CONTEXT_FIN);
    set(&view, state & FS_OF(FS_FLOW_RST, view.d ^ 1), FS_CONTEXT_AFTER_OWN_RST);
    set(&view, state & (FS_OF(FS_FLOW_FORGED, 0) | FS_OF(FS_FLOW_FORGED, 1)),
        FS_CONTEXT_FORGED_BEFORE);
    set(&view, is_stateless_shape(&view), FS_CONTEXT_STATELESS);
    set(&view, last_ns && passed(packet->time_ns, last_ns, IDLE_NS), FS_CONTEXT_IDLE);
    set(&view,
        (own->last_ns && passed(packet->time_ns, own->last_ns, FS_RESTED_NS)) ||
            (state & FS_OF(FS_FLOW_RST, view.d)) || both_ended(state),
        FS_CONTEXT_RESTED);
    set(&view,
        packet->ip_id && view.flow->rst_ttl[view.d] == packet->ttl &&
            packet->ip_id == own->ring[(own->ring_next - 1) & (FS_RING_STAMPS - 1)].ip_id &&
            view.now_us - view.flow->rst_us[view.d] < TWICE_US &&
            packet->seq == view.flow->rst_seq[view.d] &&
            packet->tcp_flags == view.flow->rst_tcp_flags[view.d],
        FS_CONTEXT_TWICE);
    if (!(other->flags & FS_DIRECTION_ACKED))
        return 0;
    ahead = packet->seq - other->ack_edge;
    set(&view, !ahead || packet->seq == own->seq_edge, FS_CONTEXT_EXACT | FS_CONTEXT_IN_WINDOW);
    set(&view, ahead < receive_window(view.flow, view.d ^ 1), FS_CONTEXT_IN_WINDOW);
    set(&view, may_be_provoked(other, view.now_us, own->min_rtt_us), FS_CONTEXT_PROVOKED);
    return 0;
}

/// The nearest, or the farthest, of a side's packets, in hops.
noinline __u32 side_hops(__u32 slot, __u32 want_farthest) {
    __u32 nearest = 255, farthest = 0;
    struct reset_view view;

    if (!reset_view(&view, slot))
        return 255;
    for (int i = 0; i < FS_TTL_SET; i++) {
        __u32 hops = fs_hops(view.own->ttl[i]);

        if (!view.own->ttl[i])
            break;
        nearest = hops < nearest ? hops : nearest;
        farthest = hops > farthest ? hops : farthest;
    }
    return want_farthest ? farthest : nearest;
}

static __always_inline int shares_base(const struct fs_direction* own, __u8 ttl) {
    int same = 0;

    UNROLL
    for (int i = 0; i < FS_TTL_SET; i++)
        same |= own->ttl[i] && fs_ttl_base(own->ttl[i]) == fs_ttl_base(ttl);
    return same;
}

/// Path: hops against those of the side's fitting packets.
noinline int judge_path(__u32 slot) {
    const __u32 nearest = side_hops(slot, 0), farthest = side_hops(slot, 1);
    struct reset_view view;
    int same_base, stateless, comparable;
    __u32 hops, before;

    if (!reset_view(&view, slot))
        return 0;
    hops = fs_hops(view.packet->ttl);
    view.judgement->hops = (__u8)hops;
    view.judgement->base_hops = 255;
    if (!has_baseline(view.own))
        return 0;
    view.judgement->base_hops = (__u8)nearest;
    stateless = !!(view.judgement->context & FS_CONTEXT_STATELESS);
    // Not one of the usual initial TTLs: a count of hops cannot be had.
    if ((view.own->flags & FS_DIRECTION_TTL_MANY) || farthest > FS_HOPS_MAX || hops > FS_HOPS_MAX ||
        (stateless && nearest > STATELESS_HOPS_MAX))
        return 0;
    same_base = shares_base(view.own, view.packet->ttl);
    add(&view, !same_base, FS_SIGNAL_TTL_BASE);
    add(&view, hops + 2 <= nearest && (same_base || !stateless), FS_SIGNAL_NEARER);
    add(&view, hops >= farthest + 2 && (view.own->flags & FS_DIRECTION_BASE), FS_SIGNAL_FARTHER);
    add(&view, hops + 1 == nearest || hops == farthest + 1, FS_SIGNAL_ONE_HOP);
    if (!view.flow->rst_ttl[view.d] || view.now_us - view.flow->rst_us[view.d] >= TWO_PATHS_US)
        return 0;
    before = fs_hops(view.flow->rst_ttl[view.d]);
    // A kernel's bare RST has its default TTL, a socket's own what the socket was told.
    comparable = fs_ttl_base(view.flow->rst_ttl[view.d]) == fs_ttl_base(view.packet->ttl) ||
                 (view.flow->rst_tcp_flags[view.d] & view.packet->tcp_flags & FS_TCP_ACK);
    add(&view,
        comparable && before <= FS_HOPS_MAX && (before >= hops + 2 || hops >= before + 2) &&
            !(view.judgement->context & FS_CONTEXT_FIN),
        FS_SIGNAL_TWO_PATHS);
    return 0;
}

static __always_inline int in_ring(const struct fs_direction* direction, __u16 id) {
    int found = 0;

    UNROLL
    for (int i = 0; i < FS_RING_STAMPS; i++)
        found |= direction->ring[i].ttl && direction->ring[i].ip_id == id;
    return found;
}

/// IP-ID: IPv4 only. Linux' own stateless RST bears 0 always, so 0 and a break prove nothing.
noinline int judge_id(__u32 slot) {
    const struct fs_direction* own;
    const struct fs_packet* packet;
    __u16 id, step, apart, df;
    struct reset_view view;
    int continues;
    __u8 class;

    if (!reset_view(&view, slot) || (view.packet->flags & FS_PACKET_IPV6))
        return 0;
    own = view.own;
    packet = view.packet;
    id = packet->ip_id;
    step = id - own->ip_id;
    apart = own->ip_id - view.other->ip_id;
    df = packet->flags & FS_PACKET_DF;
    class = fs_id_class_of(own);
    continues = (class == FS_ID_FLOW || class == FS_ID_GLOBAL) && step >= 1 && step <= SAME_COUNTER;
    // Both sides counting closely together may meet by chance.
    add(&view,
        id > 1 && !continues && (__u16)(apart + SAME_COUNTER) > 2 * SAME_COUNTER &&
            in_ring(view.other, id),
        FS_SIGNAL_ID_ECHO);
    add(&view, !continues && (id == ID_SANDVINE || (id == ID_HENAN && packet->payload && !df)),
        FS_SIGNAL_ID_CONSTANT);
    add(&view,
        !id && !df && (own->flags & (FS_DIRECTION_DF | FS_DIRECTION_NO_DF)) == FS_DIRECTION_DF,
        FS_SIGNAL_ID_ZERO_NO_DF);
    add(&view,
        (own->flags & FS_DIRECTION_BASE) &&
            !(own->flags & (df ? FS_DIRECTION_DF : FS_DIRECTION_NO_DF)),
        FS_SIGNAL_DF_FLIPPED);
    add(&view, class == FS_ID_FLOW && !continues, FS_SIGNAL_ID_BREAK);
    add(&view,
        class == FS_ID_FLOW && continues &&
            (!(view.flow->state & FS_FLOW_TS) || (packet->flags & FS_PACKET_TS)),
        FS_SIGNAL_VOUCH_ID);
    return 0;
}

static __always_inline int taught_matches(const struct fs_taught* taught,
                                          const struct fs_packet* packet) {
    if (!(taught->flags & FS_TAUGHT_USED) || taught->tcp_flags != packet->tcp_flags ||
        !(taught->flags & (FS_TAUGHT_IP_ID | FS_TAUGHT_WINDOW)))
        return 0;
    if ((taught->flags & FS_TAUGHT_IP_ID) &&
        (taught->ip_id != packet->ip_id || (packet->flags & FS_PACKET_IPV6)))
        return 0;
    if ((taught->flags & FS_TAUGHT_WINDOW) && taught->window != packet->window)
        return 0;
    return !(taught->flags & FS_TAUGHT_HOPS) || taught->hops == fs_hops(packet->ttl);
}

/// Whether what marks the injector is this sender's own: then it marks nobody.
static __always_inline int sender_bears(const struct fs_taught* taught,
                                        const struct reset_view* view) {
    const struct fs_packet* packet = view->packet;
    const struct fs_direction* own = view->own;
    const __u8 class = fs_id_class_of(own);
    const __u16 step = packet->ip_id - own->ip_id;

    if ((taught->flags & FS_TAUGHT_WINDOW) && (own->windows & window_bit(packet->window)))
        return 1;
    if (!(taught->flags & FS_TAUGHT_IP_ID))
        return 0;
    return in_ring(own, packet->ip_id) ||
           ((class == FS_ID_FLOW || class == FS_ID_GLOBAL) && step >= 1 && step <= SAME_COUNTER);
}

/// Whether the sender is known to stand where the RST came from, or a hop beside.
static __always_inline int stands_there(const struct reset_view* view) {
    const __u8 hops = view->judgement->hops, own = view->judgement->base_hops;

    return own <= FS_HOPS_MAX && !(view->own->flags & FS_DIRECTION_TTL_MANY) && hops + 1 >= own &&
           hops <= own + 1;
}

/// The first taught signature that the RST bears, from 1; 0: none. By itself, as the verifier
/// (6.18) would follow what comes after it once per signature.
noinline __u32 taught_signature(__u32 slot) {
    const struct fs_policy* policy = policy_get();
    struct reset_view view;

    if (!policy || !policy->taught_count || !reset_view(&view, slot))
        return 0;
    for (__u32 i = 0; i < FS_TAUGHT_MAX; i++) {
        if (taught_matches(&policy->taught[i], view.packet))
            return i + 1;
    }
    return 0;
}

/// Signatures taught by user space: what was seen to forge on other flows. The mark and the
/// distance are two things that the injector cannot share with the sender by one accident: together
/// they convict where the flow's own past is too short to.
noinline int judge_taught(__u32 slot) {
    const __u32 which = taught_signature(slot) - 1;
    const struct fs_policy* policy = policy_get();
    const struct fs_taught* taught;
    struct reset_view view;

    if (which >= FS_TAUGHT_MAX || !policy || !reset_view(&view, slot))
        return 0;
    taught = &policy->taught[which];
    if (sender_bears(taught, &view))
        return 0;
    add(&view, 1, FS_SIGNAL_TAUGHT);
    add(&view, (taught->flags & FS_TAUGHT_HOPS) && !stands_there(&view), FS_SIGNAL_TAUGHT_HOPS);
    return 0;
}

/// A peer that puts timestamps on every RST+ACK: Linux, by its TTL, DF and per-flow IDs. XNU and the
/// BSDs never do.
static __always_inline int linux_like(const struct fs_direction* own) {
    return fs_ttl_base(own->ttl[0]) == 64 && fs_id_class_of(own) == FS_ID_FLOW &&
           (own->flags & (FS_DIRECTION_DF | FS_DIRECTION_NO_DF)) == FS_DIRECTION_DF;
}

/// Window, timestamps, payload, link.
noinline int judge_header(__u32 slot) {
    const struct fs_packet* packet;
    struct reset_view view;
    int foreign;
    __u8 votes;

    if (!reset_view(&view, slot))
        return 0;
    packet = view.packet;
    foreign = packet->window && (view.own->flags & FS_DIRECTION_WINDOWS_2) &&
              !(view.own->windows & window_bit(packet->window));
    add(&view, foreign, FS_SIGNAL_WINDOW_FOREIGN);
    add(&view, foreign && packet->window == view.other->window, FS_SIGNAL_WINDOW_ECHO);
    add(&view,
        (view.flow->state & FS_FLOW_TS) && (packet->tcp_flags & FS_TCP_ACK) &&
            !(packet->flags & (FS_PACKET_TS | FS_PACKET_IPV6)) && linux_like(view.own),
        FS_SIGNAL_NO_TIMESTAMPS);
    add(&view, packet->payload != 0, FS_SIGNAL_DATA);
    votes = view.flow->mac_votes[view.d & 1];
    add(&view,
        (packet->flags & FS_PACKET_MAC) && votes >= MAC_VOTES_ENOUGH && votes != FS_MAC_MIXED &&
            !(view.flow->state & FS_FLOW_TWICE) &&
            !mac_equal(view.flow->mac[view.d & 1], packet->src_mac),
        FS_SIGNAL_MAC_FOREIGN);
    return 0;
}

/// Timestamps: TSecr is one that the receiver sent (ten minutes of ticks back at the most), TSval
/// is where the sender's clock is. And time: it acknowledges data that cannot have been there yet.
noinline int judge_time(__u32 slot) {
    const struct fs_direction *own, *other;
    const struct fs_packet* packet;
    struct reset_view view;
    __u32 clock, since_us;

    if (!reset_view(&view, slot))
        return 0;
    own = view.own;
    other = view.other;
    packet = view.packet;
    clock = own->ts_offset + time_ms(packet->time_ns);
    add(&view,
        (view.flow->state & FS_FLOW_TS) && (packet->flags & FS_PACKET_TS) &&
            (own->flags & other->flags & FS_DIRECTION_TS_CLOCK) &&
            other->ts_val - packet->ts_ecr <= 600000 &&
            sequence_after(packet->ts_val, own->ts_val) >= 0 &&
            ((own->flags & FS_DIRECTION_TS_FAST) || sequence_after(packet->ts_val, clock) <= 100),
        FS_SIGNAL_VOUCH_TS);
    // Once its sender has reset the flow itself, any box in front of it may answer what still comes.
    if ((view.flow->state & FS_OF(FS_FLOW_RST, view.d & 1)) || !(packet->tcp_flags & FS_TCP_ACK) ||
        own->rtt_samples < RTT_SAMPLES_ENOUGH || own->min_rtt_us < RTT_MEANINGFUL_US ||
        packet->ack != other->seq_edge || !(other->flags & FS_DIRECTION_DATA))
        return 0;
    since_us = view.now_us - other->edge_us;
    add(&view, since_us < own->min_rtt_us / 4, FS_SIGNAL_ACK_TOO_SOON);
    add(&view, since_us >= own->min_rtt_us / 4 && since_us < own->min_rtt_us / 2,
        FS_SIGNAL_ACK_SOON);
    return 0;
}

/// One SYN answered twice, and a second RST that guesses higher (Weaver, Sommer, Paxson, NDSS 2009:
/// SYN_RST and RST_SEQ_CHANGE).
noinline int judge_conclusive(__u32 slot) {
    const struct fs_direction *own, *other;
    const struct fs_packet* packet;
    const struct fs_flow* flow;
    struct reset_view view;
    __u32 before;
    __u8 d;

    if (!reset_view(&view, slot))
        return 0;
    own = view.own;
    other = view.other;
    packet = view.packet;
    flow = view.flow;
    d = view.d & 1;
    before = flow->rst_seq[d];
    // The other order, SYN-ACK after RST, shows in a later packet.
    add(&view,
        !packet->seq && (packet->tcp_flags & FS_TCP_ACK) && packet->ack == flow->isn[d ^ 1] + 1 &&
            (flow->state & FS_OF(FS_FLOW_SYN_ACK, d)) &&
            (flow->state & FS_OF(FS_FLOW_SYN, d ^ 1)) && !(other->flags & FS_DIRECTION_ACKED) &&
            !other->retransmitted && flow->isn[d] + 1 != 0,
        FS_SIGNAL_SYN_RST);
    if (!flow->rst_ttl[d] || (view.judgement->signals & FS_SIGNALS_VOUCHERS) ||
        (view.judgement->context &
         (FS_CONTEXT_FIN | FS_CONTEXT_AFTER_OWN_RST | FS_CONTEXT_HALF_VIEW | FS_CONTEXT_TO_SYN)))
        return 0;
    add(&view,
        flow->rst_tcp_flags[d] == packet->tcp_flags &&
            view.now_us - flow->rst_us[d] < SEQ_CHANGE_US &&
            sequence_after(packet->seq, before) > 2 && sequence_after(before, own->seq_edge) >= 0 &&
            (other->flags & FS_DIRECTION_ACKED) &&
            sequence_after(packet->seq, other->ack_edge) > 2 &&
            packet->seq - before < SEQUENCE_REACH,
        FS_SIGNAL_SEQ_CHANGE);
    return 0;
}

static __always_inline enum fs_cause genuine_cause(const struct reset_view* view, __u64 signals,
                                                   __u32 context) {
    const int stateless = !!(context & FS_CONTEXT_STATELESS);
    const __u32 state = view->flow->state;
    const __u16 window = view->packet->window;

    if (context & FS_CONTEXT_TO_SYN)
        return FS_CAUSE_CLOSED_PORT;
    if (window == WINDOW_AGED_1 || window == WINDOW_AGED_2)
        return FS_CAUSE_AGED_STATE;
    if (signals & FS_SIGNALS_VOUCHERS)
        return FS_CAUSE_ABORT;
    // A kernel answers with its default TTL for a connection that it does not know: another base at
    // the peer's distance is its own.
    // Of two RSTs from different distances it is the other that came from nearer or farther.
    if ((signals & FS_MASK_PATH) &
        ~(FS_SIGNAL_BIT(FS_SIGNAL_TWO_PATHS) | FS_SIGNAL_BIT(FS_SIGNAL_TAUGHT_HOPS)) &
        ~(stateless ? FS_SIGNAL_BIT(FS_SIGNAL_TTL_BASE) : 0))
        return FS_CAUSE_EDGE;
    if (context & FS_CONTEXT_AFTER_OWN_RST)
        return FS_CAUSE_OWN_RST;
    if (context & FS_CONTEXT_IDLE)
        return FS_CAUSE_IDLE_TIMEOUT;
    if (both_ended(state))
        return FS_CAUSE_CLOSED;
    if (stateless)
        return FS_CAUSE_STATELESS;
    return (view->packet->tcp_flags & FS_TCP_ACK) ? FS_CAUSE_ABORT : FS_CAUSE_UNKNOWN;
}

/// Verdict and cause from what the rules have gathered.
noinline int judge_conclude(__u32 slot) {
    struct fs_judgement* judgement;
    struct reset_view view;

    if (!reset_view(&view, slot))
        return 0;
    judgement = view.judgement;
    judgement->verdict = fs_conclude(judgement->signals, judgement->context);
    judgement->cause = judgement->verdict == FS_VERDICT_GENUINE
                           ? genuine_cause(&view, judgement->signals, judgement->context)
                           : FS_CAUSE_FORGED;
    return 0;
}

/// Fills scratch.judgement for the RST in scratch.packet. Nothing else is changed yet.
static __always_inline void judge(__u32 slot) {
    judge_context(slot);
    judge_path(slot);
    judge_id(slot);
    judge_header(slot);
    judge_time(slot);
    judge_taught(slot);
    judge_conclusive(slot);
    judge_conclude(slot);
}

#endif
