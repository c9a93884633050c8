// SPDX-License-Identifier: GPL-2.0-only
// An IP header with its extension headers, read from a copy of the frame's first FST_SNAP_BYTES in
// map memory: there every masked position is in bounds, and the verifier does not multiply its
// states.
#ifndef FLOWSTAMP_BPF_PACKET_PARSE_IP_H
#define FLOWSTAMP_BPF_PACKET_PARSE_IP_H

#include "bpf/packet/fields.h"

#define EXTENSION_HEADERS_MAX 16

#define AT(scratch, type, position) \
    ((const type*)&(scratch)->frame[(position) & (FST_SNAP_BYTES - 1)])

/// Whether a fragment at `offset` bytes, with `bytes` of payload, holds a part of TCP's fixed header
/// only. No host makes such fragments; they hide flags from who does not reassemble (RFC 1858,
/// RFC 3128).
static __always_inline int splits_tcp_header(__u32 protocol, __u32 offset, __u32 bytes) {
    return protocol == IPPROTO_TCP &&
           (offset ? offset < sizeof(struct tcphdr) : bytes < sizeof(struct tcphdr));
}

/// Whether another IPv6 header follows where `protocol` is named, of those that are read here.
static __always_inline int is_extension(__u32 protocol) {
    return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING ||
           protocol == IPPROTO_DSTOPTS || protocol == IPPROTO_AH || protocol == IPPROTO_FRAGMENT;
}

/// Whether a first fragment ends before TCP's fixed header does, or within the headers before it. No
/// host sends such (RFC 7112).
static __always_inline int ends_in_headers(const struct fst_packet* packet,
                                           const struct cursor* cursor) {
    const __s32 rest = (__s32)(packet->l3_offset + packet->ip_bytes) - (__s32)cursor->position;

    return (is_extension(cursor->next) && rest < 8) ||
           (cursor->next == IPPROTO_TCP && rest < (__s32)sizeof(struct tcphdr));
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
    if (!is_extension(cursor->next))
        return 1;
    header = AT(scratch, __u8, cursor->position);
    if (cursor->position + 8 > cursor->end) {
        cursor->result = FST_PARSE_CUT;
        return 1;
    }
    if (cursor->next == IPPROTO_FRAGMENT) {
        const __u32 offset = (__u32)(header[2] << 8 | header[3]) & 0xfff8;

        if (offset) {
            cursor->result = splits_tcp_header(header[0], offset, 0) ? FST_PARSE_SPLIT_HEADER
                                                                     : FST_PARSE_FRAGMENT;
            return 1;
        }
        if (header[3] & 1)
            scratch->packet.flags |= FST_PACKET_FIRST_FRAGMENT;
        cursor->next = header[0];
        cursor->position += 8;
        return 0;
    }
    scratch->packet.doubts |= FST_DOUBT_IP_OPTIONS;
    cursor->position += cursor->next == IPPROTO_AH ? (header[1] + 2U) * 4 : (header[1] + 1U) * 8;
    cursor->next = header[0];
    return 0;
}

/// Parses the IP header at cursor.position: addresses into the cursor; leaves the
/// cursor at the transport header, its protocol in cursor.next. `outer`: the packet's own header,
/// not one quoted in an ICMP error.
static __always_inline enum fst_parse_result parse_ip(struct scratch* scratch, int outer) {
    struct fst_packet* packet = &scratch->packet;
    struct cursor* cursor = &scratch->cursor;
    __be32 *source = cursor->source, *destination = cursor->destination;
    const struct iphdr* ipv4 = AT(scratch, struct iphdr, cursor->position);
    const struct ipv6hdr* ipv6 = AT(scratch, struct ipv6hdr, cursor->position);
    __u32 version = ipv4->version_ihl >> 4;

    if (cursor->position + sizeof(*ipv4) > cursor->end)
        return FST_PARSE_CUT;
    if (version == 4) {
        __u32 header = (ipv4->version_ihl & 0x0f) * 4, offset;

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
            if (header > sizeof(*ipv4))
                packet->doubts |= FST_DOUBT_IP_OPTIONS;
            offset = (bpf_ntohs(ipv4->frag_off) & IP_OFFMASK) * 8;
            if (offset)
                return splits_tcp_header(ipv4->protocol, offset, 0) ? FST_PARSE_SPLIT_HEADER
                                                                    : FST_PARSE_FRAGMENT;
            // tot_len 0: a GSO packet of 64 KiB and more (BIG TCP); the caller knows its length.
            if (total && total < header)
                return FST_PARSE_MALFORMED;
            if (ipv4->frag_off & bpf_htons(IP_MF)) {
                packet->flags |= FST_PACKET_FIRST_FRAGMENT;
                if (splits_tcp_header(ipv4->protocol, 0, total - header))
                    return FST_PARSE_SPLIT_HEADER;
            }
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
    if (outer && cursor->result != FST_PARSE_FRAGMENT &&
        (packet->flags & FST_PACKET_FIRST_FRAGMENT) && ends_in_headers(packet, cursor))
        return FST_PARSE_SPLIT_HEADER;
    if (cursor->result == FST_PARSE_TCP && is_extension(cursor->next))
        return FST_PARSE_TOO_DEEP;
    return (enum fst_parse_result)cursor->result;
}

#endif
