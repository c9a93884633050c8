// SPDX-License-Identifier: GPL-2.0-only
#include "user/replay/datapath.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "bpf/pipeline.h"

__thread struct host_path* host;

struct fs_datapath {
    struct host_path path;
};

/// Zeroed. A packet touches four lines of it anywhere: in large pages they are found at once, where the
/// system has some to give.
static struct fs_bucket* new_table(size_t buckets) {
    const size_t large_page = 2U << 20;
    const size_t bytes = buckets * sizeof(struct fs_bucket);
    const size_t rounded = (bytes + large_page - 1) / large_page * large_page;
    struct fs_bucket* table = aligned_alloc(large_page, rounded);

    if (!table)
        return NULL;
    madvise(table, rounded, MADV_HUGEPAGE);
    memset(table, 0, bytes);
    return table;
}

struct fs_datapath* fs_datapath_new(const struct fs_datapath_config* config) {
    struct fs_datapath* path = calloc(1, sizeof(*path));
    size_t buckets = 1;

    if (!path)
        return NULL;
    while (buckets * FS_BUCKET_WAYS < config->max_flows)
        buckets *= 2;
    path->path.buckets = new_table(buckets);
    if (!path->path.buckets) {
        free(path);
        return NULL;
    }
    path->path.deliver = config->deliver;
    path->path.context = config->context;
    host = &path->path;
    hash_seed[0] = config->seed[0];
    hash_seed[1] = config->seed[1];
    bucket_mask = (__u32)buckets - 1;
    acting = config->may_act;
    tells_every_repeat = config->tells_repeated;
    return path;
}

void fs_datapath_free(struct fs_datapath* path) {
    if (!path)
        return;
    free(path->path.buckets);
    free(path);
}

enum fs_datapath_result fs_datapath_packet(struct fs_datapath* path,
                                           struct fs_datapath_frame* frame) {
    struct host_frame view = {
        .data = frame->data,
        .bytes = frame->bytes,
        .room = frame->room,
        .ifindex = frame->ifindex,
        .has_mac = frame->has_mac,
    };
    int drop;

    host = &path->path;
    host->time_ns = frame->time_ns;
    drop = handle_packet(&view, (enum fs_hook)frame->hook);
    frame->bytes = view.bytes;
    frame->room = view.room;
    return drop ? FS_DATAPATH_DROP : FS_DATAPATH_PASS;
}

bool fs_datapath_parse(const struct fs_datapath_frame* frame, struct fs_packet* packet) {
    static __thread struct host_path parser;
    struct host_frame view = {
        .data = frame->data,
        .bytes = frame->bytes,
        .ifindex = frame->ifindex,
        .has_mac = frame->has_mac,
    };

    host = &parser;
    host->time_ns = frame->time_ns;
    if (parse(&view, (enum fs_hook)frame->hook, &parser.scratch) != FS_PARSE_TCP)
        return false;
    *packet = parser.scratch.packet;
    return true;
}

void fs_datapath_set_policy(struct fs_datapath* path, const struct fs_policy* policy) {
    path->path.policy = *policy;
}

const struct fs_flow* fs_datapath_flow(const struct fs_datapath* path, __u32 slot) {
    host = (struct host_path*)&path->path;
    return slot / FS_BUCKET_WAYS <= bucket_mask ? flow_get(slot) : NULL;
}

__u64 fs_datapath_counter(const struct fs_datapath* path, __u32 counter) {
    return counter < FS_COUNT_MAX ? path->path.counters[counter] : 0;
}
