// SPDX-License-Identifier: GPL-2.0-only
// The clock behind one side's timestamps (RFC 7323): how far ahead of the time of arrival it is, and
// which packets set it.
#ifndef FLOWSTAMP_BPF_FLOW_CLOCK_H
#define FLOWSTAMP_BPF_FLOW_CLOCK_H

#include "bpf/flow/time.h"
#include "bpf/packet/segment.h"
#include "flowstamp/acceptance_rules.h"
#include "flowstamp/reset_rules.h"

/// The offset of the sender's timestamp clock: the greatest TSval - arrival time, which is that of
/// the packet with the least delay. A clock faster than one tick per millisecond is no evidence.
static __always_inline void learn_clock(struct fst_direction* own,
                                        const struct fst_packet* packet) {
    __u32 offset = packet->ts_val - time_ms(packet->time_ns);
    __s32 step = fst_sequence_after(offset, own->ts_offset);

    if (!(own->flags & FST_DIRECTION_TS_CLOCK) || fst_paws_is_over(own, packet)) {
        own->flags |= FST_DIRECTION_TS_CLOCK;
        own->ts_offset = offset;
        own->ts_val = packet->ts_val;
        return;
    }
    if (step > 0 && !(own->flags & FST_DIRECTION_TS_FAST)) {
        __u64 quiet_ms = (packet->time_ns - own->last_ns) >> 20;

        if ((__u64)step > 200 + 2 * quiet_ms)
            own->flags |= FST_DIRECTION_TS_FAST;
        own->ts_offset = offset;
    }
    if (fst_sequence_after(packet->ts_val, own->ts_val) > 0)
        own->ts_val = packet->ts_val;
}

/// Whether the packet's timestamp moves its side's clock forward. While a clock is as fast as time
/// or slower, few do: those with less delay than any before.
static __always_inline int moves_clock(const struct fst_direction* own, struct segment segment) {
    return has_timestamps(segment) && (own->flags & FST_DIRECTION_TS_CLOCK) &&
           !(own->flags & FST_DIRECTION_TS_FAST) &&
           fst_sequence_after(ts_val_of(segment) - time_ms(segment.packet->time_ns),
                              own->ts_offset) > 0;
}

/// Whether the packet was overtaken by a later one of its side: it shows how far that has come, even if its
/// receiver throws it away.
static __always_inline int is_overtaken(const struct fst_flow* flow,
                                        const struct fst_packet* packet,
                                        const struct fst_direction* own) {
    return (flow->state & FST_FLOW_TS) && (packet->flags & FST_PACKET_TS) &&
           fst_sequence_after(packet->ts_val, own->ts_val) < 0 && !fst_is_doubtful(packet);
}

/// Whether a packet that does not fit is one that its receiver takes the timestamp of all the same, as bytes behind
/// a FIN, whose text it ignores.
static __always_inline int sets_clock_though_unfit(const struct fst_flow* flow,
                                                   const struct fst_packet* packet, int d) {
    const struct fst_direction *own = &flow->direction[d], *other = &flow->direction[d ^ 1];

    return (flow->state & FST_FLOW_TS) && fst_receiver_takes_clock(own, other, packet) &&
           !fst_is_doubtful(packet) && fst_sequence_acceptance(flow, packet, d) == FST_ACCEPTED;
}

/// Whether the timestamp runs ahead of what its side's clock can show by now, other than by less delay.
static __always_inline int leaps_ahead(const struct fst_direction* own,
                                       const struct fst_packet* packet) {
    const __u32 ahead = packet->ts_val - own->ts_val;

    if (!(own->flags & FST_DIRECTION_TS_FAST))
        return moves_clock(own, segment_in_memory(packet));
    return ahead < 0x80000000U &&
           ahead > FST_TIMESTAMPS_NEAR + ((packet->time_ns - own->last_ns) >> 9);
}

/// Whether a segment that fits sets its side's clock: if its receiver takes its timestamp, too (fst_receiver_takes_clock()), or if it
/// goes on where its side stands with more bytes, which nobody else knows, or no later than its clock can be. On a
/// router one that runs ahead need come from where its side's first packets came: it may die on its way. Asked before it is
/// learned.
static __always_inline int sets_clock(const struct fst_flow* flow, const struct fst_packet* packet,
                                      int d) {
    const struct fst_direction *own = &flow->direction[d], *other = &flow->direction[d ^ 1];
    int leaps;

    if (!(packet->flags & FST_PACKET_TS))
        return 0;
    if (!(own->flags & FST_DIRECTION_TS_CLOCK) || !(other->flags & FST_DIRECTION_ACKED))
        return 1;
    leaps = leaps_ahead(own, packet);
    if (fst_sequence_after(packet->ack, own->ack_edge) < 0 ||
        (leaps && !fst_is_own_stack(flow, d ^ 1) && fst_hops_apart(own->ttl[0], packet->ttl) > 1))
        return 0;
    return fst_sequence_after(packet->seq, other->ack_edge) <= 0 ||
           (packet->seq == own->seq_edge && (packet->payload || !leaps));
}

#endif
