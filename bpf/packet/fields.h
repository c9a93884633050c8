// SPDX-License-Identifier: GPL-2.0-only
// The header fields that both parsers write into struct fst_packet: MAC, TCP fields, and the
// addresses and ports in the key's order.
#ifndef FLOWSTAMP_BPF_PACKET_FIELDS_H
#define FLOWSTAMP_BPF_PACKET_FIELDS_H

#include "bpf/maps.h"

#define MAPPED_PREFIX bpf_htonl(0xffff)

/// ::ffff:a.b.c.d is not valid on the wire; our keys use it for IPv4.
static __always_inline int is_mapped(const __be32* address) {
    return address[2] == MAPPED_PREFIX && !(address[0] | address[1]);
}

/// The sender's index in the key. Any total order of addresses and ports will do, as long as both
/// directions use the same.
static __always_inline int sender_ipv4(__be32 source, __be32 destination, __be16 sport,
                                       __be16 dport) {
    return source != destination ? source > destination : sport > dport;
}

static __always_inline int sender_ipv6(const __be32* source, const __be32* destination,
                                       __be16 sport, __be16 dport) {
    UNROLL
    for (int i = 0; i < 4; i++) {
        if (source[i] != destination[i])
            return source[i] > destination[i];
    }
    return sport > dport;
}

static __always_inline void key_ipv4(struct fst_flow_key* key, __be32 source, __be32 destination,
                                     int sender) {
    key->address[0][0] = 0;
    key->address[0][1] = 0;
    key->address[0][2] = MAPPED_PREFIX;
    key->address[1][0] = 0;
    key->address[1][1] = 0;
    key->address[1][2] = MAPPED_PREFIX;
    key->address[sender & 1][3] = source;
    key->address[(sender & 1) ^ 1][3] = destination;
}

static __always_inline void key_ipv6(struct fst_flow_key* key, const __be32* source,
                                     const __be32* destination, int sender) {
    UNROLL
    for (int i = 0; i < 4; i++) {
        key->address[sender & 1][i] = source[i];
        key->address[(sender & 1) ^ 1][i] = destination[i];
    }
}

/// The rest of a TCP segment's key; parse() sets the interface.
static __always_inline void key_ports(struct fst_packet* packet, __be16 sport, __be16 dport,
                                      int sender) {
    packet->key.port[sender & 1] = sport;
    packet->key.port[(sender & 1) ^ 1] = dport;
    packet->key.protocol = IPPROTO_TCP;
    packet->key.tunnelled = 0;
    packet->direction = sender & 1;
}

/// Returns FST_PACKET_MAC, or 0 for all zeros: links without MACs (loopback, and captures of links
/// other than Ethernet).
static __always_inline __u16 read_mac(struct fst_packet* packet, const struct ethhdr* ethernet) {
    const __u16* words = (const __u16*)ethernet->h_source;

    __builtin_memcpy(packet->src_mac, ethernet->h_source, sizeof(packet->src_mac));
    return words[0] | words[1] | words[2] ? FST_PACKET_MAC : 0;
}

static __always_inline void read_tcp(struct fst_packet* packet, const struct tcphdr* tcp) {
    packet->seq = bpf_ntohl(tcp->seq);
    packet->ack = bpf_ntohl(tcp->ack_seq);
    packet->window = bpf_ntohs(tcp->window);
    packet->tcp_flags = tcp->flags;
    packet->ts_val = 0;
    packet->ts_ecr = 0;
    packet->mss = 0;
    packet->wscale = 0;
}

#endif
