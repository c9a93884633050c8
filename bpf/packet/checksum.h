// SPDX-License-Identifier: GPL-2.0-only
// The TCP checksum of the packet in hand, summed up from its bytes.
#ifndef FLOWSTAMP_BPF_PACKET_CHECKSUM_H
#define FLOWSTAMP_BPF_PACKET_CHECKSUM_H

#include "bpf/packet/context.h"

/// Whole chunks of a segment at the most: more than a jumbo frame has.
#define CHUNKS_MAX 40

#define TCP_CHECK_OFFSET 16

enum checksum_state {
    CHECKSUM_WHOLE = 0,  ///< valid, or too long to know
    CHECKSUM_PARTIAL =
        1,  ///< holds the pseudo-header's sum: the device or the peer's stack completes it
    CHECKSUM_OTHER = 2,  ///< neither: no stack accepts the segment
};

static __always_inline __u16 fold(__u32 sum) {
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (__u16)sum;
}

static __always_inline __u32 segment_bytes(const struct scratch* scratch) {
    return scratch->packet.tcp_header + scratch->packet.payload;
}

/// The sum over the pseudo-header (RFC 9293, section 3.1), in the packet's byte order. The prefix
/// of a mapped address is 0xffff, which adds nothing to a one's complement sum.
static __always_inline __u32 pseudo_header_sum(const struct fst_packet* packet, __u32 bytes) {
    const __u32 sum = bytes_sum(packet->key.address, sizeof(packet->key.address), 0);

    return (__u32)fold(sum) + fold(bpf_htonl(IPPROTO_TCP + bytes));
}

/// XDP sees only bytes, not the checksum state that the driver or veth keeps, so compute it. The
/// chunk at the segment's end is summed up first, as only its length varies: (n & 255) + 1 is a
/// bound that Linux 6.1's verifier follows.
static __always_inline enum checksum_state checksum_state(void* ctx, enum fst_hook hook,
                                                          struct scratch* scratch) {
    const __u32 bytes = segment_bytes(scratch), begin = scratch->packet.l4_offset;
    const __u32 pseudo = pseudo_header_sum(&scratch->packet, bytes);
    const __u32 rest = ((bytes - 1) & (CHUNK_BYTES - 1)) + 1, chunks = (bytes - 1) / CHUNK_BYTES;
    __u32 sum;
    __be16 check;

    if (chunks > CHUNKS_MAX)
        return CHECKSUM_WHOLE;
    __builtin_memset(scratch->chunk, 0, CHUNK_BYTES);
    if (ctx_load_at(ctx, hook, begin + chunks * CHUNK_BYTES, scratch->chunk, rest))
        return CHECKSUM_OTHER;  // shorter than its IP header says
    sum = bytes_sum(scratch->chunk, CHUNK_BYTES, pseudo);
    for (__u32 i = 0; i < CHUNKS_MAX && i < chunks; i++) {
        if (ctx_load_at(ctx, hook, begin + i * CHUNK_BYTES, scratch->chunk, CHUNK_BYTES))
            return CHECKSUM_OTHER;
        sum = bytes_sum(scratch->chunk, CHUNK_BYTES, sum);
    }
    if (fold(sum) == 0xffff)
        return CHECKSUM_WHOLE;
    if (ctx_load_at(ctx, hook, begin + TCP_CHECK_OFFSET, &check, sizeof(check)))
        return CHECKSUM_OTHER;
    return check == fold(pseudo) ? CHECKSUM_PARTIAL : CHECKSUM_OTHER;
}

/// Whether no stack accepts the segment, as its checksum is wrong. What leaves here was made or
/// forwarded here; segments that were merged were summed up for that; of a fragment the rest is
/// missing.
static __always_inline int is_damaged(void* ctx, enum fst_hook hook, struct scratch* scratch) {
    const struct fst_packet* packet = &scratch->packet;

    return verifies_checksums && hook != FST_HOOK_TC_EGRESS && packet->segments <= 1 &&
           !(packet->flags & FST_PACKET_FIRST_FRAGMENT) &&
           checksum_state(ctx, hook, scratch) == CHECKSUM_OTHER;
}

#endif
