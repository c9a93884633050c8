// SPDX-License-Identifier: GPL-2.0-only
// Whether a tuple matches the filter of user space.
#ifndef FLOWSTAMP_BPF_PATH_MATCH_H
#define FLOWSTAMP_BPF_PATH_MATCH_H

#include "bpf/path/packet.h"

static __always_inline int path_is_ipv6(const __be32* address) {
    return address[0] || address[1] || address[2] != PATH_MAPPED_PREFIX;
}

static __always_inline int path_address_fits(const __be32* address, const __be32* wanted,
                                             const __be32* mask) {
    UNROLL
    for (int i = 0; i < 4; i++) {
        if ((address[i] ^ wanted[i]) & mask[i])
            return 0;
    }
    return 1;
}

static __always_inline int path_port_within(__be16 port, const __u16* range) {
    const __u16 number = bpf_ntohs(port);

    return number >= range[0] && number <= range[1];
}

static __always_inline int path_matches_one(const struct fst_path_match* match,
                                            const struct fst_path_tuple* tuple) {
    const __u8 family = match->family, protocol = match->protocol;

    if ((family && (family == 6) != path_is_ipv6(tuple->source)) ||
        (protocol && protocol != tuple->protocol))
        return 0;
    if (path_port_within(tuple->source_port, match->source_port) &&
        path_port_within(tuple->destination_port, match->destination_port) &&
        path_address_fits(tuple->source, match->source, match->source_mask) &&
        path_address_fits(tuple->destination, match->destination, match->destination_mask))
        return 1;
    return match->both_directions &&
           path_port_within(tuple->destination_port, match->source_port) &&
           path_port_within(tuple->source_port, match->destination_port) &&
           path_address_fits(tuple->destination, match->source, match->source_mask) &&
           path_address_fits(tuple->source, match->destination, match->destination_mask);
}

/// A global function, so that the verifier checks its loop once per program.
noinline int path_matches_any(const struct fst_path_tuple* tuple) {
    const __u32 count = *(volatile __u32*)&matches.count;

    if (!tuple)
        return 0;
    for (__u32 i = 0; i < FST_PATH_MATCHES_MAX && i < count; i++) {
        if (path_matches_one(&matches.match[i], tuple))
            return 1;
    }
    return 0;
}

#endif
