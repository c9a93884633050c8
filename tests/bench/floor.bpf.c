// SPDX-License-Identifier: GPL-2.0-only
// What the data path is measured against: a program that does nothing, and one that reads the clock.
#include "vmlinux/kernel.h"

#include <bpf/bpf_helpers.h>

__u64 read_ns;

SEC("xdp.frags")
int floor_empty(struct xdp_md* ctx) {
    (void)ctx;
    return XDP_PASS;
}

SEC("xdp.frags")
int floor_clock(struct xdp_md* ctx) {
    (void)ctx;
    read_ns = bpf_ktime_get_ns();
    return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
