// SPDX-License-Identifier: GPL-2.0-only
// What is done at a station, and at a buffer's end. Nothing here changes a packet or its verdict.
#ifndef FLOWSTAMP_BPF_PATH_OBSERVE_H
#define FLOWSTAMP_BPF_PATH_OBSERVE_H

#include "bpf/path/emit.h"
#include "bpf/path/prefilter.h"

/// A packet that passed the prefilter, at a station: writes a record if it matches, or was already
/// seen on this path.
static __always_inline void path_at_station(const struct path_source* source,
                                            struct path_position* at) {
    struct path_report report = {.kind = FST_PATH_STATION};
    struct path_packet packet;
    struct packet_path* path;
    int goes_on;

    if (path_read_packet(source, &packet))
        return;
    report.flags = path_match(source->skb, &packet.tuple);
    path = packet_path_of(source->skb);
    path_read_bridge_ports(source->skb, &at->bridge);
    if (at->bridge.out_device && at->place == FST_PLACE_POSTROUTING)
        path_read_peer(at->bridge.out_device, &at->peer);
    goes_on = path && packet_path_goes_on(path, &packet, at);
    if (!report.flags && !goes_on) {
        if (path) {
            path_count(FST_PATH_COUNT_REUSED);
            packet_path_end(source->skb);
        }
        return;
    }
    report.now_ns = bpf_ktime_get_ns();
    if (goes_on) {
        report.began_ns = path->began_ns;
        report.flags |= FST_PATH_CONTINUED;
        packet_path_moves(path, at);
    } else {
        if (path)
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

/// Of the interface that the buffer is at; 0: at none.
static __always_inline __u32 path_ifindex(const struct sk_buff* skb) {
    const struct net_device* device = path_untrusted_skb(skb)->dev;

    return device ? BPF_CORE_READ(device, ifindex) : 0;
}

/// The lowest bit of sk_buff._skb_refdst: whether the buffer holds a reference on the route.
#define SKB_DST_POINTER_MASK (~1UL)

/// The namespace of the interface that the buffer's route leads to; 0 if it has no route.
static __always_inline __u32 path_route_netns(const struct sk_buff* skb) {
    const struct dst_entry* route = (const void*)(skb->_skb_refdst & SKB_DST_POINTER_MASK);

    return route ? BPF_CORE_READ(route, dev, nd_net.net, ns.inum) : 0;
}

/// The inode of the buffer's network namespace; 0 if unknown: the stack clears the interface on the
/// way into a socket. In OUTPUT a buffer has no interface yet, and one made by netfilter (REJECT's
/// reset) has no socket either, but it has a route.
static __always_inline __u32 path_netns(const struct sk_buff* skb) {
    const struct net_device* device = path_untrusted_skb(skb)->dev;
    const struct sock* socket = path_untrusted_skb(skb)->sk;

    if (device)
        return BPF_CORE_READ(device, nd_net.net, ns.inum);
    return socket ? path_socket_netns(socket) : path_route_netns(skb);
}

static __always_inline int path_is_followed(__u32 netns) {
    if (netns == watched_netns)
        return 1;
    for (int i = 0; i < FST_PATH_OTHER_NETNS_MAX && other_netns[i]; i++) {
        if (other_netns[i] == netns)
            return 1;
    }
    return 0;
}

/// Whether the event is in a followed namespace. `netns`: the buffer's, 0 if unknown, which is
/// only so for a packet that came in and has left the network layer for a socket.
static __always_inline int path_is_ours(const struct packet_path* path, __u32 netns) {
    return netns ? path_is_followed(netns) : path && path->place <= FST_PLACE_INPUT;
}

/// A buffer's end, or its arrival at a socket: always reported for a packet with a path, and with
/// `drops` also for one that matches but never reached a station. `netns` as in path_is_ours(). A
/// packet that crossed into a namespace that is not followed (veth) has left: its end is not reported.
static __always_inline void path_at_end(struct sk_buff* skb, __u32 netns,
                                        struct path_report* report, int drops) {
    const struct path_source source = {.caller = PATH_CALLER_TRACEPOINT, .ctx = 0, .skb = skb};
    struct path_position at = {.station = FST_PATH_NO_STATION};
    struct packet_path* path = packet_path_of(skb);
    struct path_packet packet;

    if (!path && !drops)
        return;
    if (only_drops && !drops)
        goto over;
    if (!path_is_ours(path, netns) || path_read_packet(&source, &packet))
        goto over;
    if (path && path->digest != packet.digest) {
        path_count(FST_PATH_COUNT_REUSED);
        packet_path_end(skb);
        path = 0;
        if (!drops || !netns)
            return;
    }
    report->now_ns = bpf_ktime_get_ns();
    report->flags = path_match(skb, &packet.tuple);
    if (path) {
        report->began_ns = path->began_ns;
        report->flags |= FST_PATH_CONTINUED;
        if (drops) {
            at.station = path->station;
            at.place = path->place;
        }
    } else {
        report->began_ns = report->now_ns;
        if (!report->flags)
            return;
        report->flags |= FST_PATH_FIRST;
    }
    path_read_bridge_ports(skb, &at.bridge);
    at.netns = netns ? netns : path ? path->netns : watched_netns;
    at.ifindex_in = skb->skb_iif;
    at.ifindex_out = path_ifindex(skb);
    path_emit(skb, &packet, &at, report);
over:
    if (path && report->kind != FST_PATH_SOCKET)
        packet_path_end(skb);
}

#endif
