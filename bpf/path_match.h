// SPDX-License-Identifier: GPL-2.0-only
// Whether a tuple is one that user space asked for.
#ifndef FLOWSTAMP_BPF_PATH_MATCH_H
#define FLOWSTAMP_BPF_PATH_MATCH_H

#include "bpf/path_packet.h"

static __always_inline int path_is_ipv6(const struct fs_path_tuple* tuple) {
    return tuple->source[0] || tuple->source[1] || tuple->source[2] != PATH_MAPPED_PREFIX;
}

/// 0: within the mask's bits the addresses are the same.
static __always_inline __u32 path_address_differs(const __be32* address, const __be32* wanted,
                                                  const __be32* mask) {
    return ((address[0] ^ wanted[0]) & mask[0]) | ((address[1] ^ wanted[1]) & mask[1]) |
           ((address[2] ^ wanted[2]) & mask[2]) | ((address[3] ^ wanted[3]) & mask[3]);
}

static __always_inline int path_port_within(__be16 port, const __u16* range) {
    const __u16 number = bpf_ntohs(port);

    return number >= range[0] && number <= range[1];
}

static __always_inline int path_matches_one(const struct fs_path_match* match,
                                            const struct fs_path_tuple* tuple, int v6) {
    if ((match->family && (match->family == 6) != v6) ||
        (match->protocol && match->protocol != tuple->protocol))
        return 0;
    if (path_port_within(tuple->source_port, match->source_port) &&
        path_port_within(tuple->destination_port, match->destination_port) &&
        !path_address_differs(tuple->source, match->source, match->source_mask) &&
        !path_address_differs(tuple->destination, match->destination, match->destination_mask))
        return 1;
    return match->both_directions &&
           path_port_within(tuple->destination_port, match->source_port) &&
           path_port_within(tuple->source_port, match->destination_port) &&
           !path_address_differs(tuple->destination, match->source, match->source_mask) &&
           !path_address_differs(tuple->source, match->destination, match->destination_mask);
}

/// A global function: the verifier looks at its loop once for a program.
noinline int path_matches_any(const struct fs_path_tuple* tuple) {
    const __u32 zero = 0;
    const struct fs_path_matches* matches = bpf_map_lookup_elem(&path_matches, &zero);
    __u32 count;
    int v6;

    if (!tuple || !matches)
        return 0;
    count = matches->count;
    if (!count)
        return 1;
    v6 = path_is_ipv6(tuple);
    for (__u32 i = 0; i < FS_PATH_MATCHES_MAX && i < count; i++) {
        if (path_matches_one(&matches->match[i], tuple, v6))
            return 1;
    }
    return 0;
}

#endif
