// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// Evidence about a reset, and what follows from it. Used by the kernel when the RST arrives and by
// user space when later packets or the challenge have brought more: one rule, two times.
//
// Each signal belongs to a family, and a family counts once: two signals of one family have one
// cause. Sources stand beside the rules in bpf/reset/judge.h and docs/findings.md.
#ifndef FLOWSTAMP_EVIDENCE_H
#define FLOWSTAMP_EVIDENCE_H

#include "flowstamp/types.h"

/// A signal's bit number in a set of evidence.
enum fst_signal {
    // Conclusive: any one of these proves the RST forged.
    FST_SIGNAL_LIVENESS_ACK = 0,    ///< the sender acknowledged a byte that was first sent after its RST
    FST_SIGNAL_LIVENESS_CLOCK = 1,  ///< the sender's timestamps go on past the RST's time
    FST_SIGNAL_LIVENESS_ID = 2,     ///< its per-flow IP-ID goes on as if the RST had not been
    FST_SIGNAL_SYN_RST = 3,     ///< one SYN was answered by a RST and by a SYN-ACK
    FST_SIGNAL_SEQ_CHANGE = 4,  ///< a second RST guesses a higher sequence number
    FST_SIGNAL_REFUTED = 5,     ///< asked by a challenge, the sender went on
    FST_SIGNAL_BEYOND_WINDOW =
        6,  ///< it sends more than the window held when the RST came: it hears our ACKs
    // Strong: with a second family they prove; alone they make suspect.
    FST_SIGNAL_NEARER = 8,        ///< 2 or more hops nearer than every packet of that side
    FST_SIGNAL_ID_ECHO = 9,       ///< the IP-ID is one of the other side's latest
    FST_SIGNAL_ID_CONSTANT = 10,  ///< the IP-ID is a known injector's
    FST_SIGNAL_LEARNED_SIGNATURE = 11,       ///< it bears the signature of an injector seen here before
    FST_SIGNAL_LIVENESS_DATA = 12,    ///< data beyond the RST came from the same distance afterwards
    FST_SIGNAL_ACK_TOO_SOON =
        13,  ///< acknowledges data that left under a quarter of the least RTT ago
    FST_SIGNAL_LEARNED_DISTANCE = 14,  ///< and from where that injector stands, not from its sender
    // Joining: only with another family.
    FST_SIGNAL_WINDOW_FOREIGN = 16,  ///< a window, not 0, that this side never bore
    FST_SIGNAL_WINDOW_ECHO = 17,     ///< the window that the other side sent last
    FST_SIGNAL_ID_ZERO_NO_DF = 18,   ///< IP-ID 0 without DF where this side sets DF
    FST_SIGNAL_NO_TIMESTAMPS = 19,   ///< RST+ACK without the timestamps a Linux-like peer would send
    FST_SIGNAL_DATA = 20,            ///< the RST carries data
    FST_SIGNAL_MAC_FOREIGN = 21,     ///< another source MAC than this side's
    FST_SIGNAL_FARTHER = 22,         ///< 2 or more hops farther
    FST_SIGNAL_TTL_BASE = 23,        ///< another initial TTL, not of the stateless shape's making
    FST_SIGNAL_TWO_PATHS = 24,       ///< two RSTs within 1 s, 2 or more hops apart
    FST_SIGNAL_ACK_SOON = 25,        ///< acknowledges data that left under half the least RTT ago
    // Weak: told, never counted.
    FST_SIGNAL_ONE_HOP = 28,     ///< 1 hop nearer or farther: equal-cost paths do that
    FST_SIGNAL_DF_FLIPPED = 29,  ///< DF unlike this side's
    FST_SIGNAL_ID_BREAK = 30,    ///< the IP-ID does not continue this side's counter
    // Vouchers: genuine unless conclusive evidence says otherwise.
    FST_SIGNAL_TIMESTAMPS_VALID = 34,  ///< its timestamps are right
    FST_SIGNAL_ID_IN_SEQUENCE = 35,  ///< it continues this side's per-flow IP-ID
};
#define FST_SIGNAL_BIT(signal) (1ULL << (signal))
#define FST_SIGNALS_CONCLUSIVE 0x00000000000000ffULL
#define FST_SIGNALS_STRONG 0x000000000000ff00ULL
#define FST_SIGNALS_WEAK_CORROBORATING 0x000000000fff0000ULL
#define FST_SIGNALS_WEAK 0x00000003f0000000ULL
#define FST_SIGNALS_CORROBORATE_GENUINE 0x0000000c00000000ULL

/// Signals with one cause count once.
enum fst_family {
    FST_FAMILY_LIVENESS = 0,
    FST_FAMILY_SYN = 1,
    FST_FAMILY_SEQ = 2,
    FST_FAMILY_CHALLENGE = 3,
    FST_FAMILY_PATH = 4,
    FST_FAMILY_ID = 5,
    FST_FAMILY_TIME = 6,
    FST_FAMILY_WINDOW = 7,
    FST_FAMILY_TIMESTAMPS = 8,
    FST_FAMILY_DATA = 9,
    FST_FAMILY_LINK = 10,
    FST_FAMILY_NONE = 11,
};

/// The signals of each family that may be counted, so the families of a set are few mask tests.
#define FST_MASK_LIVENESS                                                           \
    (FST_SIGNAL_BIT(FST_SIGNAL_LIVENESS_ACK) | FST_SIGNAL_BIT(FST_SIGNAL_LIVENESS_CLOCK) | \
     FST_SIGNAL_BIT(FST_SIGNAL_LIVENESS_ID) | FST_SIGNAL_BIT(FST_SIGNAL_BEYOND_WINDOW) |  \
     FST_SIGNAL_BIT(FST_SIGNAL_LIVENESS_DATA))
#define FST_MASK_PATH                                                          \
    (FST_SIGNAL_BIT(FST_SIGNAL_NEARER) | FST_SIGNAL_BIT(FST_SIGNAL_FARTHER) |     \
     FST_SIGNAL_BIT(FST_SIGNAL_TTL_BASE) | FST_SIGNAL_BIT(FST_SIGNAL_TWO_PATHS) | \
     FST_SIGNAL_BIT(FST_SIGNAL_LEARNED_DISTANCE))
#define FST_MASK_ID                                                             \
    (FST_SIGNAL_BIT(FST_SIGNAL_ID_ECHO) | FST_SIGNAL_BIT(FST_SIGNAL_ID_CONSTANT) | \
     FST_SIGNAL_BIT(FST_SIGNAL_LEARNED_SIGNATURE) | FST_SIGNAL_BIT(FST_SIGNAL_ID_ZERO_NO_DF))
#define FST_MASK_TIME (FST_SIGNAL_BIT(FST_SIGNAL_ACK_TOO_SOON) | FST_SIGNAL_BIT(FST_SIGNAL_ACK_SOON))
#define FST_MASK_WINDOW \
    (FST_SIGNAL_BIT(FST_SIGNAL_WINDOW_FOREIGN) | FST_SIGNAL_BIT(FST_SIGNAL_WINDOW_ECHO))
#define FST_MASK_TIMESTAMPS FST_SIGNAL_BIT(FST_SIGNAL_NO_TIMESTAMPS)
#define FST_MASK_DATA FST_SIGNAL_BIT(FST_SIGNAL_DATA)
#define FST_MASK_LINK FST_SIGNAL_BIT(FST_SIGNAL_MAC_FOREIGN)

/// Facts about the moment that change what evidence is worth. Bits of fst_judgement.context.
enum fst_context {
    FST_CONTEXT_HALF_VIEW = 1U << 0,  ///< one direction seen, or joined midway: suspected at most
    FST_CONTEXT_FIN = 1U << 1,        ///< a FIN was seen: joining signals do not count
    FST_CONTEXT_AFTER_OWN_RST = 1U << 2,  ///< the other end had reset the flow before
    FST_CONTEXT_STATELESS = 1U << 3,    ///< the shape of a kernel that does not know the connection
    FST_CONTEXT_TO_SYN = 1U << 4,       ///< it answers a SYN
    FST_CONTEXT_IN_WINDOW = 1U << 5,    ///< the receiving stack would heed it
    FST_CONTEXT_EXACT = 1U << 6,        ///< its sequence number is the next expected
    FST_CONTEXT_FLOW_IDLE = 1U << 7,         ///< the flow was idle for a minute or more before
    FST_CONTEXT_NO_BASELINE = 1U << 8,  ///< nothing is known of this side
    FST_CONTEXT_FORGED_BEFORE = 1U << 9,  ///< a RST of this flow was judged forged
    FST_CONTEXT_DUPLICATE_FRAME = 1U << 10,         ///< the same frame was seen before
    FST_CONTEXT_PROVOKED =
        1U << 11,                  ///< an ACK of the other end left half a least RTT ago or earlier
    FST_CONTEXT_SENDER_IDLE = 1U << 12,  ///< its sender rested for FST_SENDER_IDLE_NS, or had ended the flow
};

enum fst_verdict {
    FST_VERDICT_GENUINE = 0,
    FST_VERDICT_SUSPECTED = 1,
    FST_VERDICT_CONFIRMED = 2,
};

/// Why a RST was sent, as far as packets can tell.
enum fst_cause {
    FST_CAUSE_UNKNOWN = 0,
    FST_CAUSE_FORGED = 1,       ///< verdict suspected or confirmed
    FST_CAUSE_CLOSED_PORT = 2,  ///< RST+ACK to a SYN
    FST_CAUSE_STATELESS = 3,    ///< a kernel that does not know the connection (any more)
    FST_CAUSE_ABORT = 4,        ///< the application closed with unread data, or with SO_LINGER 0
    FST_CAUSE_EDGE = 5,         ///< a NAT or gateway in the path that may rightly reset
    FST_CAUSE_AGED_STATE = 6,   ///< a balancer's aged-out entry (NetScaler windows 8201, 9300)
    FST_CAUSE_IDLE_TIMEOUT = 7,
    FST_CAUSE_OTHER_HOST = 8,  ///< a second host behind the address, or a REJECT on the peer
    FST_CAUSE_SCAN = 9,
    FST_CAUSE_OWN_RST = 10,  ///< answers a RST of the other end
    FST_CAUSE_CLOSED = 11,   ///< after both ends' FIN
};

/// What was done with the packet.
enum fst_action {
    FST_ACTION_OBSERVED = 0,
    FST_ACTION_CHALLENGED = 1,  ///< blunted: its sequence number moved so that the stack asks
    FST_ACTION_DROPPED = 2,
};

/// Where the challenge stands.
enum fst_challenge {
    FST_CHALLENGE_NONE = 0,
    FST_CHALLENGE_ASKED = 1,
    FST_CHALLENGE_UPHELD = 2,      ///< the sender reset again: genuine
    FST_CHALLENGE_REFUTED = 3,     ///< the sender went on: forged
    FST_CHALLENGE_UNANSWERED = 4,  ///< neither
};

/// Why a doubted RST was passed all the same.
enum fst_pass_reason {
    FST_PASS_NOT_SUSPECT = 0,
    FST_PASS_NOT_ACTING = 1,  ///< observe mode, or the RST left this host
    FST_PASS_UNKNOWN_FLOW = 2,
    FST_PASS_ANSWER = 3,         ///< it answers the challenge
    FST_PASS_TOO_MANY = 4,       ///< FST_CHALLENGES_MAX or FST_DROPS_MAX reached
    FST_PASS_RESET_REPEATED = 5,        ///< after a drop our next data drew the same RST again
    FST_PASS_SYN_SENT = 6,       ///< no challenge ACK in SYN_SENT
    FST_PASS_WINDOW = 7,         ///< receive window of 0 or 1
    FST_PASS_SEQUENCE = 8,       ///< sequence numbers unknown, or the stack will not heed it
    FST_PASS_EGRESS_UNSEEN = 9,  ///< the other direction does not pass here
    FST_PASS_CHECKSUM = 10,      ///< its TCP checksum is wrong: the stack will refuse it
    FST_PASS_CLOSED = 11,        ///< the flow is already closed
};

struct fst_judgement {
    __u64 signals;     ///< FST_SIGNAL_BIT(...)
    __u32 context;     ///< enum fst_context
    __u8 verdict;      ///< enum fst_verdict
    __u8 cause;        ///< enum fst_cause
    __u8 action;       ///< enum fst_action
    __u8 challenge;    ///< enum fst_challenge
    __u8 pass_reason;  ///< enum fst_pass_reason
    __u8 hops;         ///< of the RST
    __u8 base_hops;    ///< of its sender's nearest fitting packet; 255: none
    __u8 challenges;        ///< questions in a row, this one included
    __u32 reserved;
};
FST_STATIC_ASSERT(sizeof(struct fst_judgement) == 24, "fst_judgement");

#endif
