// SPDX-License-Identifier: GPL-2.0-only
#include "bpf/host/datapath.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "bpf/pipeline.h"

__thread struct host_path* host;

struct fst_datapath {
    struct host_path path;
};

/// Zeroed. Packets access it at random; huge pages, where available, avoid TLB misses.
static struct fst_flow* new_table(size_t slots) {
    const size_t large_page = 2U << 20;
    const size_t bytes = slots * sizeof(struct fst_flow);
    const size_t rounded = (bytes + large_page - 1) / large_page * large_page;
    struct fst_flow* table = aligned_alloc(large_page, rounded);

    if (!table)
        return NULL;
    madvise(table, rounded, MADV_HUGEPAGE);
    memset(table, 0, bytes);
    return table;
}

struct fst_datapath* fst_datapath_new(const struct fst_datapath_config* config) {
    struct fst_datapath* path = calloc(1, sizeof(*path));
    const __u32 slots = fst_flow_slots(config->max_flows);

    if (!path)
        return NULL;
    path->path.flows = new_table(slots);
    path->path.candidates = calloc(slots, sizeof(*path->path.candidates));
    if (!path->path.flows || !path->path.candidates) {
        fst_datapath_free(path);
        return NULL;
    }
    path->path.deliver = config->deliver;
    path->path.context = config->context;
    host = &path->path;
    hash_seed[0] = config->seed[0] | 1;
    hash_seed[1] = config->seed[1] | 1;
    flow_slots = slots;
    acting = config->may_act;
    reports_every_repeat = config->reports_repeated;
    path->path.verifies = config->verifies;
    return path;
}

void fst_datapath_free(struct fst_datapath* path) {
    if (!path)
        return;
    free(path->path.flows);
    free(path->path.candidates);
    free(path);
}

enum fst_datapath_result fst_datapath_packet(struct fst_datapath* path,
                                             struct fst_datapath_frame* frame) {
    struct host_frame view = {
        .data = frame->data,
        .bytes = frame->bytes,
        .room = frame->room,
        .ifindex = frame->ifindex,
        .came_in_by = frame->came_in_by,
        .has_no_socket = frame->has_no_socket,
        .has_mac = frame->has_mac,
    };
    int drop;

    host = &path->path;
    host->time_ns = frame->time_ns;
    drop = handle_packet(&view, (enum fst_hook)frame->hook);
    frame->bytes = view.bytes;
    frame->room = view.room;
    return drop ? FST_DATAPATH_DROP : FST_DATAPATH_PASS;
}

bool fst_datapath_parse(const struct fst_datapath_frame* frame, struct fst_packet* packet) {
    static __thread struct host_path parser;
    struct host_frame view = {
        .data = frame->data,
        .bytes = frame->bytes,
        .ifindex = frame->ifindex,
        .has_mac = frame->has_mac,
    };

    host = &parser;
    host->time_ns = frame->time_ns;
    if (parse(&view, (enum fst_hook)frame->hook, &parser.scratch) != FST_PARSE_TCP)
        return false;
    *packet = parser.scratch.packet;
    return true;
}

void fst_datapath_set_policy(struct fst_datapath* path, const struct fst_policy* policy) {
    path->path.policy = *policy;
}

__u32 fst_datapath_begun(const struct fst_datapath* path) {
    const struct fst_packet* packet = &path->path.scratch.packet;
    __u32 slot = SLOT_NONE;

    host = (struct host_path*)&path->path;
    if (packet->flags & FST_PACKET_NEW_FLOW)
        flow_find(&path->path.scratch, &slot);
    return slot;
}

const struct fst_flow* fst_datapath_flow(const struct fst_datapath* path, __u32 slot) {
    host = (struct host_path*)&path->path;
    return slot < flow_slots ? flow_get(slot) : NULL;
}

__u64 fst_datapath_counter(const struct fst_datapath* path, __u32 counter) {
    return counter < FST_COUNT_MAX ? path->path.counters[counter] : 0;
}
