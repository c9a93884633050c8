// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Functions of bpf/ that no event and no slot shows, as C++ can call them.
#pragma once

#include "flowstamp/flow.h"

#ifdef __cplusplus
extern "C" {
#endif

/// The table's hash of a key under a seed. The key stands at a multiple of 8 bytes.
__u64 test_flow_hash(const struct fst_flow_key* key, const __u64 seed[2]);

/// Whether the table takes two keys for one flow's. Both stand at multiples of 8 bytes.
int test_key_equal(const struct fst_flow_key* a, const struct fst_flow_key* b);

/// As the data path writes and reads numbers of a packet.
__be16 test_htons(__u16 value);
__u16 test_ntohs(__be16 value);
__be32 test_htonl(__u32 value);
__u32 test_ntohl(__be32 value);

#ifdef __cplusplus
}
#endif
