// SPDX-License-Identifier: GPL-2.0-only
// The TCP checksum of the packet in hand, summed up from its bytes.
#ifndef FLOWSTAMP_BPF_PACKET_CHECKSUM_H
#define FLOWSTAMP_BPF_PACKET_CHECKSUM_H

#include "bpf/packet/context.h"

/// Whole chunks of a segment at the most: an IP packet has no more. What is longer was merged (GRO, BIG TCP).
#define CHUNKS_MAX 256

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

/// Whether there are more bytes than are summed up: a checksum over them is not known.
static __always_inline int is_too_long(__u32 bytes) {
    return (bytes - 1) / CHUNK_BYTES > CHUNKS_MAX;
}

/// The whole chunks of a segment, as they are summed up.
struct chunks {
    void* ctx;
    __u32 begin;
    __u32 sum;
    __u32 are_missing;
};

static __always_inline long chunk_step(__u32 index, struct chunks* chunks, enum fst_hook hook) {
    struct scratch* scratch = scratch_get();

    if (!scratch || ctx_load_at(chunks->ctx, hook, chunks->begin + index * CHUNK_BYTES,
                                scratch->chunk, CHUNK_BYTES)) {
        chunks->are_missing = 1;
        return 1;
    }
    chunks->sum = bytes_sum(scratch->chunk, CHUNK_BYTES, chunks->sum);
    return 0;
}

static long chunk_step_xdp(__u32 index, void* chunks) {
    return chunk_step(index, chunks, FST_HOOK_XDP);
}

static long chunk_step_tc(__u32 index, void* chunks) {
    return chunk_step(index, chunks, FST_HOOK_TC_INGRESS);
}

/// Adds the packet's bytes from `begin` on to a sum; -1: there are fewer. They are not too long. The
/// chunk at the end is summed up first, as only its length varies: (n & 255) + 1 is a bound that
/// Linux 6.1's verifier follows.
static __always_inline __s64 packet_sum(void* ctx, enum fst_hook hook, struct scratch* scratch,
                                        __u32 begin, __u32 bytes, __u32 sum) {
    const __u32 rest = ((bytes - 1) & (CHUNK_BYTES - 1)) + 1, chunks = (bytes - 1) / CHUNK_BYTES;
    struct chunks whole = {.ctx = ctx, .begin = begin};

    __builtin_memset(scratch->chunk, 0, CHUNK_BYTES);
    if (ctx_load_at(ctx, hook, begin + chunks * CHUNK_BYTES, scratch->chunk, rest))
        return -1;
    whole.sum = bytes_sum(scratch->chunk, CHUNK_BYTES, sum);
    if (hook == FST_HOOK_XDP)
        repeat(chunks, chunk_step_xdp, &whole);
    else
        repeat(chunks, chunk_step_tc, &whole);
    return whole.are_missing ? -1 : (__s64)fold(whole.sum);
}

/// XDP sees only bytes, not the checksum state that the driver or veth keeps, so compute it.
static __always_inline enum checksum_state checksum_state(void* ctx, enum fst_hook hook,
                                                          struct scratch* scratch) {
    const __u32 bytes = segment_bytes(scratch), begin = scratch->packet.l4_offset;
    const __u32 pseudo = pseudo_header_sum(&scratch->packet, bytes);
    __s64 sum;
    __be16 check;

    if (is_too_long(bytes))
        return CHECKSUM_WHOLE;
    sum = packet_sum(ctx, hook, scratch, begin, bytes, pseudo);
    if (sum < 0)
        return CHECKSUM_OTHER;  // shorter than its IP header says
    if (sum == 0xffff)
        return CHECKSUM_WHOLE;
    if (ctx_load_at(ctx, hook, begin + TCP_CHECK_OFFSET, &check, sizeof(check)))
        return CHECKSUM_OTHER;
    return check == fold(pseudo) ? CHECKSUM_PARTIAL : CHECKSUM_OTHER;
}

/// Whether the checksum of the IPv4 header before the segment is wrong. IPv6 has none.
static __always_inline int is_header_damaged(void* ctx, enum fst_hook hook,
                                             struct scratch* scratch) {
    const struct fst_packet* packet = &scratch->packet;
    const __u32 bytes = (packet->l4_offset - packet->l3_offset) & 63;

    return !(packet->flags & FST_PACKET_IPV6) && bytes >= sizeof(struct iphdr) &&
           packet_sum(ctx, hook, scratch, packet->l3_offset, bytes, 0) != 0xffff;
}

/// Whether no stack accepts the segment, as a checksum is wrong. What leaves here was made or
/// forwarded here; segments that were merged were summed up for that; of a fragment the rest is
/// missing.
static __always_inline int is_damaged(void* ctx, enum fst_hook hook, struct scratch* scratch) {
    const struct fst_packet* packet = &scratch->packet;

    return verifies_checksums && hook != FST_HOOK_TC_EGRESS && packet->segments <= 1 &&
           (is_header_damaged(ctx, hook, scratch) ||
            (!(packet->flags & FST_PACKET_FIRST_FRAGMENT) &&
             checksum_state(ctx, hook, scratch) == CHECKSUM_OTHER));
}

/// The same of an ICMP error: its payload is all of the message (parse_frame.h).
static __always_inline int is_damaged_icmp(void* ctx, enum fst_hook hook, struct scratch* scratch) {
    const struct fst_packet* packet = &scratch->packet;
    const __u32 bytes = packet->payload;
    __u32 pseudo = 0;

    if (!verifies_checksums || hook == FST_HOOK_TC_EGRESS || !bytes || is_too_long(bytes))
        return 0;
    if (packet->flags & FST_PACKET_IPV6) {  // to the host whose segment it quotes (RFC 4443, 2.3)
        pseudo = bytes_sum(packet->icmp_source, sizeof(packet->icmp_source), 0);
        pseudo = bytes_sum(packet->key.address[packet->direction & 1],
                           sizeof(packet->key.address[0]), pseudo);
        pseudo = (__u32)fold(pseudo) + fold(bpf_htonl(IPPROTO_ICMPV6 + bytes));
    }
    return packet_sum(ctx, hook, scratch, packet->l4_offset, bytes, pseudo) != 0xffff;
}

#endif
