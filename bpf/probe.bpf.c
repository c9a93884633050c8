// SPDX-License-Identifier: GPL-2.0-only
// Entry points: XDP, tc, and the collector of their stamps.
#include "bpf/pipeline.h"

SEC("xdp.frags")
int flowstamp_xdp_ingress(struct xdp_md* ctx) {
    return handle_packet(ctx, FST_HOOK_XDP) ? XDP_DROP : XDP_PASS;
}

// TCX_NEXT, not TCX_PASS, which would end the chain before the user's own programs.
SEC("tcx/ingress")
int flowstamp_tc_ingress(struct __sk_buff* ctx) {
    return handle_packet(ctx, FST_HOOK_TC_INGRESS) ? TCX_DROP : TCX_NEXT;
}

SEC("tcx/egress")
int flowstamp_tc_egress(struct __sk_buff* ctx) {
    handle_packet(ctx, FST_HOOK_TC_EGRESS);
    return TCX_NEXT;
}

/// Not attached: user space runs it on a CPU of its choice (BPF_PROG_TEST_RUN).
SEC("raw_tp")
int flowstamp_collect_stamps(void* ctx) {
    (void)ctx;
    return collect_stamps();
}

char LICENSE[] SEC("license") = "GPL";
