// SPDX-License-Identifier: GPL-2.0-only
// The fields of a TCP segment that most packets are judged by, wherever they are: in memory, or still in the
// frame. BPF has few registers: what is read before it is needed is kept on the stack meanwhile.
#ifndef FLOWSTAMP_BPF_PACKET_SEGMENT_H
#define FLOWSTAMP_BPF_PACKET_SEGMENT_H

#include "bpf/packet/parse_quick.h"
#include "flowstamp/acceptance_rules.h"

struct segment {
    const struct fst_packet* packet;  ///< its key, direction, hook, time and segments are set
    const struct quick_frame* frame;  ///< where all else is read from; null: it is in `packet`
};

static __always_inline struct segment segment_in_memory(const struct fst_packet* packet) {
    return (struct segment){.packet = packet};
}

static __always_inline __u8 tcp_flags_of(struct segment segment) {
    return segment.frame ? segment.frame->tcp->flags : segment.packet->tcp_flags;
}

static __always_inline __u32 seq_of(struct segment segment) {
    return segment.frame ? bpf_ntohl(segment.frame->tcp->seq) : segment.packet->seq;
}

static __always_inline __u32 ack_of(struct segment segment) {
    return segment.frame ? bpf_ntohl(segment.frame->tcp->ack_seq) : segment.packet->ack;
}

static __always_inline __u16 window_of(struct segment segment) {
    return segment.frame ? bpf_ntohs(segment.frame->tcp->window) : segment.packet->window;
}

static __always_inline __u32 ip_bytes_of(struct segment segment) {
    return segment.frame ? segment.frame->ip_bytes : segment.packet->ip_bytes;
}

static __always_inline __u32 payload_of(struct segment segment) {
    return segment.frame ? quick_payload(segment.frame) : segment.packet->payload;
}

static __always_inline int has_timestamps(struct segment segment) {
    return segment.frame ? segment.frame->tcp_header != sizeof(struct tcphdr)
                         : segment.packet->flags & FST_PACKET_TS;
}

/// With has_timestamps().
static __always_inline __u32 ts_val_of(struct segment segment) {
    return segment.frame ? bpf_ntohl(((const __be32*)(segment.frame->tcp + 1))[1])
                         : segment.packet->ts_val;
}

/// fst_is_doubtful(): nothing of the common layout is.
static __always_inline int is_doubtful(struct segment segment) {
    return segment.frame ? 0 : fst_is_doubtful(segment.packet);
}

static __always_inline int is_ipv4(struct segment segment) {
    return segment.frame ? !!segment.frame->ipv4 : !(segment.packet->flags & FST_PACKET_IPV6);
}

static __always_inline __u8 ttl_of(struct segment segment) {
    if (!segment.frame)
        return segment.packet->ttl;
    return segment.frame->ipv4 ? segment.frame->ipv4->ttl : segment.frame->ipv6->hop_limit;
}

/// 0 for IPv6.
static __always_inline __u16 ip_id_of(struct segment segment) {
    if (!segment.frame)
        return segment.packet->ip_id;
    return segment.frame->ipv4 ? bpf_ntohs(segment.frame->ipv4->id) : 0;
}

/// TOS or traffic class.
static __always_inline __u8 traffic_class_of(struct segment segment) {
    if (!segment.frame)
        return segment.packet->tos;
    return segment.frame->ipv4 ? segment.frame->ipv4->tos
                               : quick_traffic_class(segment.frame->ipv6);
}

/// Of IP and TCP, with options and extension headers.
static __always_inline __u32 header_bytes_of(struct segment segment) {
    if (!segment.frame)
        return segment.packet->l4_offset - segment.packet->l3_offset + segment.packet->tcp_header;
    return segment.frame->tcp_header +
           (segment.frame->ipv4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr));
}

static __always_inline int is_first_fragment(struct segment segment) {
    return segment.frame ? 0 : segment.packet->flags & FST_PACKET_FIRST_FRAGMENT;
}

static __always_inline int is_df(struct segment segment) {
    if (!segment.frame)
        return segment.packet->flags & FST_PACKET_DF;
    return segment.frame->ipv4 ? segment.frame->ipv4->frag_off & bpf_htons(IP_DF) : 0;
}

#endif
