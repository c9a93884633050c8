// SPDX-License-Identifier: GPL-2.0-only
// The entries of XDP and tc, nothing more.
#include "bpf/pipeline.h"

SEC("xdp.frags")
int flowstamp_xdp_ingress(struct xdp_md* ctx) {
    return handle_packet(ctx, FS_HOOK_XDP) ? XDP_DROP : XDP_PASS;
}

// At tc, "pass" is NEXT, never OK, which would keep the packet from the user's own filters behind us.
SEC("tcx/ingress")
int flowstamp_tc_ingress(struct __sk_buff* ctx) {
    return handle_packet(ctx, FS_HOOK_TC_INGRESS) ? TCX_DROP : TCX_NEXT;
}

SEC("tcx/egress")
int flowstamp_tc_egress(struct __sk_buff* ctx) {
    handle_packet(ctx, FS_HOOK_TC_EGRESS);
    return TCX_NEXT;
}

char LICENSE[] SEC("license") = "GPL";
