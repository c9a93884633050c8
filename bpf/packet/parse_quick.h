// SPDX-License-Identifier: GPL-2.0-only
// The most common layout, read in place: Ethernet, IPv4 without options or IPv6 without extension
// headers, TCP with no option but timestamps, neither SYN nor RST.
#ifndef FLOWSTAMP_BPF_PACKET_PARSE_QUICK_H
#define FLOWSTAMP_BPF_PACKET_PARSE_QUICK_H

#include "bpf/packet/context.h"
#include "bpf/packet/fields.h"

/// NOP, NOP, timestamps (kind 8, 10 bytes): the layout of nearly every stack (RFC 7323, appendix
/// A).
#define TIMESTAMPS_ALIGNED 0x0101080aU

/// The TCP part of the fast path; `room`: bytes of IP payload. False: another layout.
static __always_inline int parse_quick_tcp(struct fst_packet* packet, const struct tcphdr* tcp,
                                           const __u8* data_end, __u32 room) {
    const __be32* options = (const __be32*)(tcp + 1);
    __u32 header = sizeof(*tcp);

    if ((const __u8*)options > data_end || (tcp->flags & (FST_TCP_SYN | FST_TCP_RST)))
        return 0;
    read_tcp(packet, tcp);
    if ((tcp->doff_reserved >> 4) == 8) {
        if ((const __u8*)(options + 3) > data_end || options[0] != bpf_htonl(TIMESTAMPS_ALIGNED))
            return 0;
        packet->ts_val = bpf_ntohl(options[1]);
        packet->ts_ecr = bpf_ntohl(options[2]);
        packet->flags |= FST_PACKET_TS | FST_PACKET_OPTIONS;
        header += 12;
    } else if ((tcp->doff_reserved >> 4) != 5) {
        return 0;
    }
    if (room < header)
        return 0;
    packet->tcp_header = header;
    packet->payload = room - header;
    return 1;
}

/// The fast path. False: another layout; the contents of `packet` are then undefined.
static __always_inline int parse_quick(void* ctx, enum fst_hook hook, struct fst_packet* packet) {
    __u8* data = ctx_data(ctx, hook);
    const __u8* data_end = ctx_data_end(ctx, hook);
    const struct ethhdr* ethernet = (const struct ethhdr*)data;
    const struct iphdr* ipv4 = (const struct iphdr*)(data + sizeof(*ethernet));
    const struct ipv6hdr* ipv6 = (const struct ipv6hdr*)(data + sizeof(*ethernet));
    const struct tcphdr* tcp;
    __u32 room;
    __u16 mac;
    int sender;

    if ((const __u8*)(ipv4 + 1) > data_end || !ctx_has_mac(ctx, hook, data))
        return 0;
    packet->l3_offset = sizeof(*ethernet);
    mac = read_mac(packet, ethernet);
    if (ethernet->h_proto == bpf_htons(ETH_P_IP)) {
        tcp = (const struct tcphdr*)(ipv4 + 1);
        room = bpf_ntohs(ipv4->tot_len);
        if (ipv4->version_ihl != 0x45 || ipv4->protocol != IPPROTO_TCP ||
            (ipv4->frag_off & bpf_htons(IP_MF | IP_OFFMASK)) || room < sizeof(*ipv4) ||
            (const __u8*)(tcp + 1) > data_end)
            return 0;
        packet->ip_bytes = room;
        packet->flags = mac | ((ipv4->frag_off & bpf_htons(IP_DF)) ? FST_PACKET_DF : 0);
        packet->ip_id = bpf_ntohs(ipv4->id);
        packet->ttl = ipv4->ttl;
        packet->tos = ipv4->tos;
        packet->l4_offset = sizeof(*ethernet) + sizeof(*ipv4);
        sender = sender_ipv4(ipv4->saddr, ipv4->daddr, tcp->source, tcp->dest);
        key_ipv4(&packet->key, ipv4->saddr, ipv4->daddr, sender);
        room -= sizeof(*ipv4);
    } else if (ethernet->h_proto == bpf_htons(ETH_P_IPV6)) {
        tcp = (const struct tcphdr*)(ipv6 + 1);
        if ((const __u8*)(tcp + 1) > data_end || ipv6->nexthdr != IPPROTO_TCP ||
            (ipv6->version_class_label & bpf_htonl(0xf0000000)) != bpf_htonl(0x60000000) ||
            is_mapped(ipv6->saddr.in6_u.u6_addr32))
            return 0;
        room = bpf_ntohs(ipv6->payload_len);
        packet->ip_bytes = room + sizeof(*ipv6);
        packet->flags = mac | FST_PACKET_IPV6;
        packet->ip_id = 0;
        packet->ttl = ipv6->hop_limit;
        packet->tos = (__u8)(bpf_ntohl(ipv6->version_class_label) >> 20);
        packet->flow_label = bpf_ntohl(ipv6->version_class_label) & 0xfffff;
        packet->l4_offset = sizeof(*ethernet) + sizeof(*ipv6);
        sender = sender_ipv6(ipv6->saddr.in6_u.u6_addr32, ipv6->daddr.in6_u.u6_addr32, tcp->source,
                             tcp->dest);
        key_ipv6(&packet->key, ipv6->saddr.in6_u.u6_addr32, ipv6->daddr.in6_u.u6_addr32, sender);
    } else {
        return 0;
    }
    if (acting && (__u32)(data_end - data) < sizeof(*ethernet) + packet->ip_bytes &&
        ctx_bytes(ctx, hook) < sizeof(*ethernet) + packet->ip_bytes)
        return 0;
    packet->doubts = 0;
    key_ports(packet, tcp->source, tcp->dest, sender);
    return parse_quick_tcp(packet, tcp, data_end, room);
}

#endif
