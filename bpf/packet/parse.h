// SPDX-License-Identifier: GPL-2.0-only
// Packet -> struct fst_packet, of any layout: from a copy of its first bytes.
#ifndef FLOWSTAMP_BPF_PACKET_PARSE_H
#define FLOWSTAMP_BPF_PACKET_PARSE_H

#include "bpf/packet/context.h"
#include "bpf/packet/parse_frame.h"

/// Parses the packet into scratch.packet.
static __always_inline enum fst_parse_result parse(void* ctx, enum fst_hook hook,
                                                   struct scratch* scratch) {
    struct fst_packet* packet = &scratch->packet;
    __u32 bytes;

    packet->key.ifindex = ctx_ifindex(ctx, hook);
    packet->hook = hook;
    packet->segments = ctx_segments(ctx, hook);
    packet->time_ns = now_ns();
    scratch->is_gso = ctx_is_gso(ctx, hook);
    bytes = ctx_bytes(ctx, hook);
    scratch->frame_bytes = bytes < FST_SNAP_BYTES ? bytes : FST_SNAP_BYTES;
    if (bytes < FST_SNAP_BYTES) {
        // The helper needs a length other than 0; Linux 6.1's verifier derives no bound from `!=
        // 0`, but does from `<`. No frame with a link header is shorter.
        if (bytes < sizeof(struct ethhdr) || ctx_load(ctx, hook, scratch->frame, bytes))
            return FST_PARSE_CUT;
    } else if (ctx_load(ctx, hook, scratch->frame, FST_SNAP_BYTES)) {
        return FST_PARSE_CUT;
    }
    return (enum fst_parse_result)parse_frame(bytes, (__u32)ctx_has_mac(ctx, hook, scratch->frame));
}

#endif
