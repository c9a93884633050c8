// SPDX-License-Identifier: GPL-2.0-only
// Parses the first bytes of a packet, from its IP header on, into struct path_packet: tuple,
// fields, digest.
#ifndef FLOWSTAMP_BPF_PATH_PACKET_H
#define FLOWSTAMP_BPF_PATH_PACKET_H

#include "bpf/path/maps.h"

#define PATH_EXTENSION_HEADERS_MAX 4
#define PATH_MAPPED_PREFIX bpf_htonl(0xffff)
#define FRAGMENT_OFFSET_V6 0xfff8

/// Bytes copied of a packet: IPv6 with the usual extension headers, and TCP's header.
#define PATH_HEADER_BYTES 96
#define PATH_HEADER_MASK 127 /* less than the size of data[] */

struct path_headers {
    __u32 count;
    __u8 data[PATH_HEADER_BYTES + 40];  ///< room for a header that begins at the last byte
    __u32 padding;
};

/// The packet's current headers.
struct path_packet {
    struct fst_path_tuple tuple;
    __u64 digest;  ///< of the fields that neither routers nor NAT change
    __u32 seq;
    __u32 ack;
    __u32 flags;  ///< enum fst_path_flags
    __u16 ip_id;
    __u8 ttl;
    __u8 tcp_flags;
    __u8 icmp_type;
    __u8 icmp_code;
    __u8 padding[2];
};

/// Pointer to `bytes` (a constant) at `offset` from the IP header; null if the copy ends before.
static __always_inline const void* path_at(const struct path_headers* headers, __u32 offset,
                                           __u32 bytes) {
    // clang 19 would check a copy of this register and use the original, whose bounds the verifier
    // (6.1, 6.12) then does not know.
    __asm__ volatile("" : "+r"(offset));
    if (offset > PATH_HEADER_BYTES || offset + bytes > headers->count)
        return 0;
    return &headers->data[offset];
}

static __always_inline void path_parse_tcp(const struct path_headers* headers, __u32 offset,
                                           struct path_packet* packet) {
    const struct tcphdr* tcp = path_at(headers, offset, sizeof(*tcp));

    if (!tcp) {
        packet->flags |= FST_PATH_NO_PORTS;
        return;
    }
    packet->tuple.source_port = tcp->source;
    packet->tuple.destination_port = tcp->dest;
    packet->seq = bpf_ntohl(tcp->seq);
    packet->ack = bpf_ntohl(tcp->ack_seq);
    packet->tcp_flags = tcp->flags;
    packet->digest = (__u64)packet->seq << 32 | (__u32)tcp->flags << 24;
}

/// Identifier and sequence number of an echo (RFC 792, RFC 4443).
static __always_inline void path_parse_icmp(const struct path_headers* headers, __u32 offset,
                                            struct path_packet* packet) {
    const struct icmphdr* icmp = path_at(headers, offset, sizeof(*icmp));
    const int v6 = packet->tuple.protocol == IPPROTO_ICMPV6;

    if (!icmp) {
        packet->flags |= FST_PATH_NO_PORTS;
        return;
    }
    packet->icmp_type = icmp->type;
    packet->icmp_code = icmp->code;
    packet->digest = (__u64)icmp->type << 32;
    if (v6 ? (icmp->type != ICMPV6_ECHO_REQUEST && icmp->type != ICMPV6_ECHO_REPLY)
           : (icmp->type != ICMP_ECHO && icmp->type != ICMP_ECHOREPLY))
        return;
    packet->tuple.source_port = icmp->un.echo.id;
    packet->tuple.destination_port = icmp->un.echo.id;
    packet->seq = bpf_ntohs(icmp->un.echo.sequence);
    packet->digest |= (__u64)packet->seq << 40;
}

/// Source and destination port, the start of UDP, UDP-Lite, SCTP and DCCP; UDP's length follows.
static __always_inline void path_parse_ports(const struct path_headers* headers, __u32 offset,
                                             struct path_packet* packet) {
    const __be16* words = path_at(headers, offset, 8);

    if (!words) {
        packet->flags |= FST_PATH_NO_PORTS;
        return;
    }
    packet->tuple.source_port = words[0];
    packet->tuple.destination_port = words[1];
    if (packet->tuple.protocol == IPPROTO_UDP)
        packet->digest = (__u64)bpf_ntohs(words[2]) << 32;
}

static __always_inline void path_parse_transport(const struct path_headers* headers, __u32 offset,
                                                 struct path_packet* packet) {
    const __u8 protocol = packet->tuple.protocol;

    if (protocol == IPPROTO_TCP)
        path_parse_tcp(headers, offset, packet);
    else if (protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP || protocol == IPPROTO_DCCP ||
             protocol == IPPROTO_UDPLITE)
        path_parse_ports(headers, offset, packet);
    else if (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6)
        path_parse_icmp(headers, offset, packet);
}

static __always_inline int path_parse_ipv4(const struct path_headers* headers,
                                           struct path_packet* packet) {
    const struct iphdr* ip = path_at(headers, 0, sizeof(*ip));

    if (!ip)
        return 1;
    packet->tuple.source[2] = PATH_MAPPED_PREFIX;
    packet->tuple.source[3] = ip->saddr;
    packet->tuple.destination[2] = PATH_MAPPED_PREFIX;
    packet->tuple.destination[3] = ip->daddr;
    packet->tuple.protocol = ip->protocol;
    packet->ip_id = bpf_ntohs(ip->id);
    packet->ttl = ip->ttl;
    if (ip->frag_off & bpf_htons(IP_OFFMASK)) {
        packet->flags |= FST_PATH_FRAGMENT;
        packet->digest = (__u64)bpf_ntohs(ip->frag_off) << 32;
    } else {
        path_parse_transport(headers, (ip->version_ihl & 0x0f) * 4U, packet);
    }
    packet->digest |= (__u64)packet->ip_id << 8 | ip->protocol;
    return 0;
}

/// Skips extension headers (RFC 8200, section 4): 0 and the transport header's offset, or 1 if none
/// could be read.
static __always_inline int path_skip_extensions(const struct path_headers* headers,
                                                struct path_packet* packet, __u32* offset) {
    for (int i = 0; i < PATH_EXTENSION_HEADERS_MAX; i++) {
        const __u8 next = packet->tuple.protocol;
        const struct frag_hdr* header;

        if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS &&
            next != IPPROTO_FRAGMENT)
            return 0;
        header = path_at(headers, *offset, sizeof(*header));
        if (!header)
            break;
        packet->tuple.protocol = header->nexthdr;
        if (next != IPPROTO_FRAGMENT) {
            *offset += (header->reserved + 1U) * 8;  // these headers have their length there
            continue;
        }
        *offset += sizeof(*header);
        if (header->frag_off & bpf_htons(FRAGMENT_OFFSET_V6)) {
            packet->flags |= FST_PATH_FRAGMENT;
            packet->digest = (__u64)bpf_ntohl(header->identification) << 32 |
                             (__u32)bpf_ntohs(header->frag_off) << 8;
            return 1;
        }
    }
    packet->flags |= FST_PATH_NO_PORTS;
    return 1;
}

static __always_inline int path_parse_ipv6(const struct path_headers* headers,
                                           struct path_packet* packet) {
    const struct ipv6hdr* ip = path_at(headers, 0, sizeof(*ip));
    __u32 offset = sizeof(*ip);

    if (!ip)
        return 1;
    __builtin_memcpy(packet->tuple.source, &ip->saddr, sizeof(ip->saddr));
    __builtin_memcpy(packet->tuple.destination, &ip->daddr, sizeof(ip->daddr));
    packet->tuple.protocol = ip->nexthdr;
    packet->ttl = ip->hop_limit;
    packet->flags |= FST_PATH_IPV6;
    if (!path_skip_extensions(headers, packet, &offset))
        path_parse_transport(headers, offset, packet);
    packet->digest |= packet->tuple.protocol;
    return 0;
}

/// Fills `packet`, which is all zeros; 0 on success. A global function: the verifier checks it once
/// per program, not once per execution path.
noinline int path_parse(const struct path_headers* headers, struct path_packet* packet) {
    if (!headers || !packet || headers->count < 1)
        return 1;
    if (headers->data[0] >> 4 == 4)
        return path_parse_ipv4(headers, packet);
    if (headers->data[0] >> 4 == 6)
        return path_parse_ipv6(headers, packet);
    return 1;
}

#endif
