// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// Evidence about a reset, and what follows from it. Used by the kernel when the RST arrives and by
// user space when later packets or the challenge have brought more: the same rule both times.
//
// Each signal belongs to a family, and a family counts once: two signals of one family have one
// cause. Sources are in flowstamp/signals.def and beside the rules in bpf/reset/signals.h.
#ifndef FLOWSTAMP_EVIDENCE_H
#define FLOWSTAMP_EVIDENCE_H

#include "flowstamp/types.h"

/// What a signal is worth.
enum fst_strength {
    FST_STRENGTH_CONCLUSIVE = 0,            ///< proves a reset forged
    FST_STRENGTH_STRONG = 1,                ///< proves with a second family; alone it makes suspect
    FST_STRENGTH_WEAK_CORROBORATING = 2,    ///< counts only with another family
    FST_STRENGTH_WEAK = 3,                  ///< shown, never counted
    FST_STRENGTH_CORROBORATES_GENUINE = 4,  ///< genuine, unless something conclusive says otherwise
    FST_STRENGTH_BENIGN = 5,  ///< what a genuine reset looks like; shown, never counted
};

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
};

/// A signal's bit number in a set of evidence; flowstamp/signals.def says what each means.
enum fst_signal {
#define FST_RESET_SIGNAL(name, bit, json_name, family, strength, meaning) FST_SIGNAL_##name = (bit),
#include "flowstamp/signals.def"
};
#define FST_SIGNAL_BIT(signal) (1ULL << (signal))

#define FST_SIGNAL_IF(condition, bit) ((condition) ? FST_SIGNAL_BIT(bit) : 0ULL)

/// The signals of each strength.
#define FST_RESET_SIGNAL(name, bit, json_name, family, strength, meaning) \
    | FST_SIGNAL_IF(FST_STRENGTH_##strength == FST_STRENGTH_CONCLUSIVE, bit)
static const __u64 FST_SIGNALS_CONCLUSIVE = 0ULL
#include "flowstamp/signals.def"
    ;
#define FST_RESET_SIGNAL(name, bit, json_name, family, strength, meaning) \
    | FST_SIGNAL_IF(FST_STRENGTH_##strength == FST_STRENGTH_STRONG, bit)
static const __u64 FST_SIGNALS_STRONG = 0ULL
#include "flowstamp/signals.def"
    ;
#define FST_RESET_SIGNAL(name, bit, json_name, family, strength, meaning) \
    | FST_SIGNAL_IF(FST_STRENGTH_##strength == FST_STRENGTH_WEAK_CORROBORATING, bit)
static const __u64 FST_SIGNALS_WEAK_CORROBORATING = 0ULL
#include "flowstamp/signals.def"
    ;
#define FST_RESET_SIGNAL(name, bit, json_name, family, strength, meaning) \
    | FST_SIGNAL_IF(FST_STRENGTH_##strength == FST_STRENGTH_WEAK, bit)
static const __u64 FST_SIGNALS_WEAK = 0ULL
#include "flowstamp/signals.def"
    ;
#define FST_RESET_SIGNAL(name, bit, json_name, family, strength, meaning) \
    | FST_SIGNAL_IF(FST_STRENGTH_##strength == FST_STRENGTH_CORROBORATES_GENUINE, bit)
static const __u64 FST_SIGNALS_CORROBORATE_GENUINE = 0ULL
#include "flowstamp/signals.def"
    ;

/// The signals of each family that may be counted, so the families of a set are few mask tests.
#define FST_SIGNAL_COUNTS(family, wanted, strength) \
    ((family) == (wanted) && (strength) <= FST_STRENGTH_WEAK_CORROBORATING)
#define FST_RESET_SIGNAL(name, bit, json_name, family, strength, meaning)                       \
    | FST_SIGNAL_IF(                                                                            \
          FST_SIGNAL_COUNTS(FST_FAMILY_##family, FST_FAMILY_LIVENESS, FST_STRENGTH_##strength), \
          bit)
static const __u64 FST_MASK_LIVENESS = 0ULL
#include "flowstamp/signals.def"
    ;
#define FST_RESET_SIGNAL(name, bit, json_name, family, strength, meaning) \
    | FST_SIGNAL_IF(                                                      \
          FST_SIGNAL_COUNTS(FST_FAMILY_##family, FST_FAMILY_PATH, FST_STRENGTH_##strength), bit)
static const __u64 FST_MASK_PATH = 0ULL
#include "flowstamp/signals.def"
    ;
#define FST_RESET_SIGNAL(name, bit, json_name, family, strength, meaning) \
    | FST_SIGNAL_IF(                                                      \
          FST_SIGNAL_COUNTS(FST_FAMILY_##family, FST_FAMILY_ID, FST_STRENGTH_##strength), bit)
static const __u64 FST_MASK_ID = 0ULL
#include "flowstamp/signals.def"
    ;
#define FST_RESET_SIGNAL(name, bit, json_name, family, strength, meaning) \
    | FST_SIGNAL_IF(                                                      \
          FST_SIGNAL_COUNTS(FST_FAMILY_##family, FST_FAMILY_TIME, FST_STRENGTH_##strength), bit)
static const __u64 FST_MASK_TIME = 0ULL
#include "flowstamp/signals.def"
    ;
#define FST_RESET_SIGNAL(name, bit, json_name, family, strength, meaning) \
    | FST_SIGNAL_IF(                                                      \
          FST_SIGNAL_COUNTS(FST_FAMILY_##family, FST_FAMILY_WINDOW, FST_STRENGTH_##strength), bit)
static const __u64 FST_MASK_WINDOW = 0ULL
#include "flowstamp/signals.def"
    ;
#define FST_RESET_SIGNAL(name, bit, json_name, family, strength, meaning)                         \
    | FST_SIGNAL_IF(                                                                              \
          FST_SIGNAL_COUNTS(FST_FAMILY_##family, FST_FAMILY_TIMESTAMPS, FST_STRENGTH_##strength), \
          bit)
static const __u64 FST_MASK_TIMESTAMPS = 0ULL
#include "flowstamp/signals.def"
    ;
#define FST_RESET_SIGNAL(name, bit, json_name, family, strength, meaning) \
    | FST_SIGNAL_IF(                                                      \
          FST_SIGNAL_COUNTS(FST_FAMILY_##family, FST_FAMILY_DATA, FST_STRENGTH_##strength), bit)
static const __u64 FST_MASK_DATA = 0ULL
#include "flowstamp/signals.def"
    ;
#define FST_RESET_SIGNAL(name, bit, json_name, family, strength, meaning) \
    | FST_SIGNAL_IF(                                                      \
          FST_SIGNAL_COUNTS(FST_FAMILY_##family, FST_FAMILY_LINK, FST_STRENGTH_##strength), bit)
static const __u64 FST_MASK_LINK = 0ULL
#include "flowstamp/signals.def"
    ;

/// Facts about the moment that change what evidence is worth. Bits of fst_judgement.context.
enum fst_context {
    FST_CONTEXT_HALF_VIEW = 1U << 0,  ///< one direction seen, or joined midway: suspected at most
    FST_CONTEXT_FIN = 1U << 1,        ///< a FIN was seen: weak-corroborating signals do not count
    FST_CONTEXT_AFTER_OWN_RST = 1U << 2,  ///< the other end had reset the flow before
    FST_CONTEXT_STATELESS = 1U << 3,    ///< the shape of a kernel that does not know the connection
    FST_CONTEXT_TO_SYN = 1U << 4,       ///< it answers a SYN
    FST_CONTEXT_IN_WINDOW = 1U << 5,    ///< the receiving stack would accept it
    FST_CONTEXT_EXACT = 1U << 6,        ///< its sequence number is the next expected
    FST_CONTEXT_FLOW_IDLE = 1U << 7,    ///< the flow was idle for a minute or more before
    FST_CONTEXT_NO_BASELINE = 1U << 8,  ///< nothing is known of this side
    FST_CONTEXT_FORGED_BEFORE = 1U << 9,     ///< a RST of this flow was judged forged
    FST_CONTEXT_DUPLICATE_FRAME = 1U << 10,  ///< the same frame was seen before
    FST_CONTEXT_PROVOKED =
        1U << 11,  ///< an ACK of the other end left half a least RTT ago or earlier
    FST_CONTEXT_SENDER_IDLE =
        1U << 12,  ///< its sender was idle for FST_SENDER_IDLE_NS, or had ended the flow
    FST_CONTEXT_NEVER_CAME_IN =
        1U << 13,  ///< it leaves, and came in by no interface: the kernel says so
    FST_CONTEXT_FROM_SOCKET =
        1U << 14,  ///< ... and a socket sent it: this host's TCP, or a program; no netfilter rule
};

enum fst_verdict {
    FST_VERDICT_GENUINE = 0,
    FST_VERDICT_SUSPECTED = 1,
    FST_VERDICT_CONFIRMED = 2,
    FST_VERDICT_PROVEN = 3,  ///< only of a comparison of both ends' captures: it was never sent
};

/// Why a RST was sent, as far as packets can tell; flowstamp/causes.def says what each means.
enum fst_cause {
#define FST_CAUSE(name, value, json_name, words, reset, recognised_by) FST_CAUSE_##name = (value),
#include "flowstamp/causes.def"
};

/// What was done with the packet.
enum fst_action {
    FST_ACTION_OBSERVED = 0,
    FST_ACTION_CHALLENGED = 1,  ///< the stack is made to ask its sender, or is asking him already
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

/// Why a suspicious RST was passed all the same.
enum fst_pass_reason {
    FST_PASS_NOT_SUSPECT = 0,
    FST_PASS_NOT_ACTING = 1,  ///< observe mode, or the RST left this host
    FST_PASS_UNKNOWN_FLOW = 2,
    FST_PASS_ANSWER = 3,          ///< it answers the challenge
    FST_PASS_TOO_MANY = 4,        ///< FST_CHALLENGES_MAX or FST_DROPS_MAX reached
    FST_PASS_RESET_REPEATED = 5,  ///< after a drop our next data drew the same RST again
    FST_PASS_SYN_SENT = 6,        ///< no challenge ACK in SYN_SENT
    FST_PASS_SEQUENCE = 7,        ///< sequence numbers unknown, or the stack would not accept it
    FST_PASS_EGRESS_UNSEEN = 8,   ///< the other direction does not pass here
    FST_PASS_REWRITE = 9,         ///< the kernel refused to make it into a challenge
    FST_PASS_CLOSED = 10,         ///< the flow is already closed
    FST_PASS_TUNNEL = 11,         ///< in a tunnel, whose checksums a challenge would break
    FST_PASS_OPTIONS = 12,  ///< an option of it (Multipath TCP, a signature) holds for it alone
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
    __u8 challenges;   ///< challenges in a row, this one included
    __u32 reserved;
};
FST_STATIC_ASSERT(sizeof(struct fst_judgement) == 24, "fst_judgement");

#endif
