// SPDX-License-Identifier: GPL-2.0-only
// After a RST: does its alleged sender go on? What it sends causally later proves the RST forged;
// mere data that was under way proves nothing (reordering does that).
#ifndef FLOWSTAMP_BPF_RESET_LIVENESS_H
#define FLOWSTAMP_BPF_RESET_LIVENESS_H

#include "bpf/export/events.h"
#include "bpf/flow/handshake.h"
#include "bpf/flow/learn.h"
#include "bpf/maps.h"
#include "bpf/reset/challenge.h"
#include "flowstamp/acceptance_rules.h"
#include "flowstamp/reset_rules.h"

#define SIGNALS_OF_RECEIVING_ACKS \
    (FST_SIGNAL_BIT(FST_SIGNAL_LIVENESS_ACK) | FST_SIGNAL_BIT(FST_SIGNAL_BEYOND_WINDOW))

/// Signs of liveness in this packet, one of side `d` that is no RST, given what the RST left
/// behind. That it sends nothing again proves nothing: each new segment of an application's puts
/// off Linux' timers (net/ipv4/tcp_output.c, tcp_schedule_loss_probe() of 6.18).
static __always_inline __u64 liveness_signals(const struct fst_flow* flow,
                                              const struct fst_packet* packet, int d) {
    const struct fst_direction *own = &flow->direction[d], *other = &flow->direction[d ^ 1];
    // rst_us holds the low 32 bits; the time passed since gives the rest.
    const __u32 passed_us = time_us(packet->time_ns) - flow->rst_us[d];
    const __u32 rst_ms = time_ms(packet->time_ns - (__u64)passed_us * 1000);
    __u64 signals = 0;

    if (!fst_same_distance(own, packet->ttl, 1) || !fst_goes_on(own, other, packet))
        return 0;
    if (fst_acks_later_data(packet, flow->liveness_ack[d]))
        signals |= FST_SIGNAL_BIT(FST_SIGNAL_LIVENESS_ACK);
    if (fst_clock_went_on(own, packet, flow->state, rst_ms))
        signals |= FST_SIGNAL_BIT(FST_SIGNAL_LIVENESS_CLOCK);
    if (packet->payload && (other->flags & FST_DIRECTION_ACKED) &&
        fst_beyond_window(packet->seq, flow->rst_seq[d] + fst_receive_window(flow, d ^ 1)))
        signals |= FST_SIGNAL_BIT(FST_SIGNAL_BEYOND_WINDOW);
    return signals;
}

/// Whether the packet can speak for its sender: its receiver accepts it, or answers it as a
/// keepalive, which begins just below the receiver's ACK (RFC 9293, section 3.8.4).
static __always_inline int speaks_for_sender(const struct fst_flow* flow,
                                             const struct scratch* scratch, int d) {
    return !(scratch->packet.flags & FST_PACKET_OUT_OF_PROFILE) &&
           (scratch->acceptance == FST_ACCEPTED ||
            scratch->packet.seq + 1 == flow->direction[d ^ 1].ack_edge);
}

/// Whether the packet brings data that its side has not sent before. Damaged segments may have moved the side's
/// edge: what a socket of this host has taken in, its own ACKs tell.
static __always_inline int brings_new_data(const struct fst_flow* flow,
                                           const struct fst_packet* packet, int d) {
    const __u32 edge = fst_is_own_stack(flow, d ^ 1) ? flow->direction[d ^ 1].ack_edge
                                                     : flow->direction[d].seq_edge;

    return packet->payload && fst_sequence_after(packet->seq, edge) >= 0;
}

/// Whether new data comes so late after the RST that no path can have held it, wherever the RST lay: no proof,
/// as that needs a clock or an answer, but its sender has not gone.
static __always_inline int goes_on_late(const struct fst_flow* flow,
                                        const struct fst_packet* packet, __u32 passed_us, int d) {
    const struct fst_direction *own = &flow->direction[d], *other = &flow->direction[d ^ 1];

    return brings_new_data(flow, packet, d) && passed_us > patience_us(own) &&
           fst_same_distance(own, packet->ttl, 1) && fst_goes_on(own, other, packet);
}

/// Whether new data comes a round trip and more after the first RST of a burst: who sent it had been asked by
/// then. Data can be late on its way as well, so it only makes the answers to the challenges start again:
/// a box that imitates them cannot end a stream that flows. Of a RST's data none lies past it, as long as nothing
/// was answered; then any reset in the window may be the latest, as one that answers nothing.
static __always_inline int goes_on_when_asked(const struct fst_flow* flow,
                                              const struct fst_packet* packet, __u32 passed_us,
                                              int d) {
    const struct fst_direction *own = &flow->direction[d], *other = &flow->direction[d ^ 1];

    return brings_new_data(flow, packet, d) &&
           ((flow->challenges[d] & 0x0f) > 1 ||
            fst_sequence_after(packet->seq, flow->rst_seq[d]) >= 0) &&
           own->min_rtt_us && passed_us > own->min_rtt_us + own->min_rtt_us / 4 &&
           fst_same_distance(own, packet->ttl, 1) && fst_goes_on(own, other, packet);
}

/// A quiet peer's next packet may be late: one that was challenged is watched until it is known to
/// receive ACKs.
static __always_inline __u32 watch_us(__u8 reset_flags) {
    if (reset_flags & FST_RESET_RECEIVES_ACKS)
        return FST_WATCH_US;
    return reset_flags & (FST_RESET_CHALLENGED | FST_RESET_REFUTED) ? FST_WATCH_CHALLENGED_US
                                                                    : FST_WATCH_US;
}

/// A packet, no RST, of a side whose RST is watched. Judged before anything is learned from it.
noinline int observe_after_rst(__u32 slot) {
    struct scratch* scratch = scratch_get();
    struct fst_flow* flow = flow_get(slot);
    struct fst_packet* packet;
    __u32 passed_us;
    __u64 signals = 0;
    int d, first, receives, reported;

    if (!scratch || !flow)
        return 0;
    packet = &scratch->packet;
    d = packet->direction & 1;
    passed_us = time_us(packet->time_ns) - flow->rst_us[d];
    if ((packet->tcp_flags & FST_TCP_SYN) && !(packet->tcp_flags & FST_TCP_ACK) &&
        scratch->acceptance != FST_REPEATED) {
        state_clear(flow, FST_OF(FST_FLOW_AFTER_RST, d) | FST_OF(FST_FLOW_AWAITS_EGRESS, d));
        return 0;
    }
    if (passed_us > watch_us(flow->reset_flags[d])) {
        state_clear(flow, FST_OF(FST_FLOW_AFTER_RST, d));
        return 0;
    }
    if (speaks_for_sender(flow, scratch, d)) {
        if (fst_same_distance(&flow->direction[d], packet->ttl, 1))
            flow->reset_flags[d] |= FST_RESET_SENDER_SEEN;
        signals = liveness_signals(flow, packet, d);
        if (goes_on_late(flow, packet, passed_us, d)) {
            flow->challenges[d] = 0;                     // both limits: challenges and drops
            state_clear(flow, FST_OF(FST_FLOW_RST, d));  // one that was upheld was not taken in
        } else if (goes_on_when_asked(flow, packet, passed_us, d))
            flow->challenges[d] &= 0xf0;
    }
    first = signals && !(flow->reset_flags[d] & FST_RESET_ALIVE);
    receives =
        (signals & SIGNALS_OF_RECEIVING_ACKS) && !(flow->reset_flags[d] & FST_RESET_RECEIVES_ACKS);
    scratch->judgement.signals = signals;
    if (first) {
        flow->reset_flags[d] |= FST_RESET_ALIVE;
        flow->challenges[d] = 0;  // proof: the limits for doubtful RSTs start again
        state_clear(flow, FST_OF(FST_FLOW_RST, d));
        if (flow->reset_flags[d] & FST_RESET_CHALLENGED) {
            flow->reset_flags[d] =
                (flow->reset_flags[d] & ~FST_RESET_CHALLENGED) | FST_RESET_REFUTED;
            state_clear(flow, FST_OF(FST_FLOW_AWAITS_EGRESS, d));
            scratch->judgement.challenge = FST_CHALLENGE_REFUTED;
            count(FST_COUNT_REFUTED);
        }
    }
    if (receives)
        flow->reset_flags[d] |= FST_RESET_RECEIVES_ACKS;
    reported = (flow->after_rst[d] & FST_AFTER_RST_REPORTED) == FST_AFTER_RST_REPORTED;
    if (first || receives || !reported) {
        flow->after_rst[d] += !reported;
        emit(FST_EVENT_AFTER_RST, slot);
    }
    return 0;
}

/// Whether side `d` was silent for so long before the packet that all answers to what it sent before are due: the next one
/// answers this packet, and is too early if it comes within its round trip. So a box nearby that answers each packet
/// upholds nothing when the stack is asked again, or its application goes on.
static __always_inline int asks_anew(const struct fst_flow* flow, const struct fst_packet* packet,
                                     int d) {
    const __u64 rtt_us = flow->direction[d ^ 1].min_rtt_us;

    return (flow->reset_flags[d ^ 1] & FST_RESET_EGRESS) && rtt_us &&
           passed(packet->time_ns, flow->direction[d].last_ns, (rtt_us + rtt_us / 2) * 1000);
}

/// A packet of side `d` while a RST of the other side is watched, before it is learned. If it acknowledges more, its stack
/// has taken that in since: whatever the data looked like here, an answer is one to this number now, a round trip from
/// here on, and the answers begin anew. So a mimic of the sender's answers ends no stream of which something is taken
/// in once in seven eighths of the least round trip (fst_had_time_to_answer()); and a genuine RST waits for its own last
/// data at the most.
static __always_inline void ask_about_latest(struct fst_flow* flow, const struct fst_packet* packet,
                                             int d) {
    const int rst_side = d ^ 1;
    int acks_more;

    if (!(flow->state & FST_OF(FST_FLOW_AFTER_RST, rst_side)))
        return;
    acks_more = (packet->tcp_flags & FST_TCP_ACK) &&
                (flow->direction[d].flags & FST_DIRECTION_ACKED) &&
                fst_sequence_after(packet->ack, flow->direction[d].ack_edge) > 0;
    if (!acks_more && !asks_anew(flow, packet, d))
        return;
    flow->egress_us[rst_side] = time_us(packet->time_ns);
    if (acks_more)
        flow->challenges[rst_side] &= 0xf0;
}

/// The other end's first packet after a RST that was challenged or dropped.
static __always_inline void observe_egress(struct fst_flow* flow, const struct fst_packet* packet,
                                           int rst_side) {
    state_clear(flow, FST_OF(FST_FLOW_AWAITS_EGRESS, rst_side));
    flow->egress_us[rst_side] = time_us(packet->time_ns);
    flow->reset_flags[rst_side] |= FST_RESET_EGRESS;
}

#endif
