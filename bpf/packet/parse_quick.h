// SPDX-License-Identifier: GPL-2.0-only
// The most common layout, read in place: Ethernet, IPv4 without options or IPv6 without extension
// headers, TCP with no option but timestamps, neither SYN nor RST. In three steps: whether a frame has it; its
// flow's key; all other fields. So that what is not needed for the next step is not held meanwhile.
#ifndef FLOWSTAMP_BPF_PACKET_PARSE_QUICK_H
#define FLOWSTAMP_BPF_PACKET_PARSE_QUICK_H

#include "bpf/packet/context.h"
#include "bpf/packet/fields.h"

/// NOP, NOP, timestamps (kind 8, 10 bytes): the layout of nearly every stack (RFC 7323, appendix
/// A).
#define TIMESTAMPS_ALIGNED 0x0101080aU
#define TIMESTAMPS_BYTES 12

/// Where the headers of such a frame begin.
struct quick_frame {
    const struct ethhdr* ethernet;
    const struct iphdr* ipv4;    ///< either this
    const struct ipv6hdr* ipv6;  ///< or this is set
    const struct tcphdr* tcp;
    __u32 ip_bytes;
    __u32 tcp_header;  ///< bytes
};

/// The frame's ethertype, if it has the room that the common layout needs for its headers; else 0.
static __always_inline __be16 quick_ethertype(void* ctx, enum fst_hook hook) {
    __u8* data = ctx_data(ctx, hook);
    const struct ethhdr* ethernet = (const struct ethhdr*)data;

    if ((const __u8*)(ethernet + 1) + sizeof(struct iphdr) + sizeof(struct tcphdr) >
            (const __u8*)ctx_data_end(ctx, hook) ||
        !ctx_has_mac(ctx, hook, data))
        return 0;
    return ethernet->h_proto;
}

/// Bytes of TCP's header, if it has the common layout; else 0.
static __always_inline __u32 quick_tcp_header(void* ctx, enum fst_hook hook,
                                              const struct tcphdr* tcp) {
    const __be32* options = (const __be32*)(tcp + 1);
    const __u8 words = tcp->doff_reserved >> 4;

    if (tcp->flags & (FST_TCP_SYN | FST_TCP_RST))
        return 0;
    if (words == (sizeof(*tcp) + TIMESTAMPS_BYTES) / 4)
        return (const __u8*)(options + 3) <= (const __u8*)ctx_data_end(ctx, hook) &&
                       options[0] == bpf_htonl(TIMESTAMPS_ALIGNED)
                   ? sizeof(*tcp) + TIMESTAMPS_BYTES
                   : 0;
    return words == sizeof(*tcp) / 4 ? sizeof(*tcp) : 0;
}

/// Whether the headers fit into the packet, and all of it came.
static __always_inline int is_quick_whole(void* ctx, enum fst_hook hook,
                                          const struct quick_frame* frame) {
    const __u8* data = ctx_data(ctx, hook);
    const __u8* data_end = ctx_data_end(ctx, hook);
    const __u32 frame_bytes = sizeof(struct ethhdr) + frame->ip_bytes;
    const __u32 headers =
        frame->tcp_header + (frame->ipv4 ? sizeof(*frame->ipv4) : sizeof(*frame->ipv6));

    return frame->ip_bytes >= headers && ((__u32)(data_end - data) >= frame_bytes || !acting ||
                                          ctx_bytes(ctx, hook) >= frame_bytes);
}

/// Finds the headers of a frame, which quick_ethertype() says is of IPv4.
static __always_inline int is_quick_ipv4(void* ctx, enum fst_hook hook, struct quick_frame* frame) {
    const struct ethhdr* ethernet = (const struct ethhdr*)ctx_data(ctx, hook);
    const struct iphdr* ipv4 = (const struct iphdr*)(ethernet + 1);
    const struct tcphdr* tcp = (const struct tcphdr*)(ipv4 + 1);

    if ((const __u8*)(tcp + 1) > (const __u8*)ctx_data_end(ctx, hook) ||
        ipv4->version_ihl != 0x45 || ipv4->protocol != IPPROTO_TCP ||
        (ipv4->frag_off & bpf_htons(IP_MF | IP_OFFMASK)))
        return 0;
    frame->ethernet = ethernet;
    frame->ipv4 = ipv4;
    frame->tcp = tcp;
    frame->ip_bytes = bpf_ntohs(ipv4->tot_len);
    return 1;
}

static __always_inline int is_quick_ipv6(void* ctx, enum fst_hook hook, struct quick_frame* frame) {
    const struct ethhdr* ethernet = (const struct ethhdr*)ctx_data(ctx, hook);
    const struct ipv6hdr* ipv6 = (const struct ipv6hdr*)(ethernet + 1);
    const struct tcphdr* tcp = (const struct tcphdr*)(ipv6 + 1);

    if ((const __u8*)(tcp + 1) > (const __u8*)ctx_data_end(ctx, hook) ||
        ipv6->nexthdr != IPPROTO_TCP ||
        (ipv6->version_class_label & bpf_htonl(0xf0000000)) != bpf_htonl(0x60000000) ||
        is_mapped(ipv6->saddr.in6_u.u6_addr32))
        return 0;
    frame->ethernet = ethernet;
    frame->ipv6 = ipv6;
    frame->tcp = tcp;
    frame->ip_bytes = bpf_ntohs(ipv6->payload_len) + sizeof(*ipv6);
    return 1;
}

/// After this the compiler reads the frame's bytes anew where they are needed, instead of keeping them.
static __always_inline void read_again(struct quick_frame* frame) {
    const struct ethhdr* ethernet = frame->ethernet;

    __asm__ volatile("" : "+r"(ethernet));
    frame->ethernet = ethernet;
    if (frame->ipv4) {
        frame->ipv4 = (const struct iphdr*)(ethernet + 1);
        frame->tcp = (const struct tcphdr*)(frame->ipv4 + 1);
    } else {
        frame->ipv6 = (const struct ipv6hdr*)(ethernet + 1);
        frame->tcp = (const struct tcphdr*)(frame->ipv6 + 1);
    }
}

/// What is known of it before its flow.
static __always_inline void place_packet(void* ctx, enum fst_hook hook, struct fst_packet* packet) {
    packet->key.ifindex = ctx_ifindex(ctx, hook);
    packet->key.padding[0] = packet->key.padding[1] = 0;
    packet->hook = hook;
    packet->segments = ctx_segments(ctx, hook);
}

static __always_inline void quick_key_ipv4(struct fst_packet* packet,
                                           const struct quick_frame* frame) {
    key_ipv4(packet, frame->ipv4->saddr, frame->ipv4->daddr, frame->tcp->source, frame->tcp->dest);
}

static __always_inline void quick_key_ipv6(struct fst_packet* packet,
                                           const struct quick_frame* frame) {
    key_ipv6(packet, frame->ipv6->saddr.in6_u.u6_addr32, frame->ipv6->daddr.in6_u.u6_addr32,
             frame->tcp->source, frame->tcp->dest);
}

/// Bytes of TCP payload.
static __always_inline __u32 quick_payload(const struct quick_frame* frame) {
    return frame->ip_bytes - (frame->ipv4 ? sizeof(*frame->ipv4) : sizeof(*frame->ipv6)) -
           frame->tcp_header;
}

static __always_inline void quick_fields_ipv4(struct fst_packet* packet,
                                              const struct quick_frame* frame) {
    const struct iphdr* ipv4 = frame->ipv4;

    packet->flags = (ipv4->frag_off & bpf_htons(IP_DF)) ? FST_PACKET_DF : 0;
    packet->ip_id = bpf_ntohs(ipv4->id);
    packet->ttl = ipv4->ttl;
    packet->tos = ipv4->tos;
    packet->l4_offset = sizeof(struct ethhdr) + sizeof(*ipv4);
}

static __always_inline __u8 quick_traffic_class(const struct ipv6hdr* ipv6) {
    return (__u8)(bpf_ntohl(ipv6->version_class_label) >> 20);
}

static __always_inline void quick_fields_ipv6(struct fst_packet* packet,
                                              const struct quick_frame* frame) {
    const struct ipv6hdr* ipv6 = frame->ipv6;

    packet->flags = FST_PACKET_IPV6;
    packet->ip_id = 0;
    packet->ttl = ipv6->hop_limit;
    packet->tos = quick_traffic_class(ipv6);
    packet->flow_label = bpf_ntohl(ipv6->version_class_label) & 0xfffff;
    packet->l4_offset = sizeof(struct ethhdr) + sizeof(*ipv6);
}

/// The fields that both IP versions have.
static __always_inline void quick_fields_tcp(struct fst_packet* packet,
                                             const struct quick_frame* frame) {
    const __be32* options = (const __be32*)(frame->tcp + 1);

    read_tcp(packet, frame->tcp);
    packet->ip_bytes = frame->ip_bytes;
    packet->payload = quick_payload(frame);
    packet->l3_offset = sizeof(struct ethhdr);
    packet->tcp_header = frame->tcp_header;
    packet->doubts = 0;
    if (frame->tcp_header != sizeof(struct tcphdr) + TIMESTAMPS_BYTES)
        return;
    packet->ts_val = bpf_ntohl(options[1]);
    packet->ts_ecr = bpf_ntohl(options[2]);
    packet->flags |= FST_PACKET_TS | FST_PACKET_OPTIONS;
}

#endif
