// SPDX-License-Identifier: GPL-2.0-only
// Entry points of the path programs. They only observe: a netfilter program always accepts, one at
// tc always passes on to the next.
#include "bpf/path/observe.h"
#include "bpf/path/stations.h"

static __always_inline struct path_position path_here(
    const volatile struct fst_path_station* station) {
    const struct path_position at = {.station = station->index,
                                     .place = station->place,
                                     .priority = station->priority,
                                     .netns = watched_netns};

    return at;
}

// Two functions per kind of station: the prefilter, and the rest for the few packets that pass it.
// Separate, because the second one's frame takes most of the stack.

static noinline int path_netfilter_station(struct bpf_nf_ctx* ctx, __u32 family, __u32 number) {
    const struct path_source source = {
        .caller = PATH_CALLER_NETFILTER, .ctx = ctx, .skb = ctx->skb};
    const struct nf_hook_state* state = path_untrusted_state(ctx->state);
    struct path_position at =
        path_here(family == 6 ? &ipv6_stations[number] : &ipv4_stations[number]);

    if (state->in)
        at.ifindex_in = state->in->ifindex;
    if (state->out)
        at.ifindex_out = state->out->ifindex;
    if (at.place == FST_PLACE_POSTROUTING)
        path_read_peer(state->out, &at.peer);
    path_at_station(&source, &at);
    return 0;
}

static __always_inline void path_netfilter(struct bpf_nf_ctx* ctx, __u32 family, __u32 number) {
    if (path_may_matter(ctx->skb, family, PATH_HEADER_ROUTED))
        path_netfilter_station(ctx, family, number);
}

/// Since 6.2; tcx is newer.
extern void* bpf_cast_to_kern_ctx(void* ctx) __ksym __weak;

static noinline int path_tc_station(struct __sk_buff* ctx, __u32 number) {
    struct sk_buff* skb = bpf_cast_to_kern_ctx(ctx);
    const struct path_source source = {.caller = PATH_CALLER_TC, .ctx = ctx, .skb = skb};
    struct path_position at = path_here(&tc_stations[number]);

    at.ifindex_in = skb->skb_iif;
    if (at.place == FST_PLACE_TC_EGRESS) {
        at.ifindex_out = path_ifindex(skb);
        path_read_peer(path_untrusted_skb(skb)->dev, &at.peer);
    }
    path_at_station(&source, &at);
    return 0;
}

static __always_inline void path_tc(struct __sk_buff* ctx, __u32 number) {
    if (bpf_ksym_exists(bpf_cast_to_kern_ctx) &&
        path_any_may_matter(bpf_cast_to_kern_ctx(ctx), PATH_HEADER_NETWORK))
        path_tc_station(ctx, number);
}

#define IPV4_STATION(number)                              \
    SEC("netfilter")                                      \
    int flowstamp_ipv4_##number(struct bpf_nf_ctx* ctx) { \
        path_netfilter(ctx, 4, number);                   \
        return NF_ACCEPT;                                 \
    }

#define IPV6_STATION(number)                              \
    SEC("netfilter")                                      \
    int flowstamp_ipv6_##number(struct bpf_nf_ctx* ctx) { \
        path_netfilter(ctx, 6, number);                   \
        return NF_ACCEPT;                                 \
    }

#define TC_STATION(number)                             \
    SEC("tc")                                          \
    int flowstamp_tc_##number(struct __sk_buff* ctx) { \
        path_tc(ctx, number);                          \
        return TCX_NEXT;                               \
    }

FOR_64(IPV4_STATION)
FOR_64(IPV6_STATION)
FOR_32(TC_STATION)

/// Arguments: buffer, caller, and since 5.17 the reason. Later arguments differ between kernels.
SEC("tp_btf/kfree_skb")
int flowstamp_path_dropped(__u64* ctx) {
    struct path_report report = {
        .kind = FST_PATH_DROPPED, .location = ctx[1], .drop_reason = (__u32)ctx[2]};
    struct sk_buff* skb = (struct sk_buff*)ctx[0];

    path_at_end(skb, path_netns(skb), &report, 1);
    return 0;
}

SEC("tp_btf/consume_skb")
int flowstamp_path_consumed(__u64* ctx) {
    struct path_report report = {.kind = FST_PATH_CONSUMED};
    struct sk_buff* skb = (struct sk_buff*)ctx[0];

    if (packet_path_may_be_open(skb))
        path_at_end(skb, path_netns(skb), &report, 0);
    return 0;
}

/// Arguments: socket, buffer (its interface has been cleared).
SEC("tp_btf/tcp_probe")
int flowstamp_path_socket(__u64* ctx) {
    struct path_report report = {.kind = FST_PATH_SOCKET};
    const struct sock* socket = (const struct sock*)ctx[0];
    struct sk_buff* skb = (struct sk_buff*)ctx[1];

    if (packet_path_may_be_open(skb))
        path_at_end(skb, path_socket_netns(socket), &report, 0);
    return 0;
}

/// The number of the station at that side of an interface; FST_PATH_TC_MAX: there is none. A global
/// function, so that the verifier checks its loop once.
noinline int path_tc_number(__u32 ifindex, __u32 place) {
    for (__u32 i = 0; i < FST_PATH_TC_MAX; i++) {
        if (tc_interfaces[i] == ifindex && tc_stations[i].place == place)
            return i;
    }
    return FST_PATH_TC_MAX;
}

/// Replaces tc if its hooks accept no program that can read a buffer (before 6.6): the tracepoints
/// just before ingress and just after egress.
static __always_inline void path_beside_tc(struct sk_buff* skb, __u32 place,
                                           enum path_header header) {
    const struct path_source source = {
        .caller = PATH_CALLER_TRACEPOINT, .skb = skb, .at_data = header == PATH_HEADER_AT_DATA};
    const __u32 ifindex = path_ifindex(skb);
    struct path_position at = {.place = place, .netns = watched_netns};
    __u32 number;

    if (!ifindex || path_netns(skb) != watched_netns || !path_any_may_matter(skb, header))
        return;
    number = path_tc_number(ifindex, place);
    if (number >= FST_PATH_TC_MAX)
        return;
    at.station = tc_stations[number].index;
    at.ifindex_in = place == FST_PLACE_TC_INGRESS ? ifindex : skb->skb_iif;
    if (place == FST_PLACE_TC_EGRESS) {
        at.ifindex_out = ifindex;
        path_read_peer(path_untrusted_skb(skb)->dev, &at.peer);
    }
    path_at_station(&source, &at);
}

SEC("tp_btf/netif_receive_skb")
int flowstamp_path_received(__u64* ctx) {
    path_beside_tc((struct sk_buff*)ctx[0], FST_PLACE_TC_INGRESS, PATH_HEADER_AT_DATA);
    return 0;
}

SEC("tp_btf/net_dev_queue")
int flowstamp_path_queued(__u64* ctx) {
    path_beside_tc((struct sk_buff*)ctx[0], FST_PLACE_TC_EGRESS, PATH_HEADER_NETWORK);
    return 0;
}

char LICENSE[] SEC("license") = "GPL";
