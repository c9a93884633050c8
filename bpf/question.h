// SPDX-License-Identifier: GPL-2.0-only
// A doubted RST made into a question, its checksum kept right.
//
// The first question of a flow is the RST itself, blunted: its sequence number moved past everything
// that the receiver can have received. In the window but not exact, it makes the stack send a
// challenge ACK (RFC 5961, section 3.2), once in 500 ms (Linux, net.ipv4.tcp_invalid_ratelimit).
// Every further question is put so that no such limit holds: as a FIN+ACK of bytes that were
// received long ago. No stack takes it for an end; each acknowledges it (RFC 9293, section 3.10.7.4,
// first check), and Linux limits only answers to segments that occupy no sequence space.
#ifndef FLOWSTAMP_BPF_QUESTION_H
#define FLOWSTAMP_BPF_QUESTION_H

#include "bpf/verdict.h"

/// Shorter round trips vary by more than half of themselves, with caches and scheduling: an answer
/// then cannot come too soon.
#define RTT_TELLING_US 1000U

#define TCP_SEQ_OFFSET 4
#define TCP_FLAGS_OFFSET 12 /* the word of data offset and flags */
#define TCP_CHECK_OFFSET 16
#define TCP_PATCH_BYTES (TCP_CHECK_OFFSET + 2 - TCP_SEQ_OFFSET)

/// Where a blunted RST's sequence number must lie: past everything that the receiver can have
/// received, so that it is exact for nobody, and in the receive window, so that the stack asks.
static __always_inline __u32 blunt_seq(const struct fs_flow* flow, const struct fs_packet* packet,
                                       int d) {
    const __u32 edge = flow->direction[d].seq_edge;

    return (sequence_after(edge, packet->seq) > 0 ? edge : packet->seq) + 1;
}

/// Where the bytes of a FIN+ACK must lie that is to be answered and not believed: wholly below what
/// the receiver has acknowledged.
static __always_inline __u32 past_seq(const struct fs_flow* flow, const struct fs_packet* packet,
                                      int d) {
    return flow->direction[d ^ 1].ack_edge - packet->payload - 2;
}

/// Whether the RST's sender can have heard what the other end sent since the last one that we acted
/// upon: a box in the path answers sooner.
static __always_inline int had_time_to_answer(const struct fs_flow* flow,
                                              const struct fs_packet* packet, int d) {
    const __u32 rtt_us = flow->direction[d].min_rtt_us;

    return (flow->reset_flags[d] & FS_RESET_EGRESS) &&
           (rtt_us < RTT_TELLING_US || time_us(packet->time_ns) - flow->egress_us[d] >= rtt_us / 2);
}

/// Whether the RST makes another question than the one that stands, if one does. One that comes too
/// soon belongs to the same burst.
static __always_inline int is_new_question(const struct fs_flow* flow,
                                           const struct fs_packet* packet, int d) {
    return !(flow->reset_flags[d] & FS_RESET_ASKED) || had_time_to_answer(flow, packet, d);
}

/// Writes the question into scratch: what is to become of the sequence number and the flags.
static __always_inline void question_form(struct scratch* scratch, const struct fs_flow* flow,
                                          int d) {
    const struct fs_packet* packet = &scratch->packet;
    const int first = !(flow->asked[d] & 0x0f) && !(flow->reset_flags[d] & FS_RESET_REFUTED);

    // Too soon: blunted, so that it does no harm, but the stack is not made to speak again: a box that
    // answers every packet would answer that one too, without end.
    if (first || !is_new_question(flow, packet, d)) {
        scratch->new_seq = blunt_seq(flow, packet, d);
        scratch->new_flags = packet->tcp_flags;
    } else {
        scratch->new_seq = past_seq(flow, packet, d);
        scratch->new_flags = FS_TCP_FIN | FS_TCP_ACK;
    }
}

/// One's complement sum of the segment's 16-bit words in scratch.frame, from cursor.position to
/// cursor.end; into cursor.next.
static long sum_step(__u32 index, void* unused) {
    struct scratch* scratch = scratch_get();
    __u32 at;

    (void)unused;
    if (!scratch)
        return 1;
    at = scratch->cursor.position + 2 * index;
    if (at >= scratch->cursor.end)
        return 1;
    scratch->cursor.next += *AT(scratch, __u8, at) << 8;
    if (at + 1 < scratch->cursor.end)
        scratch->cursor.next += *AT(scratch, __u8, at + 1);
    return 0;
}

static __always_inline __u16 fold(__u32 sum) {
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (__u16)sum;
}

enum checksum_state {
    CHECKSUM_WHOLE = 0,  ///< right: to be kept right
    CHECKSUM_PARTIAL =
        1,  ///< holds the pseudo-header's sum: the device or the peer's stack completes it
    CHECKSUM_OTHER = 2,  ///< neither: leave the packet alone
};

static __always_inline __u32 segment_bytes(const struct scratch* scratch) {
    return scratch->packet.tcp_header + scratch->packet.payload;
}

/// XDP sees bytes, not the state that the driver or veth keeps of their checksum: so find out.
/// `bytes`: of the segment, header and payload.
noinline int checksum_look(__u32 bytes) {
    struct scratch* scratch = scratch_get();
    const struct fs_packet* packet;
    __u32 pseudo = 0;
    __u16 check, whole;

    if (!scratch)
        return CHECKSUM_OTHER;
    packet = &scratch->packet;
    // Too long to look at, as no stack's RST is: a wire's checksums are whole. Were it a partial one,
    // the receiver would refuse the packet, which is better than to let a forger pass by its length.
    if (packet->l4_offset + bytes > scratch->frame_bytes)
        return CHECKSUM_WHOLE;
    for (int end = 0; end < 2; end++) {
        for (int i = 0; i < 4; i++) {
            __u32 word = bpf_ntohl(packet->key.address[end][i]);

            if (!(packet->flags & FS_PACKET_IPV6) && i < 3)
                continue;  // the mapping's prefix is not on the wire
            pseudo += (word >> 16) + (word & 0xffff);
        }
    }
    pseudo += IPPROTO_TCP + bytes;
    scratch->cursor.position = packet->l4_offset;
    scratch->cursor.end = packet->l4_offset + bytes;
    scratch->cursor.next = pseudo;
    repeat(FS_SNAP_BYTES / 2, sum_step, 0);
    whole = fold(scratch->cursor.next);
    check = bpf_ntohs(AT(scratch, struct tcphdr, packet->l4_offset)->check);
    if (whole == 0xffff)
        return CHECKSUM_WHOLE;
    return check == fold(pseudo) ? CHECKSUM_PARTIAL : CHECKSUM_OTHER;
}

/// The checksum after a 32-bit change (RFC 1624, equation 3).
static __always_inline __u16 checksum_adjust(__u16 check, __u32 from, __u32 to) {
    __u32 sum = (__u16)~check;

    sum += (__u16) ~(from >> 16) + (__u32)(__u16)~from;
    sum += (to >> 16) + (to & 0xffff);
    return (__u16)~fold(sum);
}

/// Puts the question into the copy in scratch.frame, with a whole checksum kept whole. Returns the TCP
/// header there.
static __always_inline struct tcphdr* patch_copy(struct scratch* scratch,
                                                 enum checksum_state state) {
    const struct fs_packet* packet = &scratch->packet;
    struct tcphdr* tcp = (struct tcphdr*)AT(scratch, struct tcphdr, packet->l4_offset);
    __u16 check = bpf_ntohs(tcp->check);

    if (state == CHECKSUM_WHOLE) {
        check = checksum_adjust(check, packet->seq, scratch->new_seq);
        tcp->check = bpf_htons(checksum_adjust(check, packet->tcp_flags, scratch->new_flags));
    }
    tcp->seq = bpf_htonl(scratch->new_seq);
    tcp->flags = scratch->new_flags;
    return tcp;
}

#ifdef __bpf__

/// Into an XDP frame. 0 on success.
static __always_inline long ask_xdp(void* ctx, struct scratch* scratch) {
    int state = checksum_look(segment_bytes(scratch));
    struct tcphdr* tcp;

    if (state == CHECKSUM_OTHER)
        return -1;
    tcp = patch_copy(scratch, (enum checksum_state)state);
    // One store: the packet is whole before and after.
    return bpf_xdp_store_bytes(ctx, scratch->packet.l4_offset + TCP_SEQ_OFFSET,
                               (__u8*)tcp + TCP_SEQ_OFFSET, TCP_PATCH_BYTES);
}

/// Into a socket buffer. bpf_l4_csum_replace() leaves a partial checksum alone (its pseudo-header
/// holds neither field); of a complete one (CHECKSUM_COMPLETE) the sum over the bytes stays what it
/// was, as the new fields and the new checksum cancel out.
static __always_inline long ask_tc(void* ctx, struct scratch* scratch) {
    const struct fs_packet* packet = &scratch->packet;
    const __be32 from = bpf_htonl(packet->seq), to = bpf_htonl(scratch->new_seq);
    const __be16 from_flags = bpf_htons(packet->tcp_flags);
    const __be16 to_flags = bpf_htons(scratch->new_flags);
    const __u32 check_at = packet->l4_offset + TCP_CHECK_OFFSET;
    struct tcphdr* tcp;

    if (bpf_l4_csum_replace(ctx, check_at, from, to, sizeof(to)))
        return -1;
    if (bpf_l4_csum_replace(ctx, check_at, from_flags, to_flags, sizeof(to_flags)))
        goto undo_seq;
    tcp = patch_copy(scratch, CHECKSUM_PARTIAL);  // the checksum stays as it stands in the packet
    if (bpf_skb_store_bytes(ctx, packet->l4_offset + TCP_SEQ_OFFSET, (__u8*)tcp + TCP_SEQ_OFFSET,
                            TCP_FLAGS_OFFSET + 2 - TCP_SEQ_OFFSET, 0)) {
        bpf_l4_csum_replace(ctx, check_at, to_flags, from_flags, sizeof(to_flags));
        goto undo_seq;
    }
    return 0;
undo_seq:
    bpf_l4_csum_replace(ctx, check_at, to, from, sizeof(to));
    return -1;
}

/// The RST in the packet becomes the question. 0 on success, else the packet is what it was.
static __always_inline long ask(void* ctx, enum fs_hook hook, struct scratch* scratch) {
    return hook == FS_HOOK_XDP ? ask_xdp(ctx, scratch) : ask_tc(ctx, scratch);
}

#else

static __always_inline long ask(void* ctx, enum fs_hook hook, struct scratch* scratch) {
    struct host_frame* frame = ctx;
    int state = checksum_look(segment_bytes(scratch));

    (void)hook;
    if (state == CHECKSUM_OTHER)
        return -1;
    memcpy(frame->data + scratch->packet.l4_offset, patch_copy(scratch, (enum checksum_state)state),
           sizeof(struct tcphdr));
    return 0;
}

#endif
#endif
