// SPDX-License-Identifier: GPL-2.0-only
// All layouts but the most common one, read from a copy of the frame's first FST_SNAP_BYTES
// (parse_ip.h): TCP with its options, and ICMP errors that quote a segment.
#ifndef FLOWSTAMP_BPF_PACKET_PARSE_FRAME_H
#define FLOWSTAMP_BPF_PACKET_PARSE_FRAME_H

#include "bpf/packet/fields.h"
#include "bpf/packet/parse_ip.h"
#include "bpf/packet/tunnels.h"
#include "flowstamp/acceptance_rules.h"

#define TCP_OPTIONS_MAX 40 /* 40 bytes of options hold no more */

/// Multipath TCP (RFC 8684); missing in the kernel's list of option kinds.
#define TCPOPT_MPTCP 30

/// Signatures: by MD5 (RFC 2385), and the TCP Authentication Option (RFC 5925).
#define TCPOPT_MD5 19
#define TCPOPT_AO 29

/// The first SACK block. One below the ACK reports a duplicate (RFC 2883): nothing new was
/// received.
static __always_inline void note_sack(struct fst_packet* packet, const __u8* block) {
    __u32 left = (__u32)block[0] << 24 | block[1] << 16 | block[2] << 8 | block[3];
    __u32 right = (__u32)block[4] << 24 | block[5] << 16 | block[6] << 8 | block[7];

    if (fst_sequence_after(packet->ack, left) > 0 || fst_sequence_after(right, left) <= 0)
        return;
    packet->flags |= FST_PACKET_SACK;
    packet->sack_bytes = right - left > 0xffff ? 0xffff : (__u16)(right - left);
}

/// A length below 2 or past the header, behind which nothing can be read. The kernel keeps what was read before it
/// (tcp_parse_options()), or throws the segment away (6.7: tcp_do_parse_auth_options()). Ends the loop.
static __always_inline long malformed_option(struct fst_packet* packet) {
    if (!(packet->flags & FST_PACKET_CUT))
        packet->doubts |= FST_DOUBT_MALFORMED_OPTIONS;
    return 1;
}

/// One TCP option; returns 1 to end the loop.
static long option_step(__u32 index, void* unused) {
    struct scratch* scratch = scratch_get();
    struct fst_packet* packet;
    struct cursor* cursor;
    const __u8* option;
    __u32 length;

    (void)index;
    (void)unused;
    if (!scratch)
        return 1;
    packet = &scratch->packet;
    cursor = &scratch->cursor;
    if (cursor->position >= cursor->end)
        return 1;
    option = AT(scratch, __u8, cursor->position);
    if (option[0] == TCPOPT_EOL)
        return 1;
    if (option[0] == TCPOPT_NOP) {
        cursor->position++;
        return 0;
    }
    if (cursor->position + 2 > cursor->end)
        return malformed_option(packet);
    length = option[1];
    if (length < 2 || cursor->position + length > cursor->end)
        return malformed_option(packet);
    if (option[0] == TCPOPT_TIMESTAMP && length == 10) {
        packet->ts_val = (__u32)option[2] << 24 | option[3] << 16 | option[4] << 8 | option[5];
        packet->ts_ecr = (__u32)option[6] << 24 | option[7] << 16 | option[8] << 8 | option[9];
        packet->flags |= FST_PACKET_TS;
    } else if (option[0] == TCPOPT_MAXSEG && length == 4) {
        packet->mss = (__u16)(option[2] << 8 | option[3]);
        packet->flags |= FST_PACKET_MSS;
    } else if (option[0] == TCPOPT_WINDOW && length == 3) {
        packet->wscale = option[2] > 14 ? 14 : option[2];  // RFC 7323, section 2.3
        packet->flags |= FST_PACKET_WSCALE;
    } else if (option[0] == TCPOPT_SACK_PERMITTED) {
        packet->flags |= FST_PACKET_SACK;
    } else if (option[0] == TCPOPT_SACK && length >= 10) {
        note_sack(packet, option + 2);
    } else if (option[0] == TCPOPT_MPTCP) {
        packet->flags |= FST_PACKET_MPTCP;
    } else if (option[0] == TCPOPT_MD5 || option[0] == TCPOPT_AO) {
        packet->doubts |= FST_DOUBT_SIGNATURE;
    }
    cursor->position += length;
    return 0;
}

/// Writes addresses and ports of the segment at the cursor into the key.
static __always_inline void key_from(struct scratch* scratch, const struct tcphdr* tcp) {
    const __be32 *source = scratch->cursor.source, *destination = scratch->cursor.destination;

    key_ipv6(&scratch->packet, source, destination, tcp->source, tcp->dest);
    scratch->packet.key.tunnelled = verifies_checksums && scratch->cursor.tunnels;
}

/// Whether Linux takes the frame's own length: IPv6 with a payload length of 0 before hop-by-hop options, whether
/// these hold a jumbo payload's length or not (ip6_rcv_core()); a GSO packet with an IPv4 length of 0
/// (iph_totlen()).
static __always_inline int has_frames_length(struct scratch* scratch) {
    const struct fst_packet* packet = &scratch->packet;

    if (!(packet->flags & FST_PACKET_IPV6))
        return !packet->ip_bytes && scratch->is_gso;
    return packet->ip_bytes == sizeof(struct ipv6hdr) &&
           *AT(scratch, __u8, packet->l3_offset + 6) == IPPROTO_HOPOPTS;
}

static __always_inline enum fst_parse_result parse_tcp(struct scratch* scratch, __u32 frame_bytes) {
    struct fst_packet* packet = &scratch->packet;
    struct cursor* cursor = &scratch->cursor;
    const struct tcphdr* tcp = AT(scratch, struct tcphdr, cursor->position);
    __u32 header = (tcp->doff_reserved >> 4) * 4;
    __u32 before = cursor->position - packet->l3_offset;
    __u32 room;

    if (cursor->position + sizeof(*tcp) > cursor->end)
        return is_buried(scratch, FST_PARSE_CUT) ? FST_PARSE_BURIED : FST_PARSE_CUT;
    if (header < sizeof(*tcp))
        return FST_PARSE_MALFORMED;
    // BIG TCP: IPv4 tot_len 0, IPv6 payload_len 0: use the frame's own length.
    if (packet->ip_bytes < before + header && (frame_bytes > 0xffff || has_frames_length(scratch)))
        packet->ip_bytes = frame_bytes - packet->l3_offset;
    // A first fragment that ends within the options leaves TCP's checksum and the rest to others.
    if (packet->ip_bytes < before + header)
        return packet->flags & FST_PACKET_FIRST_FRAGMENT ? FST_PARSE_SPLIT_HEADER
                                                         : FST_PARSE_MALFORMED;
    // Longer than its frame: a stack drops it. A capture, or a tap, may hold less than there was, and
    // so may the first fragment of a tunnel's packet.
    if (acting && !cursor->tunnels && packet->l3_offset + packet->ip_bytes > frame_bytes)
        return FST_PARSE_MALFORMED;
    room = packet->ip_bytes - before;
    key_from(scratch, tcp);
    read_tcp(packet, tcp);
    packet->l4_offset = cursor->position;
    packet->tcp_header = header;
    packet->payload = room - header;
    if (header > sizeof(*tcp)) {
        packet->flags |= FST_PACKET_OPTIONS;
        if (cursor->position + header > cursor->end)
            packet->flags |= FST_PACKET_CUT;
        else
            cursor->end = cursor->position + header;
        cursor->position += sizeof(*tcp);
        repeat(TCP_OPTIONS_MAX, option_step, 0);
    }
    return FST_PARSE_TCP;
}

/// The next-hop MTU of "fragmentation needed" (RFC 1191) and "packet too big" (RFC 4443, section
/// 3.2), bytes, at most 65535; 0: another error, or a router that does not say.
static __always_inline __u16 next_hop_mtu(const __u8* icmp, int v6) {
    if (v6)
        return icmp[0] != ICMPV6_PKT_TOOBIG ? 0
               : icmp[4] | icmp[5]          ? 0xffff
                                            : (__u16)(icmp[6] << 8 | icmp[7]);
    return icmp[0] == ICMP_DEST_UNREACH && icmp[1] == ICMP_FRAG_NEEDED
               ? (__u16)(icmp[6] << 8 | icmp[7])
               : 0;
}

/// An ICMP error that quotes a TCP segment (RFC 792, RFC 4443): key, direction and seq are those of
/// the quoted segment.
static __always_inline enum fst_parse_result parse_icmp(struct scratch* scratch) {
    struct fst_packet* packet = &scratch->packet;
    struct cursor* cursor = &scratch->cursor;
    const __u8* icmp = AT(scratch, __u8, cursor->position);
    const int v6 = cursor->next == IPPROTO_ICMPV6;
    enum fst_parse_result result;
    const struct tcphdr* tcp;

    if (cursor->position + 8 > cursor->end)
        return FST_PARSE_CUT;
    packet->icmp_type = icmp[0];
    packet->icmp_code = icmp[1];
    packet->l4_offset = cursor->position;
    packet->mss = next_hop_mtu(icmp, v6);
    if (v6 ? (icmp[0] < ICMPV6_DEST_UNREACH || icmp[0] > ICMPV6_PARAMPROB)
           : (icmp[0] != ICMP_DEST_UNREACH && icmp[0] != ICMP_SOURCE_QUENCH &&
              icmp[0] != ICMP_TIME_EXCEEDED && icmp[0] != ICMP_PARAMETERPROB))
        return FST_PARSE_NOT_TCP;
    UNROLL
    for (int i = 0; i < 4; i++)
        packet->icmp_source[i] = cursor->source[i];
    cursor->position += 8;
    result = parse_ip(scratch, 0);
    if (result != FST_PARSE_TCP)
        return result;
    if (cursor->next != IPPROTO_TCP)
        return FST_PARSE_NOT_TCP;
    // A router need not quote more than 8 bytes of it: ports and sequence number.
    if (cursor->position + 8 > cursor->end)
        return FST_PARSE_CUT;
    tcp = AT(scratch, struct tcphdr, cursor->position);
    key_from(scratch, tcp);
    packet->seq = bpf_ntohl(tcp->seq);
    packet->tcp_header = 0;
    packet->payload = packet->l3_offset + packet->ip_bytes - packet->l4_offset;
    return FST_PARSE_ICMP_ERROR;
}

/// The full parser, on scratch.frame. `has_mac`: the frame begins with an Ethernet header.
noinline int parse_frame(__u32 frame_bytes, __u32 has_mac) {
    struct scratch* scratch = scratch_get();
    struct fst_packet* packet;
    struct cursor* cursor;
    int result = NEXT_LAYER;

    if (!scratch)
        return FST_PARSE_NOT_IP;
    packet = &scratch->packet;
    cursor = &scratch->cursor;
    cursor->position = 0;
    cursor->end = scratch->frame_bytes;
    cursor->tunnels = 0;
    cursor->layer = has_mac ? LAYER_ETHERNET : LAYER_IP;
    packet->flags = 0;
    packet->doubts = 0;
    packet->l3_offset = 0;
    packet->tcp_flags = 0;
    for (int i = 0; i < LAYERS_MAX && result == NEXT_LAYER; i++)
        result = parse_layer();
    if (result != FST_PARSE_TCP)
        return result == NEXT_LAYER ? FST_PARSE_TOO_DEEP : result;
    if (cursor->position >= FST_SNAP_BYTES)
        return FST_PARSE_TOO_DEEP;
    if (cursor->next == IPPROTO_TCP)
        return parse_tcp(scratch, frame_bytes);
    if (cursor->next == (packet->flags & FST_PACKET_IPV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
        return parse_icmp(scratch);
    return FST_PARSE_NOT_TCP;
}

#endif
