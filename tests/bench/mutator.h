// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Makes of the packet of a test run the next one of one of many flows.
#ifndef FLOWSTAMP_TESTS_BENCH_MUTATOR_H
#define FLOWSTAMP_TESTS_BENCH_MUTATOR_H

#include "vmlinux/kernel.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define ALWAYS_INLINE static __attribute__((always_inline)) inline
#define NOP_NOP_TIMESTAMPS bpf_htonl(0x0101080a)

__u32 flow_count;  ///< to draw from
__u32 first_flow;  ///< the number of the first one
__u32 to_client;   ///< 1: the destination differs per flow
__u32 client_seq;  ///< the first flow's next byte; 0: sequence numbers are not changed
__u32 in_order;    ///< 1: the flows in order, else at random
__u32 latest_flow;
__u32 converses;    ///< 1: each run is its flow's next segment (struct turn)
__u32 payload;      ///< bytes of a data segment then
__u32 payload_sum;  ///< of the frame's payload, one's complement, words as in memory
__u32 runs;         ///< of all flows
__u32 audience;     ///< the number of the program that hears the conversations
__be32 server[4];   ///< the other end's address then; of IPv4 the last word only
__u64 random_state = 88172645463325252ULL;

/// Packets so far of the flows that an audience hears: audience * flow_count + flow.
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} packets SEC(".maps");

/// The number of the next flow. Marsaglia's xorshift: an order that no cache can predict.
ALWAYS_INLINE __u32 next_flow(void) {
    if (in_order)
        return latest_flow = latest_flow + 1 < flow_count ? latest_flow + 1 : 0;
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (random_state >> 32) * flow_count >> 32;
}

/// The start of a client's sequence numbers depends on the flow (Knuth's multiplicative hash).
ALWAYS_INLINE __be32 client_seq_of(__u32 number) {
    return bpf_htonl(client_seq + number * 2654435761U);
}

enum who { SERVER, CLIENT };

/// One packet of what a flow does again and again: eight segments of a download, which the client acknowledges, and
/// its request for the next eight.
struct turn {
    __u8 from;  ///< enum who
    __u8 data;  ///< 1: with payload
    __u8 at;    ///< of the eight segments: which one it is, or how many are acknowledged
};
#define ROUND_TURNS 16
#define ROUND_SEGMENTS 8
#define DATA(segment) {SERVER, 1, segment}
#define ACKS(segments) {CLIENT, 0, segments}
#define BEGINS DATA(0), DATA(1), ACKS(2), DATA(2), ACKS(3), DATA(3), ACKS(4)
#define ENDS ACKS(6), DATA(6), ACKS(7), DATA(7), ACKS(8), {CLIENT, 1, 8}
#define ROUND BEGINS, DATA(4), ACKS(5), DATA(5), ENDS
/// The fifth segment comes behind the sixth, as after a loss or on two ways, and the client asks for it.
#define ROUND_REORDERED BEGINS, DATA(5), ACKS(4), DATA(4), ENDS
static const struct turn turns[4 * ROUND_TURNS] = {ROUND, ROUND, ROUND, ROUND_REORDERED};

/// The IP-ID of the flow's packet: each end counts its own, eight in a round.
ALWAYS_INLINE __be16 turn_id(const struct turn* turn, __u32 packet) {
    return bpf_htons((__u16)(packet / ROUND_TURNS * ROUND_SEGMENTS + turn->at));
}

ALWAYS_INLINE void write_turn(struct tcphdr* tcp, void* end, const struct turn* turn, __u32 number,
                              __u32 packet) {
    const __u32 round = packet / ROUND_TURNS;
    const __u32 client_next = 1001 + number * 2654435761U + round * payload;
    const __u32 server_next = 5001 + (round * ROUND_SEGMENTS + turn->at) * payload;
    __be32* options = (void*)(tcp + 1);

    tcp->seq = bpf_htonl(turn->from == SERVER ? server_next : client_next);
    tcp->ack_seq = bpf_htonl(turn->from == SERVER ? client_next : server_next);
    // A clock that is no faster than time: a tick in 32,768 packets.
    if ((void*)(options + 3) <= end && tcp->doff_reserved >> 4 >= 8 &&
        options[0] == NOP_NOP_TIMESTAMPS)
        options[1] = bpf_htonl(1000 + (runs >> 15));
}

ALWAYS_INLINE __u32 words_sum(const __u16* word, const void* end, __u32 words, __u32 sum) {
    for (__u32 i = 0; i < 30; i++) {
        if (i >= words || (const void*)(word + i + 1) > end)
            break;
        sum += word[i];
    }
    return sum;
}

ALWAYS_INLINE __u16 folded(__u32 sum) {
    sum = (sum & 0xffff) + (sum >> 16);
    return ~((sum & 0xffff) + (sum >> 16));
}

/// RFC 791, RFC 9293: who looks closer at a packet verifies its checksums. `addresses`: the sum of both.
ALWAYS_INLINE void write_tcp_checksum(struct tcphdr* tcp, const void* end, __u32 addresses,
                                      __u32 bytes) {
    const __u32 header = (tcp->doff_reserved >> 4) * 4;
    const __u32 data = bytes > header ? payload_sum : 0;

    tcp->check = 0;
    tcp->check = folded(words_sum((const __u16*)tcp, end, header / 2,
                                  addresses + data + bpf_htons(IPPROTO_TCP) + bpf_htons(bytes)));
}

/// Writes the flow `number` into the packet: the client's address and port, and sequence numbers.
ALWAYS_INLINE int rewrite(void* data, void* end, __u32 number) {
    struct ethhdr* ethernet = data;
    const __be16 port = bpf_htons(40000 + (number & 15));
    const struct turn* turn = 0;
    __u32 packet = 0;
    struct tcphdr* tcp;

    if ((void*)(ethernet + 1) > end)
        return 1;
    if (converses) {
        const __u32 conversation = audience * flow_count + number;
        __u32* next = bpf_map_lookup_elem(&packets, &conversation);

        if (!next)
            return 1;
        packet = (*next)++;
        turn = &turns[packet & (4 * ROUND_TURNS - 1)];
        to_client = turn->from == SERVER;
        runs++;
    }
    if (ethernet->h_proto == bpf_htons(ETH_P_IP)) {
        struct iphdr* ip = (void*)(ethernet + 1);

        tcp = (void*)(ip + 1);
        if ((void*)(tcp + 1) > end)
            return 1;
        *(to_client ? &ip->daddr : &ip->saddr) = bpf_htonl(0x0a000000 + (number >> 4));
        if (turn) {
            *(to_client ? &ip->saddr : &ip->daddr) = server[3];
            ip->tot_len =
                bpf_htons(sizeof(*ip) + (tcp->doff_reserved >> 4) * 4 + (turn->data ? payload : 0));
            ip->id = turn_id(turn, packet);
        } else {
            ip->id++;
        }
    } else {
        struct ipv6hdr* ip = (void*)(ethernet + 1);

        tcp = (void*)(ip + 1);
        if ((void*)(tcp + 1) > end)
            return 1;
        if (turn) {
            struct in6_addr* from = to_client ? &ip->saddr : &ip->daddr;

            *(to_client ? &ip->daddr : &ip->saddr) = *from;  // in one network
            __builtin_memcpy(from, server, sizeof(*from));
            ip->payload_len = bpf_htons((tcp->doff_reserved >> 4) * 4 + (turn->data ? payload : 0));
        }
        (to_client ? &ip->daddr : &ip->saddr)->in6_u.u6_addr32[3] = bpf_htonl(number >> 4);
    }
    *(to_client ? &tcp->dest : &tcp->source) = port;
    if (turn) {
        *(to_client ? &tcp->source : &tcp->dest) = bpf_htons(443);
        write_turn(tcp, end, turn, number, packet);
    }
    if (client_seq)
        *(to_client ? &tcp->ack_seq : &tcp->seq) = client_seq_of(number);
    if (ethernet->h_proto == bpf_htons(ETH_P_IP)) {
        struct iphdr* ip = (void*)(ethernet + 1);

        ip->check = 0;
        ip->check = folded(words_sum((const __u16*)ip, end, sizeof(*ip) / 2, 0));
        write_tcp_checksum(tcp, end, words_sum((const __u16*)&ip->saddr, end, 4, 0),
                           bpf_ntohs(ip->tot_len) - sizeof(*ip));
    } else {
        const struct ipv6hdr* ip = (void*)(ethernet + 1);

        write_tcp_checksum(tcp, end, words_sum((const __u16*)&ip->saddr, end, 16, 0),
                           bpf_ntohs(ip->payload_len));
    }
    return 0;
}

#endif
