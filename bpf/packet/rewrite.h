// SPDX-License-Identifier: GPL-2.0-only
// Rewrites the RST in the packet into the challenge, with correct lengths and checksums, at each
// hook. A packet that cannot be rewritten stays unchanged.
#ifndef FLOWSTAMP_BPF_PACKET_REWRITE_H
#define FLOWSTAMP_BPF_PACKET_REWRITE_H

#include "bpf/packet/checksum.h"
#include "bpf/packet/context.h"
#include "bpf/packet/parse_frame.h"

#define IPV4_LENGTH_OFFSET 2
#define IPV4_CHECK_OFFSET 10
#define IPV6_LENGTH_OFFSET 4
#define TCP_SEQ_OFFSET 4
#define TCP_FLAGS_OFFSET 12 /* the word of data offset and flags */

/// Updates a checksum for a 32-bit change of the data it covers (RFC 1624, equation 3).
static __always_inline __u16 checksum_adjust(__u16 check, __u32 from, __u32 to) {
    __u32 sum = (__u16)~check;

    sum += (__u16) ~(from >> 16) + (__u32)(__u16)~from;
    sum += (to >> 16) + (to & 0xffff);
    return (__u16)~fold(sum);
}

/// Updates a checksum for a length field that it covers and that grew by one.
static __always_inline __be16 checksum_grown(__be16 check) {
    return bpf_htons(checksum_adjust(bpf_ntohs(check), 0, 1));
}

static __always_inline __u32 packet_end(const struct scratch* scratch) {
    return scratch->packet.l3_offset + scratch->packet.ip_bytes;
}

/// Makes the IP header in scratch.frame one byte longer.
static __always_inline void grow_ip_copy(struct scratch* scratch) {
    const struct fst_packet* packet = &scratch->packet;

    if (packet->flags & FST_PACKET_IPV6) {
        struct ipv6hdr* ipv6 = (struct ipv6hdr*)AT(scratch, struct ipv6hdr, packet->l3_offset);

        ipv6->payload_len = bpf_htons(bpf_ntohs(ipv6->payload_len) + 1);
    } else {
        struct iphdr* ipv4 = (struct iphdr*)AT(scratch, struct iphdr, packet->l3_offset);

        ipv4->check = checksum_grown(ipv4->check);
        ipv4->tot_len = bpf_htons(bpf_ntohs(ipv4->tot_len) + 1);
    }
}

/// The TCP checksum of the challenge. The byte by which a packet grows is 0.
static __always_inline __be16 challenge_check(const struct scratch* scratch, __be16 before,
                                              enum checksum_state state) {
    const struct challenge* challenge = &scratch->challenge;
    __u16 check = bpf_ntohs(before);

    if (state == CHECKSUM_PARTIAL)  // a plain sum of the pseudo-header: only the length changes it
        return bpf_htons(fold(check + challenge->grow));
    check = checksum_adjust(check, scratch->packet.seq, challenge->seq);
    check = checksum_adjust(check, scratch->packet.ack, challenge->ack);
    check = checksum_adjust(check, scratch->packet.tcp_flags, challenge->flags);
    return bpf_htons(checksum_adjust(check, 0, challenge->grow));
}

/// Writes the challenge into the TCP header in scratch.frame, except for the checksum.
static __always_inline struct tcphdr* patch_copy(struct scratch* scratch) {
    struct tcphdr* tcp = (struct tcphdr*)AT(scratch, struct tcphdr, scratch->packet.l4_offset);

    tcp->seq = bpf_htonl(scratch->challenge.seq);
    tcp->ack_seq = bpf_htonl(scratch->challenge.ack);
    tcp->flags = scratch->challenge.flags;
    return tcp;
}

#ifdef __bpf__

/// Makes room for a zero byte after the packet: the link's padding, if there is any, else a new
/// byte.
static __always_inline long make_room_xdp(void* ctx, const struct scratch* scratch) {
    const __u32 end = packet_end(scratch);
    const __u8 zero = 0;

    return ctx_bytes(ctx, FST_HOOK_XDP) > end ? bpf_xdp_store_bytes(ctx, end, (void*)&zero, 1)
                                              : bpf_xdp_adjust_tail(ctx, 1);  // zeroed: since 5.8
}

/// Rewrites an XDP frame. Only making room can fail: what is written is inside the frame.
static __always_inline long challenge_xdp(void* ctx, struct scratch* scratch) {
    const struct fst_packet* packet = &scratch->packet;
    const enum checksum_state state = checksum_state(ctx, FST_HOOK_XDP, scratch);
    struct tcphdr* tcp;

    if (state == CHECKSUM_OTHER)
        return -1;
    if (scratch->challenge.grow) {
        if (make_room_xdp(ctx, scratch))
            return -1;
        grow_ip_copy(scratch);
        bpf_xdp_store_bytes(ctx, packet->l3_offset,
                            (void*)AT(scratch, struct iphdr, packet->l3_offset),
                            sizeof(struct iphdr) /* and of an IPv6 header the length */);
    }
    tcp = patch_copy(scratch);
    tcp->check = challenge_check(scratch, tcp->check, state);
    return bpf_xdp_store_bytes(ctx, packet->l4_offset, tcp, sizeof(*tcp));
}

/// Makes room for a zero byte after the packet in a socket buffer. A CHECKSUM_COMPLETE sum covers
/// padding, and is discarded when the buffer grows (skb_grow_rcsum, 4.9).
static __always_inline long make_room_tc(void* ctx, const struct scratch* scratch) {
    const __u32 end = packet_end(scratch);
    const __u8 zero = 0;

    return ctx_bytes(ctx, FST_HOOK_TC_INGRESS) > end
               ? bpf_skb_store_bytes(ctx, end, &zero, 1, BPF_F_RECOMPUTE_CSUM)
               : bpf_skb_change_tail(ctx, end + 1, 0);
}

/// Updates the lengths in a socket buffer whose headers are writable: IP's, and the one covered by
/// TCP's checksum.
static __always_inline void grow_tc(void* ctx, const struct scratch* scratch) {
    const struct fst_packet* packet = &scratch->packet;
    const int v6 = packet->flags & FST_PACKET_IPV6;
    const __u32 offset = packet->l3_offset + (v6 ? IPV6_LENGTH_OFFSET : IPV4_LENGTH_OFFSET);
    const __u32 bytes = packet->ip_bytes - (v6 ? sizeof(struct ipv6hdr) : 0);
    const __be16 from = bpf_htons(bytes), to = bpf_htons(bytes + 1);

    if (!v6)
        bpf_l3_csum_replace(ctx, packet->l3_offset + IPV4_CHECK_OFFSET, from, to, sizeof(to));
    // With IPv4 the header checksum compensates the length in a complete sum over both; IPv6 has
    // none.
    bpf_skb_store_bytes(ctx, offset, &to, sizeof(to), v6 ? BPF_F_RECOMPUTE_CSUM : 0);
    bpf_l4_csum_replace(ctx, packet->l4_offset + TCP_CHECK_OFFSET, from, to,
                        BPF_F_PSEUDO_HDR | sizeof(to));
}

/// Rewrites a socket buffer. bpf_l4_csum_replace() leaves a partial checksum alone except with
/// BPF_F_PSEUDO_HDR; a complete one (CHECKSUM_COMPLETE), the sum over the bytes, stays
/// valid, as the new fields and the new checksum cancel out. Making room can fail, and so can the
/// first write, which unshares the headers; an extra byte after an IP packet is harmless. Later
/// writes are to writable headers at lower offsets: they cannot fail.
static __always_inline long challenge_tc(void* ctx, struct scratch* scratch) {
    const struct fst_packet* packet = &scratch->packet;
    const struct challenge* challenge = &scratch->challenge;
    const __u32 check_at = packet->l4_offset + TCP_CHECK_OFFSET;
    struct tcphdr* tcp;

    if (challenge->grow && make_room_tc(ctx, scratch))
        return -1;
    if (bpf_l4_csum_replace(ctx, check_at, bpf_htonl(packet->seq), bpf_htonl(challenge->seq), 4))
        return -1;
    bpf_l4_csum_replace(ctx, check_at, bpf_htonl(packet->ack), bpf_htonl(challenge->ack), 4);
    bpf_l4_csum_replace(ctx, check_at, bpf_htons(packet->tcp_flags), bpf_htons(challenge->flags),
                        2);
    tcp = patch_copy(scratch);
    bpf_skb_store_bytes(ctx, packet->l4_offset + TCP_SEQ_OFFSET, (__u8*)tcp + TCP_SEQ_OFFSET,
                        TCP_FLAGS_OFFSET + 2 - TCP_SEQ_OFFSET, 0);
    if (challenge->grow)
        grow_tc(ctx, scratch);
    return 0;
}

/// Rewrites the RST in the packet into the challenge. 0 on success, else the packet is unchanged.
static __always_inline long send_challenge(void* ctx, enum fst_hook hook, struct scratch* scratch) {
    return hook == FST_HOOK_XDP ? challenge_xdp(ctx, scratch) : challenge_tc(ctx, scratch);
}

#else

static __always_inline long send_challenge(void* ctx, enum fst_hook hook, struct scratch* scratch) {
    struct host_frame* frame = ctx;
    const struct fst_packet* packet = &scratch->packet;
    const enum checksum_state state = checksum_state(ctx, hook, scratch);
    struct tcphdr* tcp;

    if (state == CHECKSUM_OTHER)
        return -1;
    if (scratch->challenge.grow) {
        const __u32 end = packet_end(scratch);

        if (frame->bytes == end) {
            if (!frame->room)
                return -1;
            frame->bytes++;
            frame->room--;
        }
        frame->data[end] = 0;
        grow_ip_copy(scratch);
        memcpy(frame->data + packet->l3_offset, AT(scratch, struct iphdr, packet->l3_offset),
               sizeof(struct iphdr));
    }
    tcp = patch_copy(scratch);
    tcp->check = challenge_check(scratch, tcp->check, state);
    memcpy(frame->data + packet->l4_offset, tcp, sizeof(*tcp));
    return 0;
}

#endif
#endif
