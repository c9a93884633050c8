// SPDX-License-Identifier: Apache-2.0
// The data path of bpf/, compiled for the host: for captures, tests and fuzzing, without root. One
// source of truth, two homes. Plain C, so that it can include bpf/ and be called from C++.
#ifndef FLOWSTAMP_USER_REPLAY_DATAPATH_H
#define FLOWSTAMP_USER_REPLAY_DATAPATH_H

#include <stdbool.h>

#include "flowstamp/event.h"
#include "flowstamp/flow.h"
#include "flowstamp/policy.h"

#ifdef __cplusplus
extern "C" {
#endif

/// One data path with a flow table of its own. Not for two threads at a time.
struct fs_datapath;

/// What becomes of a packet.
enum fs_datapath_result {
    FS_DATAPATH_PASS = 0,
    FS_DATAPATH_DROP = 1,
};

/// Receives each event while fs_datapath_packet() runs. Events of kind RST, EVICTED and ENDED are
/// struct fs_flow_event. They do not outlive the call.
typedef void (*fs_datapath_deliver)(void* context, const struct fs_event* event);

struct fs_datapath_config {
    __u32 max_flows;              ///< slots; rounded up to a power of two of buckets
    __u32 may_act;                ///< 0: observe only
    __u32 tells_repeated;         ///< FS_EVENT_REPEATED of whatever distance
    __u64 seed[2];                ///< of the flow hash
    fs_datapath_deliver deliver;  ///< never null
    void* context;
};

/// A frame as a hook would see it.
struct fs_datapath_frame {
    __u8* data;   ///< rewritten in place by a challenge
    __u32 bytes;  ///< captured; one more afterwards if a challenge took a byte of room
    __u32 room;   ///< bytes of data[] behind them that a challenge may take
    __u32 ifindex;
    __u64 time_ns;  ///< any clock that does not run backwards by much
    __u8 hook;      ///< enum fs_hook
    __u8 has_mac;   ///< 0: the frame begins with its IP header
};

/// Null if memory is short.
struct fs_datapath* fs_datapath_new(const struct fs_datapath_config* config);
void fs_datapath_free(struct fs_datapath* path);

enum fs_datapath_result fs_datapath_packet(struct fs_datapath* path,
                                           struct fs_datapath_frame* frame);

/// Only parses the frame, with no flow table. False if it is no TCP segment.
bool fs_datapath_parse(const struct fs_datapath_frame* frame, struct fs_packet* packet);

void fs_datapath_set_policy(struct fs_datapath* path, const struct fs_policy* policy);

/// The flow in a slot; null past the last one. A free slot has tag 0.
const struct fs_flow* fs_datapath_flow(const struct fs_datapath* path, __u32 slot);

/// A counter of enum fs_counter.
__u64 fs_datapath_counter(const struct fs_datapath* path, __u32 counter);

#ifdef __cplusplus
}
#endif

#endif
