// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// A flow as the kernel remembers it: one slot of six cache lines in the mapped flow table.
//
// The two ends are A (index 0, the lower address and port) and B (index 1), so that both directions
// find the same slot. "Direction d" holds what end d sends; the d of a packet is its sender's
// index. Line 0 is read for every packet and written seldom; line 1 holds what is rare; then each
// direction has a line of state and a line of stamps, so that two CPUs that handle one direction
// each write to different lines.
#ifndef FLOWSTAMP_FLOW_H
#define FLOWSTAMP_FLOW_H

#include "flowstamp/stamp.h"
#include "flowstamp/types.h"

/// TTLs remembered of one direction.
#define FST_TTL_SET 4

/// IPv4 addresses are mapped: ::ffff:a.b.c.d.
struct fst_flow_key {
    __be32 address[2][4];  ///< of A and of B
    __be16 port[2];        ///< of A and of B
    __u32 ifindex;         ///< each watched interface sees a flow of its own
    __u8 protocol;         ///< IPPROTO_*; TCP is the only one that is followed
    __u8 tunnelled;        ///< 1: inside a tunnel; whether a stack takes it in is not known here
    __u8 padding[2];       ///< always 0: keys are compared and hashed as words
};
FST_STATIC_ASSERT(sizeof(struct fst_flow_key) == 44, "flow key");

/// Bits of fst_flow.state. A bit "per direction" is FST_OF(bit, d) for direction d.
enum fst_flow_state {
    FST_FLOW_SYN = 1U << 0,        ///< per direction: this end sent a SYN (without ACK)
    FST_FLOW_SYN_ACK = 1U << 2,    ///< per direction: this end sent a SYN-ACK that fits the SYN
    FST_FLOW_FIN = 1U << 4,        ///< per direction: this end sent a FIN that fits its baseline
    FST_FLOW_RST = 1U << 6,        ///< per direction: this end sent a RST that was accepted
    FST_FLOW_AFTER_RST = 1U << 8,  ///< per direction: a RST of this end is under observation
    FST_FLOW_AWAITS_EGRESS =
        1U << 10,                     ///< per direction: waits for the other end's next packet out
    FST_FLOW_FORGED = 1U << 12,       ///< per direction: a RST of this end was judged forged
    FST_FLOW_MIDWAY = 1U << 14,       ///< the flow's first packet seen was not its SYN
    FST_FLOW_ESTABLISHED = 1U << 15,  ///< the handshake was seen to its third packet
    FST_FLOW_MPTCP = 1U << 16,        ///< its SYNs offered Multipath TCP, or its segments use it
    FST_FLOW_LOOP = 1U << 17,         ///< reported: its packets come by one link again and again
    FST_FLOW_TS = 1U << 18,           ///< timestamps were negotiated
    FST_FLOW_AWAITS_ACK =
        1U
        << 19,  ///< per direction: it retransmitted, or resumed after idling, and waits for an ACK
    FST_FLOW_ONE_WAY = 1U << 21,         ///< reported: only one direction is seen
    FST_FLOW_AWAITS_SYN_ACK = 1U << 22,  ///< per direction: this end's SYN has had no answer yet
    FST_FLOW_SACKED =
        1U << 24,  ///< per direction: reported: there is a gap in what the other end received of it
    FST_FLOW_DUPLICATE_FRAMES = 1U
                                << 26,  ///< this flow's packets are seen twice (a mirror, a bridge)
    FST_FLOW_LOCAL = 1U << 27,      ///< per direction: this end's packets leave by the interface
    FST_FLOW_CANDIDATE = 1U << 29,  ///< packets came that fit another connection than this one
    FST_FLOW_FIN_AHEAD = 1U << 30,  ///< per direction: its FIN, at seq_edge - 1, came behind a gap
};
#define FST_OF(bit, direction) ((__u32)(bit) << (direction))

/// How one direction's IP-IDs go from packet to packet.
enum fst_id_class {
    FST_ID_UNKNOWN = 0,
    FST_ID_ZERO = 1,      ///< always 0 (Linux' unconnected answers, many with DF)
    FST_ID_CONSTANT = 2,  ///< always the same, not 0
    FST_ID_FLOW = 3,      ///< a counter of this flow: +1 per packet
    FST_ID_GLOBAL = 4,    ///< a counter shared with other flows: small steps up
    FST_ID_RANDOM = 5,
};

/// Votes for a class before it counts.
#define FST_ID_VOTES_ENOUGH 3

/// Bits of fst_direction.flags.
enum fst_direction_flags {
    FST_DIRECTION_SEEN = 1U << 0,          ///< sequence and ACK edges are set
    FST_DIRECTION_TS = 1U << 1,            ///< its SYN or SYN-ACK had timestamps
    FST_DIRECTION_TS_CLOCK = 1U << 2,      ///< ts_offset is set
    FST_DIRECTION_BASE_SYN = 1U << 3,      ///< the baseline holds a SYN
    FST_DIRECTION_BASE_SYN_ACK = 1U << 4,  ///< the baseline holds a SYN-ACK
    FST_DIRECTION_BASE = 1U << 5,          ///< the baseline holds another packet
    FST_DIRECTION_DF = 1U << 6,            ///< it sets Don't Fragment
    FST_DIRECTION_NO_DF = 1U << 7,         ///< it also sends without
    FST_DIRECTION_TTL_MANY = 1U << 8,      ///< more TTLs than the set holds: TTL is no evidence
    FST_DIRECTION_DATA = 1U << 9,          ///< it sent data
    FST_DIRECTION_WINDOWS_2 = 1U << 10,    ///< two or more non-SYN packets have voted in windows
    FST_DIRECTION_WINDOWS_1 = 1U << 11,    ///< one has
    FST_DIRECTION_TS_FAST = 1U << 12,      ///< its timestamps tick faster than 1 per ms
    FST_DIRECTION_ACKED = 1U << 13,        ///< it sent a packet with ACK other than a RST
    FST_DIRECTION_WINDOW_1K = 1U << 14,    ///< an unscaled window of a non-SYN packet: 1024 or more
    FST_DIRECTION_WINDOW_8K = 1U << 15,    ///< ... 8192 or more
};

/// What one end sends: a line of state, a line of stamps. Written by the CPU that handles this
/// direction's packets; `version` is odd while it writes.
struct fst_direction {
    __u16 version;     ///< sequence count for readers; they retry when odd or changed
    __u16 flags;       ///< enum fst_direction_flags
    __u32 packets;     ///< on the wire: a GSO packet counts its segments
    __u64 bytes;       ///< IP length of those packets
    __u64 last_ns;     ///< CLOCK_MONOTONIC of the latest packet
    __u32 seq_edge;    ///< next sequence number expected: one past the highest sent
    __u32 ack_edge;    ///< highest ACK sent
    __u32 ts_val;      ///< latest TSval
    __u32 ts_offset;   ///< greatest (TSval - arrival in ms): the sender's clock at the least delay
    __u32 edge_us;     ///< when seq_edge was first reached, microseconds, low 32 bits
    __u32 min_rtt_us;  ///< from here to this end and back, least seen; 0: none
    __u32 windows;     ///< Bloom filter (one bit of 32) of the windows of its non-SYN packets
    __u16 window;      ///< latest window, unscaled
    __u16 ip_id;       ///< latest IP-ID
    __u8 ttl[FST_TTL_SET];  ///< the TTLs of its fitting packets; 0: none
    __u8 id_class;          ///< low 4 bits: enum fst_id_class; high 4 bits: votes for it
    __u8 retransmitted;     ///< segments sent again, saturating at 255
    __u8 rtt_and_mac;  ///< low 4 bits: samples behind min_rtt_us, saturating at 15; high 4 bits:
                       ///< packets with this direction's fst_flow.mac, or FST_MAC_MIXED
    __u8 ring_next;    ///< where the next stamp goes; until then the oldest
    struct fst_stamp ring[FST_RING_STAMPS];
};
FST_STATIC_ASSERT(FST_OFFSETOF(struct fst_direction, ring) == 64, "state fills one line");
FST_STATIC_ASSERT(sizeof(struct fst_direction) == 128, "stamps fill the next");

static inline __u8 fst_id_class_of(const struct fst_direction* direction) {
    return (direction->id_class >> 4) >= FST_ID_VOTES_ENOUGH ? direction->id_class & 0x0f
                                                             : (__u8)FST_ID_UNKNOWN;
}

/// Of fst_mac_votes(): the direction's packets have several MACs.
#define FST_MAC_MIXED 15

/// Samples behind min_rtt_us; 15: 15 or more.
static inline __u8 fst_rtt_samples(const struct fst_direction* direction) {
    return direction->rtt_and_mac & 0x0f;
}

/// Packets with the direction's MAC, as far as they were counted; FST_MAC_MIXED: several MACs.
static inline __u8 fst_mac_votes(const struct fst_direction* direction) {
    return direction->rtt_and_mac >> 4;
}

/// Bits of fst_flow.reset_flags: what has become of a direction's latest RST.
enum fst_reset_flags {
    FST_RESET_CHALLENGED = 1U << 0,  ///< it was challenged; the answer is awaited
    FST_RESET_DROPPED = 1U << 1,     ///< it was discarded
    FST_RESET_EGRESS = 1U << 2,      ///< the other end has sent since; egress_us says when first
    FST_RESET_SENDER_SEEN =
        1U << 3,  ///< a fitting packet that is no RST came from its sender's place since
    FST_RESET_ALIVE = 1U << 4,          ///< its sender went on, causally later
    FST_RESET_REFUTED = 1U << 5,        ///< a challenge of this flow was refuted once
    FST_RESET_RECEIVES_ACKS = 1U << 6,  ///< and it receives what the other end sends
    FST_RESET_VOUCHED =
        1U << 7,  ///< its sender's own timestamps, or IP-IDs, spoke for the first of a burst
};

/// The most challenges in a row without a sign of liveness, and drops in a flow, before we pass.
#define FST_CHALLENGES_MAX 8
#define FST_DROPS_MAX 8

/// Of fst_flow.wscale: the window scale, at most 14 (RFC 7323, section 2.3), plus 1.
#define FST_SCALE 0x0f
/// On a flow that was joined midway: this end's data had an option of Multipath TCP.
#define FST_END_MULTIPATH 0x80

/// A flow, an entry of the map `flows`: six cache lines.
struct fst_flow {
    // Line 0: read for every packet.
    __u64 tag;  ///< 0: free; FST_TAG_BUSY: being claimed; else the key's hash
    struct fst_flow_key key;
    __u32 generation;   ///< raised at each claim of the slot
    __u32 seen_coarse;  ///< last packet, CLOCK_MONOTONIC ns >> 30 (about a second)
    __u32 state;        ///< enum fst_flow_state; changed atomically
    // Line 1: handshake, link and resets.
    __u32 isn[2];    ///< initial sequence numbers
    __u8 mac[2][6];  ///< source MAC of each end's packets
    __u8 after_rst
        [2];          ///< FST_AFTER_RST_*; and of an end, not of its RSTs, FST_END_*, FST_OWN_STACK
    __u8 wscale[2];   ///< FST_SCALE: of each end's SYN, plus 1; 0: none offered. FST_END_MULTIPATH
    __u32 rst_us[2];  ///< when the RST under observation came: the first of a row
    __u32 rst_seq[2];       ///< its sequence number
    __u32 egress_us[2];     ///< the other end's first packet after it
    __u32 liveness_ack[2];  ///< the other end's sequence edge when it came
    __u8 rst_ttl[2];
    __u8 rst_tcp_flags[2];
    __u8 reset_flags[2];  ///< enum fst_reset_flags
    __u8 challenges[2];   ///< low 4 bits: challenges in a row; high 4 bits: drops
    struct fst_direction direction[2];
};
#define FST_TAG_BUSY 1ULL
/// Of fst_flow.after_rst: packets reported since the RST, at the most FST_AFTER_RST_REPORTED; how often the
/// open challenge was repeated for what came early and looked like its answer, at the most three times.
#define FST_AFTER_RST_REPORTED 0x0f
/// Of fst_flow.wscale: the first of a burst of this end's RSTs was not exact, which is answered by an ACK (RFC 5961).
#define FST_RST_INEXACT 0x40
#define FST_AFTER_RST_EARLY_ONE 0x20
#define FST_AFTER_RST_EARLY 0x60
/// A socket of this host sends this end's packets.
#define FST_OWN_STACK 0x80
/// One bit, as no more are left. With FST_OWN_STACK: the latest of those packets was signed. Without: packets of
/// this end that came in by the interface have left by it again.
#define FST_END_SIGNS 0x10
#define FST_END_SENT_ON 0x10
/// What is an end's, and not one of its RSTs'.
#define FST_OF_END (FST_OWN_STACK | FST_END_SIGNS)
FST_STATIC_ASSERT(FST_OFFSETOF(struct fst_flow, isn) == 64, "line 0");
FST_STATIC_ASSERT(FST_OFFSETOF(struct fst_flow, direction) == 128, "line 1");
FST_STATIC_ASSERT(sizeof(struct fst_flow) == 384, "a slot is six lines");

#endif
