// SPDX-License-Identifier: GPL-2.0-only
// Baselines for the data path:
// - programs that do nothing, or only read the clock;
// - two alternative designs: both parse the same and write a record of every packet to a ring
//   buffer, without waking its reader; one also stores the same per flow, in an LRU hash table;
// - a table as large as ours, of whose slots a packet reads and writes as many lines, and nothing else: no rules,
//   no second slot. Less memory than that no design touches that stamps each packet of a flow.
// A mutator (mutator.h) rewrites the packet of a test run to one of many flows, and calls one of them.
#include "vmlinux/kernel.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "tests/bench/mutator.h"

#define RING_STAMPS 8

__u64 read_ns;

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} next_program SEC(".maps"), next_program_tc SEC(".maps");

struct key {
    __be32 low[4], high[4];  ///< the two ends, the lower address first
    __be16 low_port, high_port;
    __u32 padding;
};

struct stamp {
    __u32 time_us;
    __u16 ip_id;
    __u8 ttl;
    __u8 tcp_flags;
};

struct direction {
    __u64 packets, bytes, last_ns;
    __u32 edge, ack, ts_val, ts_ecr;
    __u16 window, ip_id;
    __u8 ttl_min, ttl_max, head, flags;
    struct stamp ring[RING_STAMPS];
};

struct flow {
    __u64 first_ns;
    __u8 mac[2][6];
    __u32 state;
    struct direction direction[2];
};

struct record {
    struct key key;
    __u64 time_ns;
    __u32 seq, ack, ts_val, ts_ecr;
    __u16 ip_id, window, payload;
    __u8 ttl, tcp_flags;
};

/// A parsed packet.
struct view {
    struct key key;
    __u32 seq, ack, ts_val, ts_ecr;
    __u16 ip_id, window, payload;
    __u8 ttl, tcp_flags, direction;
    const __u8* mac;
};

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 1);
    __type(key, struct key);
    __type(value, struct flow);
} lru_flows SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4096);
} records SEC(".maps");

ALWAYS_INLINE void order(struct view* view, const __be32* source, const __be32* destination,
                         __be16 source_port, __be16 destination_port) {
    const __u64 a = (__u64)source[3] << 16 | source_port;
    const __u64 b = (__u64)destination[3] << 16 | destination_port;
    const int swap = a > b;

    view->direction = swap;
    __builtin_memcpy(view->key.low, swap ? destination : source, 16);
    __builtin_memcpy(view->key.high, swap ? source : destination, 16);
    view->key.low_port = swap ? destination_port : source_port;
    view->key.high_port = swap ? source_port : destination_port;
}

ALWAYS_INLINE int parse(const void* data, const void* end, struct view* view) {
    const struct ethhdr* ethernet = data;
    const struct tcphdr* tcp;
    __be32 source[4] = {0, 0, bpf_htonl(0xffff), 0}, destination[4] = {0, 0, bpf_htonl(0xffff), 0};
    __u32 length;
    const __be32* options;

    if ((const void*)(ethernet + 1) > end)
        return 1;
    view->mac = ethernet->h_source;
    if (ethernet->h_proto == bpf_htons(ETH_P_IP)) {
        const struct iphdr* ip = (const void*)(ethernet + 1);

        if ((const void*)(ip + 1) > end || ip->version_ihl != 0x45 || ip->protocol != IPPROTO_TCP ||
            (ip->frag_off & bpf_htons(IP_OFFMASK)))
            return 1;
        source[3] = ip->saddr;
        destination[3] = ip->daddr;
        view->ttl = ip->ttl;
        view->ip_id = bpf_ntohs(ip->id);
        length = bpf_ntohs(ip->tot_len) - sizeof(*ip);
        tcp = (const void*)(ip + 1);
    } else if (ethernet->h_proto == bpf_htons(ETH_P_IPV6)) {
        const struct ipv6hdr* ip = (const void*)(ethernet + 1);

        if ((const void*)(ip + 1) > end || ip->nexthdr != IPPROTO_TCP)
            return 1;
        __builtin_memcpy(source, &ip->saddr, 16);
        __builtin_memcpy(destination, &ip->daddr, 16);
        view->ttl = ip->hop_limit;
        view->ip_id = 0;
        length = bpf_ntohs(ip->payload_len);
        tcp = (const void*)(ip + 1);
    } else {
        return 1;
    }
    if ((const void*)(tcp + 1) > end)
        return 1;
    view->seq = bpf_ntohl(tcp->seq);
    view->ack = bpf_ntohl(tcp->ack_seq);
    view->tcp_flags = tcp->flags;
    view->window = bpf_ntohs(tcp->window);
    view->payload = length - (tcp->doff_reserved >> 4) * 4;
    options = (const void*)(tcp + 1);
    view->ts_val = view->ts_ecr = 0;
    if ((const void*)(options + 3) <= end && tcp->doff_reserved >> 4 >= 8 &&
        options[0] == NOP_NOP_TIMESTAMPS) {
        view->ts_val = bpf_ntohl(options[1]);
        view->ts_ecr = bpf_ntohl(options[2]);
    }
    order(view, source, destination, tcp->source, tcp->dest);
    return 0;
}

ALWAYS_INLINE void track(struct flow* flow, const struct view* view, __u64 now) {
    struct direction* own = &flow->direction[view->direction & 1];
    const __u32 edge = view->seq + view->payload;
    struct stamp* stamp = &own->ring[own->head & (RING_STAMPS - 1)];

    own->packets++;
    own->bytes += view->payload;
    own->last_ns = now;
    if ((__s32)(edge - own->edge) > 0)
        own->edge = edge;
    own->ack = view->ack;
    own->ts_val = view->ts_val;
    own->ts_ecr = view->ts_ecr;
    own->window = view->window;
    own->ip_id = view->ip_id;
    if (view->ttl < own->ttl_min)
        own->ttl_min = view->ttl;
    if (view->ttl > own->ttl_max)
        own->ttl_max = view->ttl;
    own->flags |= view->tcp_flags;
    own->head++;
    stamp->time_us = now / 1000;
    stamp->ip_id = view->ip_id;
    stamp->ttl = view->ttl;
    stamp->tcp_flags = view->tcp_flags;
    __builtin_memcpy(flow->mac[view->direction & 1], view->mac, 6);
}

ALWAYS_INLINE void report(const struct view* view, __u64 now) {
    struct record* record = bpf_ringbuf_reserve(&records, sizeof(*record), 0);

    if (!record)
        return;
    record->key = view->key;
    record->time_ns = now;
    record->seq = view->seq;
    record->ack = view->ack;
    record->ts_val = view->ts_val;
    record->ts_ecr = view->ts_ecr;
    record->ip_id = view->ip_id;
    record->window = view->window;
    record->payload = view->payload;
    record->ttl = view->ttl;
    record->tcp_flags = view->tcp_flags;
    bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

SEC("xdp.frags")
int baseline_empty(struct xdp_md* ctx) {
    (void)ctx;
    return XDP_PASS;
}

SEC("xdp.frags")
int baseline_clock(struct xdp_md* ctx) {
    (void)ctx;
    read_ns = bpf_ktime_get_ns();
    return XDP_PASS;
}

SEC("tcx/egress")
int baseline_empty_tc(struct __sk_buff* ctx) {
    (void)ctx;
    return TCX_NEXT;
}

SEC("tcx/egress")
int baseline_clock_tc(struct __sk_buff* ctx) {
    (void)ctx;
    read_ns = bpf_ktime_get_ns();
    return TCX_NEXT;
}

SEC("xdp.frags")
int baseline_lru(struct xdp_md* ctx) {
    static const struct flow fresh;
    struct view view = {};
    struct flow* flow;
    __u64 now;

    if (parse((void*)(long)ctx->data, (void*)(long)ctx->data_end, &view))
        return XDP_PASS;
    now = bpf_ktime_get_ns();
    flow = bpf_map_lookup_elem(&lru_flows, &view.key);
    if (!flow) {
        bpf_map_update_elem(&lru_flows, &view.key, &fresh, BPF_NOEXIST);
        flow = bpf_map_lookup_elem(&lru_flows, &view.key);
    }
    if (flow)
        track(flow, &view, now);
    report(&view, now);
    return XDP_PASS;
}

#define LINE_WORDS 8

/// A slot of six lines, as ours.
struct lines {
    struct key key;
    __u64 padding[3];
    __u64 state[2][LINE_WORDS];   ///< of each direction
    __u64 stamps[2][LINE_WORDS];  ///< of each direction
    __u64 unused[LINE_WORDS];
};
_Static_assert(sizeof(struct lines) == 6 * LINE_WORDS * 8, "six lines");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct lines);
} lines SEC(".maps");

const volatile __u32 lines_count;  ///< slots of `lines`
__u64 other_edge;

SEC("xdp.frags")
int baseline_lines(struct xdp_md* ctx) {
    struct view view = {};
    struct lines* slot;
    __u64 hash, now;
    __u32 number, d;

    if (parse((void*)(long)ctx->data, (void*)(long)ctx->data_end, &view))
        return XDP_PASS;
    d = view.direction & 1;
    hash = ((__u64)view.key.low[3] << 32 | view.key.high[3]) * 0xff51afd7ed558ccdULL;
    hash = (hash ^ hash >> 32 ^ ((__u32)view.key.low_port << 16 | view.key.high_port)) *
           0xc4ceb9fe1a85ec53ULL;
    number = (hash >> 32) * lines_count >> 32;
    slot = bpf_map_lookup_elem(&lines, &number);
    if (!slot)
        return XDP_PASS;
    now = bpf_ktime_get_ns();
    if (__builtin_memcmp(&slot->key, &view.key, sizeof(view.key)))
        slot->key = view.key;
    slot->state[d][0] = now;
    slot->state[d][1] = (__u64)view.ack << 32 | (view.seq + view.payload);
    slot->state[d][2] = (__u64)view.ts_val << 32 | view.window;
    slot->state[d][3]++;
    slot->stamps[d][slot->state[d][3] & (LINE_WORDS - 1)] =
        now / 1000 << 32 | (__u32)view.ip_id << 16 | view.ttl << 8 | view.tcp_flags;
    if (!view.payload)  // what an ACK acknowledges is compared
        other_edge = slot->state[d ^ 1][1];
    return XDP_PASS;
}

SEC("xdp.frags")
int baseline_ring(struct xdp_md* ctx) {
    struct view view = {};

    if (!parse((void*)(long)ctx->data, (void*)(long)ctx->data_end, &view))
        report(&view, bpf_ktime_get_ns());
    return XDP_PASS;
}

SEC("xdp.frags")
int mutator(struct xdp_md* ctx) {
    if (!rewrite((void*)(long)ctx->data, (void*)(long)ctx->data_end, first_flow + next_flow()))
        bpf_tail_call(ctx, &next_program, 0);
    return XDP_ABORTED;
}

/// With live frames: transmits on the interface that it runs on.
SEC("xdp.frags")
int mutator_send(struct xdp_md* ctx) {
    rewrite((void*)(long)ctx->data, (void*)(long)ctx->data_end, first_flow + next_flow());
    return XDP_TX;
}

SEC("tcx/egress")
int mutator_tc(struct __sk_buff* ctx) {
    if (!rewrite((void*)(long)ctx->data, (void*)(long)ctx->data_end, first_flow + next_flow()))
        bpf_tail_call(ctx, &next_program_tc, 0);
    return TC_ACT_SHOT;
}

char LICENSE[] SEC("license") = "GPL";
