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

/// The rest of a TCP segment's key, and its direction, the sender's index in it; the parsers set the interface.
static __always_inline void key_rest(struct fst_packet* packet, int sender) {
    packet->key.protocol = IPPROTO_TCP;
    packet->key.tunnelled = 0;
    packet->direction = (__u8)sender;
}

// Any total order of addresses and ports will do, as long as both directions use the same. With one branch, and
// no index that depends on the packet, clang keeps a key in registers where it is not needed in memory.

static __always_inline void key_ipv4(struct fst_packet* packet, __be32 source, __be32 destination,
                                     __be16 sport, __be16 dport) {
    struct fst_flow_key* key = &packet->key;

    key->address[0][0] = 0;
    key->address[0][1] = 0;
    key->address[0][2] = MAPPED_PREFIX;
    key->address[1][0] = 0;
    key->address[1][1] = 0;
    key->address[1][2] = MAPPED_PREFIX;
    if (source > destination || (source == destination && sport > dport)) {
        key->address[0][3] = destination;
        key->address[1][3] = source;
        key->port[0] = dport;
        key->port[1] = sport;
        key_rest(packet, 1);
    } else {
        key->address[0][3] = source;
        key->address[1][3] = destination;
        key->port[0] = sport;
        key->port[1] = dport;
        key_rest(packet, 0);
    }
}

static __always_inline int is_sender_ipv6(const __be32* source, const __be32* destination,
                                          __be16 sport, __be16 dport) {
    UNROLL
    for (int i = 0; i < 4; i++) {
        if (source[i] != destination[i])
            return source[i] > destination[i];
    }
    return sport > dport;
}

static __always_inline void key_ipv6(struct fst_packet* packet, const __be32* source,
                                     const __be32* destination, __be16 sport, __be16 dport) {
    struct fst_flow_key* key = &packet->key;

    if (is_sender_ipv6(source, destination, sport, dport)) {
        UNROLL
        for (int i = 0; i < 4; i++) {
            key->address[0][i] = destination[i];
            key->address[1][i] = source[i];
        }
        key->port[0] = dport;
        key->port[1] = sport;
        key_rest(packet, 1);
    } else {
        UNROLL
        for (int i = 0; i < 4; i++) {
            key->address[0][i] = source[i];
            key->address[1][i] = destination[i];
        }
        key->port[0] = sport;
        key->port[1] = dport;
        key_rest(packet, 0);
    }
}

/// Returns FST_PACKET_MAC, or 0 for all zeros: links without MACs (loopback, and captures of links
/// other than Ethernet).
static __always_inline __u16 read_mac(struct fst_packet* packet, const struct ethhdr* ethernet) {
    const __u16* words = (const __u16*)ethernet->h_source;

    __builtin_memcpy(packet->src_mac, ethernet->h_source, sizeof(packet->src_mac));
    packet->doubts |= (ethernet->h_dest[0] & 1) ? FST_DOUBT_TO_MANY : 0;
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
