// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// Records of the ring `events`: transitions only.
#ifndef FLOWSTAMP_EVENT_H
#define FLOWSTAMP_EVENT_H

#include "flowstamp/evidence.h"
#include "flowstamp/flow.h"
#include "flowstamp/packet.h"
#include "flowstamp/types.h"

enum fst_event_kind {
    FST_EVENT_RST = 1,  ///< struct fst_flow_event: the slot as it was when the RST was judged
    FST_EVENT_SYN = 2,  ///< struct fst_event: a SYN that began a flow, or came again
    FST_EVENT_SYN_ACK = 3,
    FST_EVENT_FIN = 4,
    FST_EVENT_ICMP_ERROR = 5,  ///< an ICMP error about a known flow
    FST_EVENT_AFTER_RST = 6,   ///< a packet of a side whose RST is under observation
    FST_EVENT_TTL = 7,         ///< a fitting packet has a TTL new to its side
    FST_EVENT_EVICTED = 8,     ///< struct fst_flow_event: a live flow lost its slot
    FST_EVENT_ENDED = 9,  ///< struct fst_flow_event: a closed flow's slot is taken or restarted
    FST_EVENT_RTO_RETRANSMIT =
        10,                ///< struct fst_flow_event: sent again after a silence of its sender
    FST_EVENT_ACKED = 11,  ///< what was sent again is acknowledged
    FST_EVENT_IDLE_RESUMED =
        12,  ///< struct fst_flow_event: a packet after an idle period; the slot before it
    FST_EVENT_ONE_WAY = 13,  ///< struct fst_flow_event: the other direction is still unseen
    FST_EVENT_DATA_REPEATED =
        14,  ///< struct fst_flow_event: data sent again from another distance, or unfit
    FST_EVENT_STALE_ACK = 15,    ///< a SYN is answered by an ACK that does not acknowledge it
    FST_EVENT_SACKED = 16,       ///< an ACK that reports a gap: sack_bytes behind it were received
    FST_EVENT_LOOP = 17,         ///< struct fst_flow_event: one packet thrice, its TTL falling
    FST_EVENT_ESTABLISHED = 18,  ///< the handshake's third packet, or both directions were seen
    FST_EVENT_KINDS = 19,
};

/// The common part. `judgement` is set in FST_EVENT_RST, and in FST_EVENT_AFTER_RST: there its
/// signals are the signs of liveness in this packet, and its challenge is REFUTED if this packet
/// refuted one.
struct fst_event {
    struct fst_record_header header;
    struct fst_packet packet;
    struct fst_judgement judgement;
    __u32 generation;  ///< of the slot: with its place, names the flow
    __u32 slot;        ///< of the flow table
};
FST_STATIC_ASSERT(sizeof(struct fst_event) == 168, "fst_event");

struct fst_flow_event {
    struct fst_event event;
    struct fst_flow flow;
};
FST_STATIC_ASSERT(sizeof(struct fst_flow_event) == 552, "fst_flow_event");

/// Whether records of this kind are struct fst_flow_event.
static inline int fst_event_has_flow(__u32 kind) {
    return kind == FST_EVENT_RST || kind == FST_EVENT_EVICTED || kind == FST_EVENT_ENDED ||
           kind == FST_EVENT_RTO_RETRANSMIT || kind == FST_EVENT_DATA_REPEATED ||
           kind == FST_EVENT_IDLE_RESUMED || kind == FST_EVENT_ONE_WAY || kind == FST_EVENT_LOOP;
}

#endif
