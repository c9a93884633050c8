// SPDX-License-Identifier: GPL-2.0-only
// What this host's own stack says of a connection that looks ended here, where a reset or a SYN comes in.
#ifndef FLOWSTAMP_BPF_RESET_SOCKET_H
#define FLOWSTAMP_BPF_RESET_SOCKET_H

#include "bpf/maps.h"
#include "bpf/packet/context.h"

#ifdef __bpf__

/// Where a reset still ends something (Linux: include/net/tcp_states.h): ESTABLISHED, FIN_WAIT1, FIN_WAIT2,
/// CLOSE_WAIT, LAST_ACK and CLOSING, in which bytes may still be on their way. Else it is over, or not open yet.
#define OPEN_STATES (1U << 1 | 1U << 4 | 1U << 5 | 1U << 8 | 1U << 9 | 1U << 11)

/// Where a connection is being opened: SYN_SENT, SYN_RECV, and a listener's request.
#define OPENING_STATES (1U << 2 | 1U << 3 | 1U << 12)

/// What the socket's table has of the packet in scratch: whether its connection is open, or, of a SYN, being opened.
static __always_inline int look_up_socket(void* ctx) {
    const struct scratch* scratch = scratch_get();
    const struct fst_packet* packet;
    const struct fst_flow_key* key;
    struct bpf_sock_tuple tuple = {};
    struct bpf_sock* socket;
    __u32 bytes, state, states;
    int from, to;

    if (!scratch)
        return 0;
    packet = &scratch->packet;
    key = &packet->key;
    from = packet->direction & 1;
    to = from ^ 1;
    states = OPEN_STATES | ((packet->tcp_flags & FST_TCP_SYN) ? OPENING_STATES : 0);
    if (packet->flags & FST_PACKET_IPV6) {
        __builtin_memcpy(tuple.ipv6.saddr, key->address[from], sizeof(tuple.ipv6.saddr));
        __builtin_memcpy(tuple.ipv6.daddr, key->address[to], sizeof(tuple.ipv6.daddr));
        tuple.ipv6.sport = key->port[from];
        tuple.ipv6.dport = key->port[to];
        bytes = sizeof(tuple.ipv6);
    } else {
        tuple.ipv4.saddr = key->address[from][3];
        tuple.ipv4.daddr = key->address[to][3];
        tuple.ipv4.sport = key->port[from];
        tuple.ipv4.dport = key->port[to];
        bytes = sizeof(tuple.ipv4);
    }
    socket = bpf_skc_lookup_tcp(ctx, &tuple, bytes, BPF_F_CURRENT_NETNS, 0);
    if (!socket)
        return 0;
    state = socket->state;
    bpf_sk_release(socket);
    return state < 32 && (states >> state & 1);
}

// Global functions, so that the verifier checks them once; a context has its program's type there.
noinline int look_up_socket_at_xdp(struct xdp_md* ctx) {
    return look_up_socket(ctx);
}

noinline int look_up_socket_at_tc(struct __sk_buff* ctx) {
    return look_up_socket(ctx);
}

/// Whether a socket of the interface's network namespace has the connection of the packet, which comes in, open, or, of a
/// SYN, is opening it. 0 as well if there is none, as on a router, or if its addresses are others than here (NAT).
static __always_inline int socket_has_it(void* ctx, enum fst_hook hook,
                                         const struct fst_packet* packet) {
    if (hook == FST_HOOK_TC_EGRESS || packet->key.tunnelled)
        return 0;
    return hook == FST_HOOK_XDP ? look_up_socket_at_xdp(ctx) : look_up_socket_at_tc(ctx);
}

#else

static __always_inline int socket_has_it(void* ctx, enum fst_hook hook,
                                         const struct fst_packet* packet) {
    (void)ctx;
    (void)hook;
    (void)packet;
    return 0;
}

#endif
#endif
