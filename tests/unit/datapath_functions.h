// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Functions of bpf/ whose results no event or slot contains, callable from C++.
#pragma once

#include "flowstamp/flow.h"
#include "flowstamp/packet.h"

#ifdef __cplusplus
extern "C" {
#endif

/// The table's hash of a key under a seed. The key is aligned to 8 bytes.
__u64 test_flow_hash(const struct fst_flow_key* key, const __u64 seed[2]);

/// Whether the table treats two keys as equal. Both are aligned to 8 bytes.
int test_key_equal(const struct fst_flow_key* a, const struct fst_flow_key* b);

/// The data path's conversions between host and network byte order.
__be16 test_htons(__u16 value);
__u16 test_ntohs(__be16 value);
__be32 test_htonl(__u32 value);
__u32 test_ntohl(__be32 value);

/// The data path's divisions of nanoseconds: low 32 bits of microseconds and milliseconds.
__u32 test_time_us(__u64 time_ns);
__u32 test_time_ms(__u64 time_ns);

/// Whether the packet of side packet->direction takes the short way, and what each way learns.
int test_is_ordinary(const struct fst_flow* flow, const struct fst_packet* packet);
int test_learn(struct fst_flow* flow, struct fst_packet* packet);
void test_learn_ordinary(struct fst_flow* flow, const struct fst_packet* packet);

#ifdef __cplusplus
}
#endif
