// SPDX-License-Identifier: GPL-2.0-only
// What is to be done about a RST. In doubt the packet passes.
//
// The challenge: a suspicious RST is made into a packet that its receiver's stack answers by an ACK,
// and passed on (challenge.h). A peer that is really gone answers with a RST of exactly that ACK's
// sequence number; a live one goes on.
#ifndef FLOWSTAMP_BPF_RESET_PLAN_H
#define FLOWSTAMP_BPF_RESET_PLAN_H

#include "bpf/flow/handshake.h"
#include "bpf/flow/table.h"
#include "bpf/maps.h"
#include "bpf/reset/challenge.h"
#include "flowstamp/acceptance_rules.h"
#include "flowstamp/reset_rules.h"

/// A reset counts as upheld when its sender has repeated it this often, or for this long.
#define ANSWERS_ENOUGH 3
#define ANSWERS_SPAN_US 5000U

/// Where the sender was heard since its reset, it takes this many answers before the one that is believed.
#define ANSWERS_HEARD 2

enum plan {
    PLAN_PASS = 0,
    PLAN_CHALLENGE = 1,
    PLAN_DROP = 2,
    PLAN_HOLD = 3,  ///< dropped: the challenge that is under way asks for this one, too
};

/// Whether this RST answers the previous challenge: the receiver's stack has sent since; it comes
/// no sooner than the least round trip after that and within a few; from the peer's distance;
/// no sign of a live connection in between. A late answer costs only another challenge.
static __always_inline int is_challenge_answer(const struct fst_flow* flow,
                                               const struct fst_packet* packet,
                                               const struct fst_judgement* judgement, int d) {
    const __u32 since_us = time_us(packet->time_ns) - flow->egress_us[d];
    const __u8 flags = flow->reset_flags[d];

    return (flags & FST_RESET_CHALLENGED) && !(flags & FST_RESET_ALIVE) &&
           had_time_to_answer(flow, packet, judgement, d) &&
           since_us <= patience_us(&flow->direction[d]) &&
           (fst_from_own_distance(&flow->direction[d], packet->ttl, judgement) ||
            ((flags & FST_RESET_VOUCHED) &&
             fst_hops_apart(packet->ttl, flow->rst_ttl[d]) <= 1));  // the route has changed
}

/// Whether the sender has been heard since the first RST of its burst. One that was dropped lets SENDER_SEEN begin
/// again, for what that tells of its repetition; new data is seen by when it came. Ages are compared: the times alone
/// would be in the wrong order after a rest of half of the time in which they wrap, 36 minutes.
static __always_inline int is_heard_since(const struct fst_flow* flow,
                                          const struct fst_packet* packet, int d) {
    const __u32 now_us = time_us(packet->time_ns);

    return (flow->reset_flags[d] & FST_RESET_SENDER_SEEN) ||
           now_us - flow->direction[d].edge_us <= now_us - flow->rst_us[d];
}

/// How long a sender must uphold its RST, from the first one of the burst on. Where it was heard since, until the
/// next but one round trip's data had time to come, which begins the count of answers anew
/// (goes_on_when_asked()). What it sent before says nothing: a genuine reset is heard with its first answer.
static __always_inline __u32 upheld_span_us(const struct fst_flow* flow,
                                            const struct fst_packet* packet, int d) {
    const __u32 rtt_us = flow->direction[d].min_rtt_us;

    return is_heard_since(flow, packet, d) ? 2 * rtt_us + rtt_us / 2 : 0;
}

/// Whether the answers suffice. Where the round trip is short, a burst of forgeries can look like
/// answers: there the sender is challenged until it has upheld for a while, or often enough. It
/// costs a genuine reset ANSWERS_SPAN_US at the most. Where the sender has been heard since, one
/// answer is not enough: what proves that it lives takes a round trip as well, and may be on its way; and
/// where the RST has moved its clock ahead, no clock shows that until as much time has passed, and what a
/// packet may have been under way.
static __always_inline int is_upheld(const struct fst_flow* flow, const struct fst_packet* packet,
                                     const struct fst_judgement* judgement, int d) {
    const __u8 answers = flow->challenges[d] & 0x0f;
    const __u32 since_us = time_us(packet->time_ns) - flow->rst_us[d];
    const int lasts = since_us >= ANSWERS_SPAN_US;

    if (!is_challenge_answer(flow, packet, judgement, d) || !answers_an_ack(flow, packet, d) ||
        since_us < upheld_span_us(flow, packet, d))
        return 0;
    if (is_heard_since(flow, packet, d))
        return answers >= ANSWERS_HEARD &&
               since_us >=
                   (flow->reset_flags[d] & FST_RESET_VOUCHED
                        ? (FST_CLOCK_AHEAD + (__u32)fst_clock_margin(&flow->direction[d])) * 1000 +
                              ANSWERS_SPAN_US
                        : ANSWERS_SPAN_US);
    return answers >= ANSWERS_ENOUGH || lasts;
}

/// Whether nothing but the way that the RST came by speaks against it, and the peer's own marks spoke for the
/// first of its burst: the way may have changed.
static __always_inline int is_by_another_way(const struct fst_flow* flow,
                                             const struct fst_judgement* judgement, int d) {
    return (flow->reset_flags[d] & FST_RESET_VOUCHED) &&
           !(judgement->signals & (FST_SIGNALS_CONCLUSIVE | FST_SIGNALS_STRONG) &
             ~(FST_MASK_PATH | FST_MASK_LINK));
}

/// Whether the RST came in a tunnel. RSTs are always read by parse_frame().
static __always_inline int is_in_tunnel(void) {
    const struct scratch* scratch = scratch_get();

    return scratch && scratch->cursor.tunnels;
}

/// Whether the RST in a tunnel is meant for a connection outside of it, open in both directions: the tunnel's
/// end would hand it to that one's socket. Where packets come in a tunnel and answers leave without, as
/// behind some balancers, the connection outside was never seen to open.
static __always_inline int is_meant_for_outside(int d) {
    struct scratch* scratch = scratch_get();
    const struct fst_flow* outside;
    __u32 slot;

    if (!scratch || !scratch->packet.key.tunnelled)
        return 0;
    scratch->packet.key.tunnelled = 0;
    slot = flow_search(flow_hash(&scratch->packet.key));
    scratch->packet.key.tunnelled = 1;
    outside = slot == SLOT_NONE ? 0 : flow_get(slot);
    return outside && (outside->state & FST_FLOW_ESTABLISHED) &&
           (outside->state & FST_OF(FST_FLOW_LOCAL, d ^ 1));
}

/// Whether the RST has an option that no challenge may bear: a signature is that of its sequence
/// number, and Multipath TCP's says what becomes of the whole connection, which a second RST does
/// not repeat. Not where the connection uses none: anyone can add one.
static __always_inline int has_fixed_options(const struct fst_flow* flow,
                                             const struct fst_packet* packet, int d) {
    if ((packet->flags & FST_PACKET_MPTCP) && (flow->state & FST_FLOW_MPTCP))
        return 1;
    return (packet->doubts & FST_DOUBT_SIGNATURE) &&
           (fst_signs(flow, d ^ 1) ||
            !(flow->direction[d].flags &
              (FST_DIRECTION_BASE | FST_DIRECTION_BASE_SYN | FST_DIRECTION_BASE_SYN_ACK)));
}

/// Whether the receiver's stack may take the RST in. Its window may be larger than it seems, where a scale was not
/// seen or is that of a forged SYN-ACK, and Linux takes a reset at the end of what it has acknowledged
/// selectively (tcp_reset_check()). On a router the ACK edge may be ahead of the receiver's: anyone on path
/// can acknowledge in its name.
static __always_inline int may_be_taken_in(const struct fst_flow* flow,
                                           const struct fst_packet* packet,
                                           const struct fst_judgement* judgement, int d) {
    const __u32 ahead = packet->seq - flow->direction[d ^ 1].ack_edge;

    return (judgement->context & FST_CONTEXT_IN_WINDOW) || ahead <= FST_SEQUENCE_REACH ||
           (!fst_is_own_stack(flow, d ^ 1) && 0U - ahead <= FST_SEQUENCE_REACH);
}

/// Whether the receiver's stack would send a challenge ACK: FST_PASS_NOT_SUSPECT if so, else why
/// not.
static __always_inline enum fst_pass_reason challenge_works(const struct fst_flow* flow,
                                                            const struct fst_packet* packet,
                                                            const struct fst_judgement* judgement,
                                                            int d) {
    const struct fst_direction *own = &flow->direction[d], *other = &flow->direction[d ^ 1];

    if (has_fixed_options(flow, packet, d))
        return FST_PASS_OPTIONS;
    if (!(other->flags & FST_DIRECTION_SEEN))
        return FST_PASS_EGRESS_UNSEEN;
    // Neither SYN_SENT nor SYN_RECV sends challenge ACKs.
    if ((judgement->context & FST_CONTEXT_TO_SYN) || !(flow->state & FST_FLOW_ESTABLISHED) ||
        !(other->flags & FST_DIRECTION_ACKED))
        return FST_PASS_SYN_SENT;
    if (!(own->flags & FST_DIRECTION_SEEN) || !may_be_taken_in(flow, packet, judgement, d))
        return FST_PASS_SEQUENCE;
    return FST_PASS_NOT_SUSPECT;
}

static __always_inline enum plan pass_because(struct fst_judgement* judgement,
                                              enum fst_pass_reason reason) {
    judgement->pass_reason = reason;
    return PLAN_PASS;
}

/// A RST that its sender repeats in answer to what was sent since is passed: a dead peer does so,
/// with the same number, or with the one that was acknowledged to it. It is not nearer than the
/// peer, though it may seem farther: a kernel answers with its default TTL. A box in the path, which
/// may answer each packet as late, is nearer. Where a reset was refuted before, only the answer of a
/// stack that does not know the connection counts.
static __always_inline int is_repeated(const struct fst_flow* flow, const struct fst_packet* packet,
                                       const struct fst_judgement* judgement, int d) {
    const __u8 flags = flow->reset_flags[d];
    const int same = packet->seq == flow->rst_seq[d] &&
                     packet->tcp_flags == flow->rst_tcp_flags[d] && !(flags & FST_RESET_REFUTED);
    // Of what no stack's second answer has, either.
    const __u32 foreign = FST_SIGNAL_BIT(FST_SIGNAL_NEARER) |
                          FST_SIGNAL_BIT(FST_SIGNAL_ID_CONSTANT) |
                          FST_SIGNAL_BIT(FST_SIGNAL_LEARNED_SIGNATURE);

    return (flags & FST_RESET_DROPPED) && !(flags & FST_RESET_SENDER_SEEN) && !packet->payload &&
           had_time_to_answer(flow, packet, judgement, d) && packet->ttl == flow->rst_ttl[d] &&
           (same || answers_an_ack(flow, packet, d)) && !(judgement->signals & foreign);
}

/// FST_RESET_REFUTED, as long as that counts: what a peer that lived a while ago has shown says little about
/// one that has gone since. Times in microseconds wrap after 71 minutes: a flow that has rested is told by its last packet.
static __always_inline __u8 kept_refuted(const struct fst_flow* flow,
                                         const struct fst_packet* packet, int d) {
    const int is_late =
        time_us(packet->time_ns) - flow->rst_us[d] > FST_WATCH_CHALLENGED_US ||
        passed(packet->time_ns, flow->direction[d].last_ns, FST_WATCH_CHALLENGED_US * 1000ULL);

    return is_late ? 0 : flow->reset_flags[d] & FST_RESET_REFUTED;
}

/// Whether the RST is a stack's refusal of a SYN, for all that a forged SYN-ACK before it can not have brought about: to one
/// with an ACK no other stack gives the number 0 (RFC 9293, section 3.10.7.1). A stack that has taken a SYN-ACK in before
/// throws it away by its number; one that has not waits for just this answer, whatever looked like a SYN-ACK here. An
/// injector's own mark is the RST's alone.
static __always_inline int is_refusal(const struct fst_flow* flow, const struct fst_packet* packet,
                                      const struct fst_judgement* judgement, int d) {
    const __u64 marks =
        FST_SIGNAL_BIT(FST_SIGNAL_ID_CONSTANT) | FST_SIGNAL_BIT(FST_SIGNAL_LEARNED_SIGNATURE);

    return !packet->seq && (packet->tcp_flags & FST_TCP_ACK) && !(judgement->signals & marks) &&
           (flow->state & FST_OF(FST_FLOW_SYN, d ^ 1)) &&
           !(flow->direction[d ^ 1].flags & FST_DIRECTION_ACKED) &&
           fst_acks_syn(flow, packet->ack, d ^ 1);
}

/// Whether the RST is one more of those that the peer has shown to be forged: confirmed, and from another place than the
/// peer. What else speaks against a reset may be others' doing: they can make our counter of IP-IDs meet the peer's, and
/// send resets of their own before its.
static __always_inline int is_one_more_forged(const struct fst_flow* flow,
                                              const struct fst_packet* packet,
                                              const struct fst_judgement* judgement, int d) {
    const __u64 elsewhere = FST_SIGNAL_BIT(FST_SIGNAL_NEARER) | FST_SIGNAL_BIT(FST_SIGNAL_FARTHER);

    return kept_refuted(flow, packet, d) && judgement->verdict == FST_VERDICT_CONFIRMED &&
           (judgement->signals & elsewhere) && !is_by_another_way(flow, judgement, d);
}

/// A RST that the drop policy refuses. The first of a flow is challenged all the same, as is any that the peer itself may
/// have sent: dropping a genuine one would leave a receiver that only reads waiting for ever.
static __always_inline enum plan plan_refused(const struct fst_flow* flow,
                                              const struct fst_packet* packet,
                                              struct fst_judgement* judgement, int d) {
    if (is_refusal(flow, packet, judgement, d))
        return pass_because(judgement, FST_PASS_SYN_SENT);
    if (is_repeated(flow, packet, judgement, d))
        return pass_because(judgement, FST_PASS_RESET_REPEATED);
    if ((flow->challenges[d] >> 4) >= FST_DROPS_MAX && begins_burst(flow, packet, judgement, d))
        return pass_because(judgement, FST_PASS_TOO_MANY);
    if (is_one_more_forged(flow, packet, judgement, d))
        return PLAN_DROP;
    if ((flow->challenges[d] & 0x0f) < FST_CHALLENGES_MAX)
        return challenge_works(flow, packet, judgement, d) == FST_PASS_NOT_SUSPECT ? PLAN_CHALLENGE
                                                                                   : PLAN_DROP;
    if (judgement->verdict == FST_VERDICT_CONFIRMED || !answers_an_ack(flow, packet, d))
        return PLAN_DROP;
    // On suspicion alone: its sender has answered every challenge, and nobody else has spoken.
    if (had_time_to_answer(flow, packet, judgement, d) &&
        !(answers_for_another(flow, packet, judgement, d) &&
          (flow->after_rst[d] & FST_AFTER_RST_EARLY)))
        return pass_because(judgement, FST_PASS_TOO_MANY);
    // Too early for the answer to the last challenge, which is still to come.
    return (flow->reset_flags[d] & FST_RESET_EGRESS) ? PLAN_HOLD : PLAN_DROP;
}

/// `open`: a socket of this host has the connection open, however it looks here.
static __always_inline enum plan make_plan(const struct fst_flow* flow,
                                           const struct fst_packet* packet,
                                           struct fst_judgement* judgement, int d, int open) {
    const struct fst_policy* policy = policy_get();
    enum fst_pass_reason reason;
    int confirmed, selected;

    if (!acting || packet->hook == FST_HOOK_TC_EGRESS || !policy)
        return pass_because(judgement, FST_PASS_NOT_ACTING);
    confirmed =
        (policy->drop_mode == FST_DROP_CONFIRMED && judgement->verdict == FST_VERDICT_CONFIRMED) ||
        (policy->drop_mode == FST_DROP_SUSPECTED && judgement->verdict >= FST_VERDICT_SUSPECTED);
    selected = policy->challenge_mode == FST_CHALLENGE_ALL ||
               (policy->challenge_mode == FST_CHALLENGE_SUSPECTED &&
                judgement->verdict >= FST_VERDICT_SUSPECTED);
    if (!confirmed && !selected)
        return pass_because(judgement, FST_PASS_NOT_SUSPECT);
    if (is_in_tunnel() && is_meant_for_outside(d))
        return PLAN_DROP;
    if (packet->flags & FST_PACKET_NEW_FLOW)
        return pass_because(judgement, FST_PASS_UNKNOWN_FLOW);
    // A FIN can be forged as well: it does not license what is known to be forged.
    if (has_ended(flow) && !open && judgement->verdict != FST_VERDICT_CONFIRMED)
        return pass_because(judgement, FST_PASS_CLOSED);
    if ((judgement->verdict != FST_VERDICT_CONFIRMED || is_by_another_way(flow, judgement, d)) &&
        is_upheld(flow, packet, judgement, d)) {
        judgement->challenge = FST_CHALLENGE_UPHELD;
        judgement->verdict = FST_VERDICT_GENUINE;
        if (judgement->cause == FST_CAUSE_FORGED)
            judgement->cause = FST_CAUSE_STATELESS;
        return pass_because(judgement, FST_PASS_ANSWER);
    }
    // No stack sends a reset in fragments, and none takes one in whose first is missing.
    if (packet->flags & FST_PACKET_FIRST_FRAGMENT)
        return PLAN_DROP;
    if (is_in_tunnel())
        return confirmed && (flow->challenges[d] >> 4) < FST_DROPS_MAX
                   ? PLAN_DROP
                   : pass_because(judgement, FST_PASS_TUNNEL);
    if (confirmed)
        return plan_refused(flow, packet, judgement, d);
    reason = challenge_works(flow, packet, judgement, d);
    if (reason == FST_PASS_NOT_SUSPECT && (flow->challenges[d] & 0x0f) >= FST_CHALLENGES_MAX)
        reason = FST_PASS_TOO_MANY;
    if (reason != FST_PASS_NOT_SUSPECT)
        return pass_because(judgement, reason);
    return PLAN_CHALLENGE;
}

#endif
