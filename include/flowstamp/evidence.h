// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// Evidence about a reset, and what follows from it. Used by the kernel when the RST arrives and by
// user space when later packets or the challenge have brought more: one rule, two times.
//
// Each signal belongs to a family, and a family counts once: two signals of one family have one
// cause. Sources stand beside the rules in bpf/verdict.h and docs/findings.md.
#ifndef FLOWSTAMP_EVIDENCE_H
#define FLOWSTAMP_EVIDENCE_H

#include "flowstamp/types.h"

/// A signal's bit number in a set of evidence.
enum fs_signal {
    // Conclusive: any one of these proves the RST forged.
    FS_SIGNAL_LIFE_ACK = 0,    ///< the sender acknowledged a byte that was first sent after its RST
    FS_SIGNAL_LIFE_CLOCK = 1,  ///< the sender's timestamps go on past the RST's time
    FS_SIGNAL_LIFE_ID = 2,     ///< its per-flow IP-ID goes on as if the RST had not been
    FS_SIGNAL_SYN_RST = 3,     ///< one SYN was answered by a RST and by a SYN-ACK
    FS_SIGNAL_SEQ_CHANGE = 4,  ///< a second RST guesses a higher sequence number
    FS_SIGNAL_REFUTED = 5,     ///< asked by a challenge, the sender went on
    FS_SIGNAL_LIFE_LASTS =
        6,  ///< it sends more than the window held when the RST came: it hears our ACKs
    // Strong: with a second family they prove; alone they make suspect.
    FS_SIGNAL_NEARER = 8,        ///< 2 or more hops nearer than every packet of that side
    FS_SIGNAL_ID_ECHO = 9,       ///< the IP-ID is one of the other side's latest
    FS_SIGNAL_ID_CONSTANT = 10,  ///< the IP-ID is a known injector's
    FS_SIGNAL_TAUGHT = 11,       ///< it bears the signature of an injector seen here before
    FS_SIGNAL_LIFE_DATA = 12,    ///< data beyond the RST came from the same distance afterwards
    FS_SIGNAL_ACK_TOO_SOON =
        13,  ///< acknowledges data that left under a quarter of the least RTT ago
    FS_SIGNAL_TAUGHT_HOPS = 14,  ///< and from where that injector stands, not from its sender
    // Joining: only with another family.
    FS_SIGNAL_WINDOW_FOREIGN = 16,  ///< a window, not 0, that this side never bore
    FS_SIGNAL_WINDOW_ECHO = 17,     ///< the window that the other side sent last
    FS_SIGNAL_ID_ZERO_NO_DF = 18,   ///< IP-ID 0 without DF where this side sets DF
    FS_SIGNAL_NO_TIMESTAMPS = 19,   ///< RST+ACK without the timestamps a Linux-like peer would send
    FS_SIGNAL_DATA = 20,            ///< the RST carries data
    FS_SIGNAL_MAC_FOREIGN = 21,     ///< another source MAC than this side's
    FS_SIGNAL_FARTHER = 22,         ///< 2 or more hops farther
    FS_SIGNAL_TTL_BASE = 23,        ///< another initial TTL, not of the stateless shape's making
    FS_SIGNAL_TWO_PATHS = 24,       ///< two RSTs within 1 s, 2 or more hops apart
    FS_SIGNAL_ACK_SOON = 25,        ///< acknowledges data that left under half the least RTT ago
    // Weak: told, never counted.
    FS_SIGNAL_ONE_HOP = 28,     ///< 1 hop nearer or farther: equal-cost paths do that
    FS_SIGNAL_DF_FLIPPED = 29,  ///< DF unlike this side's
    FS_SIGNAL_ID_BREAK = 30,    ///< the IP-ID does not continue this side's counter
    // Vouchers: genuine unless conclusive evidence says otherwise.
    FS_SIGNAL_VOUCH_TS = 34,  ///< its timestamps are right
    FS_SIGNAL_VOUCH_ID = 35,  ///< it continues this side's per-flow IP-ID
};
#define FS_SIGNAL_BIT(signal) (1ULL << (signal))
#define FS_SIGNALS_CONCLUSIVE 0x00000000000000ffULL
#define FS_SIGNALS_STRONG 0x000000000000ff00ULL
#define FS_SIGNALS_JOINING 0x000000000fff0000ULL
#define FS_SIGNALS_WEAK 0x00000003f0000000ULL
#define FS_SIGNALS_VOUCHERS 0x0000000c00000000ULL

/// Signals with one cause count once.
enum fs_family {
    FS_FAMILY_LIFE = 0,
    FS_FAMILY_SYN = 1,
    FS_FAMILY_SEQ = 2,
    FS_FAMILY_ASKED = 3,
    FS_FAMILY_PATH = 4,
    FS_FAMILY_ID = 5,
    FS_FAMILY_TIME = 6,
    FS_FAMILY_WINDOW = 7,
    FS_FAMILY_TIMESTAMPS = 8,
    FS_FAMILY_DATA = 9,
    FS_FAMILY_LINK = 10,
    FS_FAMILY_NONE = 11,
};

/// The signals of each family that may be counted, so the families of a set are few mask tests.
#define FS_MASK_LIFE                                                           \
    (FS_SIGNAL_BIT(FS_SIGNAL_LIFE_ACK) | FS_SIGNAL_BIT(FS_SIGNAL_LIFE_CLOCK) | \
     FS_SIGNAL_BIT(FS_SIGNAL_LIFE_ID) | FS_SIGNAL_BIT(FS_SIGNAL_LIFE_LASTS) |  \
     FS_SIGNAL_BIT(FS_SIGNAL_LIFE_DATA))
#define FS_MASK_PATH                                                          \
    (FS_SIGNAL_BIT(FS_SIGNAL_NEARER) | FS_SIGNAL_BIT(FS_SIGNAL_FARTHER) |     \
     FS_SIGNAL_BIT(FS_SIGNAL_TTL_BASE) | FS_SIGNAL_BIT(FS_SIGNAL_TWO_PATHS) | \
     FS_SIGNAL_BIT(FS_SIGNAL_TAUGHT_HOPS))
#define FS_MASK_ID                                                             \
    (FS_SIGNAL_BIT(FS_SIGNAL_ID_ECHO) | FS_SIGNAL_BIT(FS_SIGNAL_ID_CONSTANT) | \
     FS_SIGNAL_BIT(FS_SIGNAL_TAUGHT) | FS_SIGNAL_BIT(FS_SIGNAL_ID_ZERO_NO_DF))
#define FS_MASK_TIME (FS_SIGNAL_BIT(FS_SIGNAL_ACK_TOO_SOON) | FS_SIGNAL_BIT(FS_SIGNAL_ACK_SOON))
#define FS_MASK_WINDOW \
    (FS_SIGNAL_BIT(FS_SIGNAL_WINDOW_FOREIGN) | FS_SIGNAL_BIT(FS_SIGNAL_WINDOW_ECHO))
#define FS_MASK_TIMESTAMPS FS_SIGNAL_BIT(FS_SIGNAL_NO_TIMESTAMPS)
#define FS_MASK_DATA FS_SIGNAL_BIT(FS_SIGNAL_DATA)
#define FS_MASK_LINK FS_SIGNAL_BIT(FS_SIGNAL_MAC_FOREIGN)

/// Facts about the moment that change what evidence is worth. Bits of fs_judgement.context.
enum fs_context {
    FS_CONTEXT_HALF_VIEW = 1U << 0,  ///< one direction seen, or joined midway: suspected at most
    FS_CONTEXT_FIN = 1U << 1,        ///< a FIN was seen: joining signals do not count
    FS_CONTEXT_AFTER_OWN_RST = 1U << 2,  ///< the other end had reset the flow before
    FS_CONTEXT_STATELESS = 1U << 3,    ///< the shape of a kernel that does not know the connection
    FS_CONTEXT_TO_SYN = 1U << 4,       ///< it answers a SYN
    FS_CONTEXT_IN_WINDOW = 1U << 5,    ///< the receiving stack would heed it
    FS_CONTEXT_EXACT = 1U << 6,        ///< its sequence number is the next expected
    FS_CONTEXT_IDLE = 1U << 7,         ///< the flow was idle for a minute or more before
    FS_CONTEXT_NO_BASELINE = 1U << 8,  ///< nothing is known of this side
    FS_CONTEXT_FORGED_BEFORE = 1U << 9,  ///< a RST of this flow was judged forged
    FS_CONTEXT_TWICE = 1U << 10,         ///< the same frame was seen before
    FS_CONTEXT_PROVOKED =
        1U << 11,                  ///< an ACK of the other end left half a least RTT ago or earlier
    FS_CONTEXT_RESTED = 1U << 12,  ///< its sender rested for FS_RESTED_NS, or had ended the flow
};

enum fs_verdict {
    FS_VERDICT_GENUINE = 0,
    FS_VERDICT_SUSPECTED = 1,
    FS_VERDICT_CONFIRMED = 2,
};

/// Why a RST was sent, as far as packets can tell.
enum fs_cause {
    FS_CAUSE_UNKNOWN = 0,
    FS_CAUSE_FORGED = 1,       ///< verdict suspected or confirmed
    FS_CAUSE_CLOSED_PORT = 2,  ///< RST+ACK to a SYN
    FS_CAUSE_STATELESS = 3,    ///< a kernel that does not know the connection (any more)
    FS_CAUSE_ABORT = 4,        ///< the application closed with unread data, or with SO_LINGER 0
    FS_CAUSE_EDGE = 5,         ///< a NAT or gateway in the path that may rightly reset
    FS_CAUSE_AGED_STATE = 6,   ///< a balancer's aged-out entry (NetScaler windows 8201, 9300)
    FS_CAUSE_IDLE_TIMEOUT = 7,
    FS_CAUSE_OTHER_HOST = 8,  ///< a second host behind the address, or a REJECT on the peer
    FS_CAUSE_SCAN = 9,
    FS_CAUSE_OWN_RST = 10,  ///< answers a RST of the other end
    FS_CAUSE_CLOSED = 11,   ///< after both ends' FIN
};

/// What was done with the packet.
enum fs_action {
    FS_ACTION_OBSERVED = 0,
    FS_ACTION_CHALLENGED = 1,  ///< blunted: its sequence number moved so that the stack asks
    FS_ACTION_DROPPED = 2,
};

/// Where the challenge stands.
enum fs_challenge {
    FS_CHALLENGE_NONE = 0,
    FS_CHALLENGE_ASKED = 1,
    FS_CHALLENGE_UPHELD = 2,      ///< the sender reset again: genuine
    FS_CHALLENGE_REFUTED = 3,     ///< the sender went on: forged
    FS_CHALLENGE_UNANSWERED = 4,  ///< neither
};

/// Why a doubted RST was passed all the same.
enum fs_pass_reason {
    FS_PASS_NOT_DOUBTED = 0,
    FS_PASS_NOT_ACTING = 1,  ///< observe mode, or the RST left this host
    FS_PASS_UNKNOWN_FLOW = 2,
    FS_PASS_ANSWER = 3,         ///< it answers the challenge
    FS_PASS_TOO_MANY = 4,       ///< FS_QUESTIONS_MAX or FS_DROPS_MAX reached
    FS_PASS_INSISTS = 5,        ///< after a drop our next data drew the same RST again
    FS_PASS_SYN_SENT = 6,       ///< no challenge ACK in SYN_SENT
    FS_PASS_WINDOW = 7,         ///< receive window of 0 or 1
    FS_PASS_SEQUENCE = 8,       ///< sequence numbers unknown, or the stack will not heed it
    FS_PASS_EGRESS_UNSEEN = 9,  ///< the other direction does not pass here
    FS_PASS_CHECKSUM = 10,      ///< its TCP checksum is wrong: the stack will refuse it
    FS_PASS_CLOSED = 11,        ///< the flow is already closed
};

struct fs_judgement {
    __u64 signals;     ///< FS_SIGNAL_BIT(...)
    __u32 context;     ///< enum fs_context
    __u8 verdict;      ///< enum fs_verdict
    __u8 cause;        ///< enum fs_cause
    __u8 action;       ///< enum fs_action
    __u8 challenge;    ///< enum fs_challenge
    __u8 pass_reason;  ///< enum fs_pass_reason
    __u8 hops;         ///< of the RST
    __u8 base_hops;    ///< of its sender's nearest fitting packet; 255: none
    __u8 asked;        ///< questions in a row, this one included
    __u32 reserved;
};
FS_STATIC_ASSERT(sizeof(struct fs_judgement) == 24, "fs_judgement");

/// Families present in `signals` (weak ones and vouchers have none that counts).
static inline __u32 fs_families(__u64 signals) {
    __u32 families = 0;

    if (signals & FS_MASK_LIFE)
        families++;
    if (signals & FS_MASK_PATH)
        families++;
    if (signals & FS_MASK_ID)
        families++;
    if (signals & FS_MASK_TIME)
        families++;
    if (signals & FS_MASK_WINDOW)
        families++;
    if (signals & FS_MASK_TIMESTAMPS)
        families++;
    if (signals & FS_MASK_DATA)
        families++;
    if (signals & FS_MASK_LINK)
        families++;
    return families;
}

/// A box that keeps state may rightly have forgotten a flow whose far end has been silent for so long.
#define FS_RESTED_NS 10000000000ULL

/// What the evidence comes to, in the order of judgement (detection catalogue, docs/findings.md):
/// proof; what vouches; who reset first; strong evidence; benign shape; two faint families.
static inline enum fs_verdict fs_conclude(__u64 signals, __u32 context) {
    const enum fs_verdict most =
        (context & FS_CONTEXT_HALF_VIEW) ? FS_VERDICT_SUSPECTED : FS_VERDICT_CONFIRMED;
    const __u64 vouchers = signals & FS_SIGNALS_VOUCHERS;
    __u64 counted = signals & (FS_SIGNALS_STRONG | FS_SIGNALS_JOINING);

    if (context & FS_CONTEXT_FIN)
        counted &= ~FS_SIGNALS_JOINING;
    if (signals & FS_SIGNALS_CONCLUSIVE)
        return most;
    if (vouchers) {
        // A forger can count on from the ID it has seen; it cannot be nearer and yet the peer.
        if (vouchers == FS_SIGNAL_BIT(FS_SIGNAL_VOUCH_ID) &&
            (signals & FS_SIGNAL_BIT(FS_SIGNAL_NEARER)))
            return FS_VERDICT_SUSPECTED;
        return FS_VERDICT_GENUINE;
    }
    if ((context & FS_CONTEXT_AFTER_OWN_RST) && !(context & FS_CONTEXT_FORGED_BEFORE))
        return FS_VERDICT_GENUINE;
    if (counted & FS_SIGNALS_STRONG) {
        if (fs_families(counted) >= 2)
            return most;
        // A NAT or a gateway that lost its state resets from where it stands.
        return (context & FS_CONTEXT_RESTED) && !(counted & ~FS_MASK_PATH) ? FS_VERDICT_GENUINE
                                                                           : FS_VERDICT_SUSPECTED;
    }
    if (context & FS_CONTEXT_STATELESS)
        return FS_VERDICT_GENUINE;
    if (fs_families(counted) >= 2)
        return FS_VERDICT_SUSPECTED;
    return FS_VERDICT_GENUINE;
}

#endif
