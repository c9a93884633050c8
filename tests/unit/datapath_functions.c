// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/unit/datapath_functions.h"

#include "bpf/maps.h"

// The data path's own library holds these functions under their names.
#undef noinline
#define noinline static __attribute__((noinline, unused))
#include "bpf/flow/key.h"
#include "bpf/flow/observe.h"

__u64 test_flow_hash(const struct fst_flow_key* key, const __u64 seed[2]) {
    static __thread struct host_path path;
    struct host_path* const before = host;
    __u64 hash;

    path.seed[0] = seed[0];
    path.seed[1] = seed[1];
    host = &path;
    hash = flow_hash(key);
    host = before;
    return hash;
}

int test_key_equal(const struct fst_flow_key* a, const struct fst_flow_key* b) {
    return key_equal(a, b);
}

__be16 test_htons(__u16 value) {
    return bpf_htons(value);
}

__u16 test_ntohs(__be16 value) {
    return bpf_ntohs(value);
}

__be32 test_htonl(__u32 value) {
    return bpf_htonl(value);
}

__u32 test_ntohl(__be32 value) {
    return bpf_ntohl(value);
}

__u32 test_time_us(__u64 time_ns) {
    return time_us(time_ns);
}

__u32 test_time_ms(__u64 time_ns) {
    return time_ms(time_ns);
}

int test_is_ordinary(const struct fst_flow* flow, const struct fst_packet* packet) {
    return is_ordinary(flow, segment_in_memory(packet));
}

int test_learn(struct fst_flow* flow, struct fst_packet* packet) {
    return learn(flow, packet, packet->direction);
}

void test_learn_ordinary(struct fst_flow* flow, const struct fst_packet* packet) {
    learn_ordinary(flow, segment_in_memory(packet), time_us(packet->time_ns));
}
