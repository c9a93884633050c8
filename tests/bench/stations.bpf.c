// SPDX-License-Identifier: GPL-2.0-only
// Empty programs for `path`'s stations: the baseline that `path` is compared with.
#include "vmlinux/internal.h"
#include "vmlinux/kernel.h"

#include <bpf/bpf_helpers.h>

SEC("netfilter")
int stations_netfilter(struct bpf_nf_ctx* ctx) {
    (void)ctx;
    return NF_ACCEPT;
}

SEC("tc")
int stations_tc(struct __sk_buff* ctx) {
    (void)ctx;
    return TCX_NEXT;
}

SEC("xdp")
int stations_xdp(struct xdp_md* ctx) {
    (void)ctx;
    return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
