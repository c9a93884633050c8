// SPDX-License-Identifier: GPL-2.0-only
// All other layouts, read from a copy of the first FST_SNAP_BYTES in map memory: there every masked
// position is in bounds, and the verifier does not multiply its states.
#ifndef FLOWSTAMP_BPF_PACKET_PARSE_FRAME_H
#define FLOWSTAMP_BPF_PACKET_PARSE_FRAME_H

#include "bpf/packet/fields.h"

#define VLAN_TAGS_MAX 2
#define EXTENSION_HEADERS_MAX 8
#define TCP_OPTIONS_MAX 40 /* 40 bytes of options hold no more */

/// Multipath TCP (RFC 8684); missing in the kernel's list of option kinds.
#define TCPOPT_MPTCP 30

#define AT(scratch, type, position) \
    ((const type*)&(scratch)->frame[(position) & (FST_SNAP_BYTES - 1)])

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
        return 1;
    length = option[1];
    // A length below 2 or past the header would loop or read past the options: stop and keep what
    // was read, as the kernel does (tcp_parse_options).
    if (length < 2 || cursor->position + length > cursor->end)
        return 1;
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
        packet->flags |= FST_PACKET_SACK_OK;
    } else if (option[0] == TCPOPT_MPTCP) {
        packet->flags |= FST_PACKET_MPTCP;
    }
    cursor->position += length;
    return 0;
}

/// One IPv6 extension header (RFC 8200, section 4); returns 1 to end the loop.
static long extension_step(__u32 index, void* unused) {
    struct scratch* scratch = scratch_get();
    struct cursor* cursor;
    const __u8* header;

    (void)index;
    (void)unused;
    if (!scratch)
        return 1;
    cursor = &scratch->cursor;
    if (cursor->next != IPPROTO_HOPOPTS && cursor->next != IPPROTO_ROUTING &&
        cursor->next != IPPROTO_DSTOPTS && cursor->next != IPPROTO_AH &&
        cursor->next != IPPROTO_FRAGMENT)
        return 1;
    header = AT(scratch, __u8, cursor->position);
    if (cursor->position + 8 > cursor->end) {
        cursor->result = FST_PARSE_CUT;
        return 1;
    }
    if (cursor->next == IPPROTO_FRAGMENT) {
        if ((header[2] << 8 | header[3]) & 0xfff8) {
            cursor->result = FST_PARSE_FRAGMENT;
            return 1;
        }
        if (header[3] & 1)
            scratch->packet.flags |= FST_PACKET_FIRST_FRAGMENT;
        cursor->next = header[0];
        cursor->position += 8;
        return 0;
    }
    cursor->position += cursor->next == IPPROTO_AH ? (header[1] + 2U) * 4 : (header[1] + 1U) * 8;
    cursor->next = header[0];
    return 0;
}

/// Parses the IP header at cursor.position: addresses into `source` and `destination`; leaves the
/// cursor at the transport header, its protocol in cursor.next. `outer`: the packet's own header,
/// not one quoted in an ICMP error.
static __always_inline enum fst_parse_result parse_ip(struct scratch* scratch, __be32* source,
                                                      __be32* destination, int outer) {
    struct fst_packet* packet = &scratch->packet;
    struct cursor* cursor = &scratch->cursor;
    const struct iphdr* ipv4 = AT(scratch, struct iphdr, cursor->position);
    const struct ipv6hdr* ipv6 = AT(scratch, struct ipv6hdr, cursor->position);
    __u32 version = ipv4->version_ihl >> 4;

    if (cursor->position + sizeof(*ipv4) > cursor->end)
        return FST_PARSE_CUT;
    if (version == 4) {
        __u32 header = (ipv4->version_ihl & 0x0f) * 4;

        if (header < sizeof(*ipv4))
            return FST_PARSE_MALFORMED;
        source[0] = source[1] = destination[0] = destination[1] = 0;
        source[2] = destination[2] = MAPPED_PREFIX;
        source[3] = ipv4->saddr;
        destination[3] = ipv4->daddr;
        if (outer) {
            __u32 total = bpf_ntohs(ipv4->tot_len);

            packet->ip_bytes = total;
            packet->ip_id = bpf_ntohs(ipv4->id);
            packet->ttl = ipv4->ttl;
            packet->tos = ipv4->tos;
            if (ipv4->frag_off & bpf_htons(IP_DF))
                packet->flags |= FST_PACKET_DF;
            if (ipv4->frag_off & bpf_htons(IP_OFFMASK))
                return FST_PARSE_FRAGMENT;
            if (ipv4->frag_off & bpf_htons(IP_MF))
                packet->flags |= FST_PACKET_FIRST_FRAGMENT;
            // tot_len 0: a GSO packet of 64 KiB and more (BIG TCP); the caller knows its length.
            if (total && total < header)
                return FST_PARSE_MALFORMED;
        }
        cursor->next = ipv4->protocol;
        cursor->position += header;
        return FST_PARSE_TCP;
    }
    if (version != 6)
        return FST_PARSE_MALFORMED;
    if (cursor->position + sizeof(*ipv6) > cursor->end)
        return FST_PARSE_CUT;
    UNROLL
    for (int i = 0; i < 4; i++) {
        source[i] = ipv6->saddr.in6_u.u6_addr32[i];
        destination[i] = ipv6->daddr.in6_u.u6_addr32[i];
    }
    if (is_mapped(source))
        return FST_PARSE_MALFORMED;
    if (outer) {
        packet->flags |= FST_PACKET_IPV6;
        packet->ip_bytes = bpf_ntohs(ipv6->payload_len) + sizeof(*ipv6);
        packet->ttl = ipv6->hop_limit;
        packet->tos = (__u8)(bpf_ntohl(ipv6->version_class_label) >> 20);
        packet->flow_label = bpf_ntohl(ipv6->version_class_label) & 0xfffff;
    }
    cursor->next = ipv6->nexthdr;
    cursor->position += sizeof(*ipv6);
    cursor->result = FST_PARSE_TCP;
    repeat(EXTENSION_HEADERS_MAX + 1, extension_step, 0);
    if (cursor->result == FST_PARSE_TCP && cursor->next != IPPROTO_TCP &&
        cursor->next != IPPROTO_ICMPV6 &&
        (cursor->next == IPPROTO_HOPOPTS || cursor->next == IPPROTO_ROUTING ||
         cursor->next == IPPROTO_DSTOPTS || cursor->next == IPPROTO_FRAGMENT))
        return FST_PARSE_TOO_DEEP;
    return (enum fst_parse_result)cursor->result;
}

/// Writes addresses and ports of the segment at the cursor into the key.
static __always_inline void key_from(struct fst_packet* packet, const __be32* source,
                                     const __be32* destination, const struct tcphdr* tcp) {
    int sender = sender_ipv6(source, destination, tcp->source, tcp->dest);

    key_ipv6(&packet->key, source, destination, sender);
    key_ports(packet, tcp->source, tcp->dest, sender);
}

static __always_inline enum fst_parse_result parse_tcp(struct scratch* scratch,
                                                       const __be32* source,
                                                       const __be32* destination,
                                                       __u32 frame_bytes) {
    struct fst_packet* packet = &scratch->packet;
    struct cursor* cursor = &scratch->cursor;
    const struct tcphdr* tcp = AT(scratch, struct tcphdr, cursor->position);
    __u32 header = (tcp->doff_reserved >> 4) * 4;
    __u32 before = cursor->position - packet->l3_offset;
    __u32 room;

    if (cursor->position + sizeof(*tcp) > cursor->end)
        return FST_PARSE_CUT;
    if (header < sizeof(*tcp))
        return FST_PARSE_MALFORMED;
    // BIG TCP: IPv4 tot_len 0, IPv6 payload_len 0: use the frame's own length.
    if (packet->ip_bytes < before + header && frame_bytes > 0xffff)
        packet->ip_bytes = frame_bytes - packet->l3_offset;
    if (packet->ip_bytes < before + header)
        return FST_PARSE_MALFORMED;
    room = packet->ip_bytes - before;
    key_from(packet, source, destination, tcp);
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

/// An ICMP error that quotes a TCP segment (RFC 792, RFC 4443): key, direction and seq are those of
/// the quoted segment.
static __always_inline enum fst_parse_result parse_icmp(struct scratch* scratch, __be32* source,
                                                        __be32* destination) {
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
    if (v6 ? (icmp[0] < ICMPV6_DEST_UNREACH || icmp[0] > ICMPV6_PARAMPROB)
           : (icmp[0] != ICMP_DEST_UNREACH && icmp[0] != ICMP_SOURCE_QUENCH &&
              icmp[0] != ICMP_TIME_EXCEEDED && icmp[0] != ICMP_PARAMETERPROB))
        return FST_PARSE_NOT_TCP;
    UNROLL
    for (int i = 0; i < 4; i++)
        packet->icmp_source[i] = source[i];
    cursor->position += 8;
    result = parse_ip(scratch, source, destination, 0);
    if (result != FST_PARSE_TCP)
        return result;
    if (cursor->next != IPPROTO_TCP)
        return FST_PARSE_NOT_TCP;
    // A router need not quote more than 8 bytes of it: ports and sequence number.
    if (cursor->position + 8 > cursor->end)
        return FST_PARSE_CUT;
    tcp = AT(scratch, struct tcphdr, cursor->position);
    key_from(packet, source, destination, tcp);
    packet->seq = bpf_ntohl(tcp->seq);
    return FST_PARSE_ICMP_ERROR;
}

/// The full parser, on scratch.frame. `has_mac`: the frame begins with an Ethernet header.
noinline int parse_frame(__u32 frame_bytes, __u32 has_mac) {
    struct scratch* scratch = scratch_get();
    __be32 source[4], destination[4];
    enum fst_parse_result result;
    struct fst_packet* packet;
    struct cursor* cursor;
    __be16 protocol;

    if (!scratch)
        return FST_PARSE_NOT_IP;
    packet = &scratch->packet;
    cursor = &scratch->cursor;
    cursor->position = 0;
    cursor->end = scratch->frame_bytes;
    packet->flags = 0;
    packet->ip_id = 0;
    packet->flow_label = 0;
    packet->l3_offset = 0;
    packet->tcp_flags = 0;
    if (has_mac) {
        const struct ethhdr* ethernet = AT(scratch, struct ethhdr, 0);

        if (cursor->end < sizeof(*ethernet))
            return FST_PARSE_CUT;
        packet->flags |= read_mac(packet, ethernet);
        protocol = ethernet->h_proto;
        cursor->position = sizeof(*ethernet);
        UNROLL
        for (int i = 0; i < VLAN_TAGS_MAX; i++) {
            const struct vlan_hdr* tag = AT(scratch, struct vlan_hdr, cursor->position);

            if (protocol != bpf_htons(ETH_P_8021Q) && protocol != bpf_htons(ETH_P_8021AD))
                break;
            if (cursor->position + sizeof(*tag) > cursor->end)
                return FST_PARSE_CUT;
            protocol = tag->h_vlan_encapsulated_proto;
            packet->flags |= FST_PACKET_VLAN;
            cursor->position += sizeof(*tag);
        }
        if (protocol == bpf_htons(ETH_P_8021Q) || protocol == bpf_htons(ETH_P_8021AD))
            return FST_PARSE_TOO_DEEP;
        if (protocol != bpf_htons(ETH_P_IP) && protocol != bpf_htons(ETH_P_IPV6))
            return FST_PARSE_NOT_IP;
        packet->l3_offset = cursor->position;
    }
    result = parse_ip(scratch, source, destination, 1);
    if (result != FST_PARSE_TCP)
        return result;
    if (cursor->position >= FST_SNAP_BYTES)
        return FST_PARSE_TOO_DEEP;
    if (cursor->next == IPPROTO_TCP)
        return parse_tcp(scratch, source, destination, frame_bytes);
    if (cursor->next == (packet->flags & FST_PACKET_IPV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
        return parse_icmp(scratch, source, destination);
    return FST_PARSE_NOT_TCP;
}

#endif
