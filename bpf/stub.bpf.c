// SPDX-License-Identifier: GPL-2.0-only
// For kernels before 6.6, which have no tcx: a filter on a clsact qdisc is not a BPF link, and
// outlives the process that attached it. So only this stub is attached. It tail-calls the real
// program through a program array, which the kernel empties when the owning process ends, even by a
// crash. The stub then passes every packet on, until the next start removes it.
#include "vmlinux/kernel.h"

#include <bpf/bpf_helpers.h>

/// Indices in `stub_targets`.
enum stub_target {
    STUB_INGRESS = 0,
    STUB_EGRESS = 1,
    STUB_TARGETS = 2,
};

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, STUB_TARGETS);
    __type(key, __u32);
    __type(value, __u32);
} stub_targets SEC(".maps");

// TC_ACT_UNSPEC continues with the next filter. TC_ACT_OK would end the chain.

SEC("tc")
int flowstamp_tc_stub_ingress(struct __sk_buff* skb) {
    bpf_tail_call(skb, &stub_targets, STUB_INGRESS);
    return TC_ACT_UNSPEC;
}

SEC("tc")
int flowstamp_tc_stub_egress(struct __sk_buff* skb) {
    bpf_tail_call(skb, &stub_targets, STUB_EGRESS);
    return TC_ACT_UNSPEC;
}

char LICENSE[] SEC("license") = "GPL";
