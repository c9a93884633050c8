// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The data path of bpf/, compiled for the host: for captures, tests and fuzzing, without root.
// Plain C, so that it can include bpf/ and be called from C++.
#ifndef FLOWSTAMP_BPF_HOST_DATAPATH_H
#define FLOWSTAMP_BPF_HOST_DATAPATH_H

#include <stdbool.h>

#include "flowstamp/event.h"
#include "flowstamp/flow.h"
#include "flowstamp/policy.h"

#ifdef __cplusplus
extern "C" {
#endif

/// A data path with a flow table of its own. For one thread at a time.
struct fst_datapath;

/// The verdict on a packet.
enum fst_datapath_result {
    FST_DATAPATH_PASS = 0,
    FST_DATAPATH_DROP = 1,
};

/// Receives each event while fst_datapath_packet() runs. If fst_event_has_flow(), it is a struct
/// fst_flow_event. Valid only during the call.
typedef void (*fst_datapath_deliver)(void* context, const struct fst_event* event);

struct fst_datapath_config {
    __u32 max_flows;               ///< that the table is made for: fst_flow_slots()
    __u32 may_act;                 ///< 0: observe only
    __u32 reports_repeated;        ///< FST_EVENT_DATA_REPEATED for every hop count
    __u32 verifies;                ///< 0: a capture, whose damaged segments are known otherwise
    __u64 seed[2];                 ///< of the flow hash
    fst_datapath_deliver deliver;  ///< never null
    void* context;
};

/// A frame as a hook would see it.
struct fst_datapath_frame {
    __u8* data;   ///< rewritten in place by a challenge
    __u32 bytes;  ///< captured; one more afterwards if a challenge took a byte of room
    __u32 room;   ///< bytes of data[] after them that a challenge may take
    __u32 ifindex;
    __u32 came_in_by;    ///< of what leaves: the interface by which it came in; 0: none
    __u64 time_ns;       ///< of any clock that does not go back by much
    __u8 hook;           ///< enum fst_hook
    __u8 has_mac;        ///< 0: the frame begins with its IP header
    __u8 has_no_socket;  ///< of what leaves: no socket of this host owns it
};

/// Null if out of memory.
struct fst_datapath* fst_datapath_new(const struct fst_datapath_config* config);
void fst_datapath_free(struct fst_datapath* path);

enum fst_datapath_result fst_datapath_packet(struct fst_datapath* path,
                                             struct fst_datapath_frame* frame);

/// Only parses the frame, with no flow table. False if it is not a TCP segment.
bool fst_datapath_parse(const struct fst_datapath_frame* frame, struct fst_packet* packet);

void fst_datapath_set_policy(struct fst_datapath* path, const struct fst_policy* policy);

/// The slot of the flow that began with the latest packet; UINT32_MAX if none did.
__u32 fst_datapath_begun(const struct fst_datapath* path);

/// The flow in a slot; null past the last one. A free slot has tag 0.
const struct fst_flow* fst_datapath_flow(const struct fst_datapath* path, __u32 slot);

/// A counter of enum fst_counter.
__u64 fst_datapath_counter(const struct fst_datapath* path, __u32 counter);

#ifdef __cplusplus
}
#endif

#endif
