// SPDX-License-Identifier: GPL-2.0-only
// What happens at a station, and at a buffer's end. Nothing here changes a packet or its verdict.
#ifndef FLOWSTAMP_BPF_PATH_OBSERVE_H
#define FLOWSTAMP_BPF_PATH_OBSERVE_H

#include "bpf/path/emit.h"
#include "bpf/path/prefilter.h"

/// A packet that may matter, at a station: a record if it is asked for, or was met before on this
/// journey.
static __always_inline void path_at_station(const struct path_source* source,
                                            const struct path_position* at) {
    struct path_report report = {.kind = FST_PATH_STATION};
    struct path_packet packet;
    struct packet_path* packet_path;
    int goes_on;

    if (path_read_packet(source, &packet))
        return;
    report.flags = path_match(source->skb, &packet.tuple);
    packet_path = packet_path_of(source->skb);
    goes_on = packet_path && packet_path_goes_on(packet_path, &packet, at);
    if (!report.flags && !goes_on) {
        if (packet_path) {
            path_count(FST_PATH_COUNT_REUSED);
            packet_path_end(source->skb);
        }
        return;
    }
    report.now_ns = bpf_ktime_get_ns();
    if (goes_on) {
        report.began_ns = packet_path->began_ns;
        report.flags |= FST_PATH_CONTINUED;
        packet_path_moves(packet_path, at);
    } else {
        if (packet_path)
            path_count(FST_PATH_COUNT_REUSED);
        report.began_ns = report.now_ns;
        report.flags |= FST_PATH_FIRST;
        packet_path_begin(source->skb, &packet, at, report.now_ns);
    }
    if (!only_drops)
        path_emit(source->skb, &packet, at, &report);
}

static __always_inline __u32 path_socket_netns(const struct sock* socket) {
    return BPF_CORE_READ(socket, __sk_common.skc_net.net, ns.inum);
}

/// The lowest bit of sk_buff._skb_refdst tells whether the route is held by the buffer.
#define SKB_DST_POINTER_MASK (~1UL)

/// Of the interface that a buffer's route leads to; 0 if it has none.
static __always_inline __u32 path_route_netns(const struct sk_buff* skb) {
    const struct dst_entry* route = (const void*)(skb->_skb_refdst & SKB_DST_POINTER_MASK);

    return route ? BPF_CORE_READ(route, dev, nd_net.net, ns.inum) : 0;
}

/// The inode of the network namespace that a buffer stands in; 0 where it does not say: the stack
/// takes it off its interface on the way into a socket. In OUTPUT it has no interface yet, and one
/// that netfilter made (a reset by REJECT) no socket either, but a route.
static __always_inline __u32 path_netns(const struct sk_buff* skb) {
    const struct net_device* device = skb->dev;
    const struct sock* socket = skb->sk;

    if (device)
        return BPF_CORE_READ(device, nd_net.net, ns.inum);
    return socket ? path_socket_netns(socket) : path_route_netns(skb);
}

/// Whether what happens to a buffer happens here. `netns`: its namespace, 0 where it does not say,
/// which is so only when it came in, and has left the network layer for a socket.
static __always_inline int path_is_ours(const struct packet_path* packet_path, __u32 netns) {
    return netns ? netns == watched_netns : packet_path && packet_path->place <= FST_PLACE_INPUT;
}

/// A buffer's end, or its arrival at a socket: always told of a packet on a journey, and `drops` of
/// one that matches though it never came to a station. `netns` as path_is_ours() wants it. A packet
/// that has gone over to another namespace (veth) has left us: its end is not told.
static __always_inline void path_at_end(struct sk_buff* skb, __u32 netns,
                                        struct path_report* report, int drops) {
    const struct path_source source = {.home = PATH_HOME_TRACEPOINT, .ctx = 0, .skb = skb};
    struct path_position at = {.station = FST_PATH_NO_STATION};
    struct packet_path* packet_path = packet_path_of(skb);
    struct path_packet packet;

    if (!packet_path && !drops)
        return;
    if (only_drops && !drops)
        goto over;
    if (!path_is_ours(packet_path, netns) || path_read_packet(&source, &packet))
        goto over;
    if (packet_path && packet_path->digest != packet.digest) {
        path_count(FST_PATH_COUNT_REUSED);
        packet_path_end(skb);
        packet_path = 0;
        if (!drops || !netns)
            return;
    }
    report->now_ns = bpf_ktime_get_ns();
    report->flags = path_match(skb, &packet.tuple);
    if (packet_path) {
        report->began_ns = packet_path->began_ns;
        report->flags |= FST_PATH_CONTINUED;
        if (drops) {
            at.station = packet_path->station;
            at.place = packet_path->place;
        }
    } else {
        report->began_ns = report->now_ns;
        if (!report->flags)
            return;
        report->flags |= FST_PATH_FIRST;
    }
    at.ifindex_in = skb->skb_iif;
    at.ifindex_out = skb->dev ? BPF_CORE_READ(skb, dev, ifindex) : 0;
    path_emit(skb, &packet, &at, report);
over:
    if (packet_path && report->kind != FST_PATH_SOCKET)
        packet_path_end(skb);
}

#endif
