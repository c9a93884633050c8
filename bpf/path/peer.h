// SPDX-License-Identifier: GPL-2.0-only
// The other end of a veth pair: what leaves by one end comes in by the other, in the same buffer.
#ifndef FLOWSTAMP_BPF_PATH_PEER_H
#define FLOWSTAMP_BPF_PATH_PEER_H

#include "bpf/path/maps.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct rtnl_link_ops {
    const char* kind;
};

struct net_device___linked {
    const struct rtnl_link_ops* rtnl_link_ops;
};

#pragma clang attribute pop

/// A driver's own data follow its struct net_device, from the next multiple of this on. veth's begin
/// with the pointer to the other end; its type is only in the module's BTF, if veth is a module.
#define NETDEV_ALIGN 32

static __always_inline const struct net_device* path_veth_end(const struct net_device* device) {
    const __u32 size = bpf_core_type_size(struct net_device);
    const struct net_device* end = 0;

    bpf_probe_read_kernel(
        &end, sizeof(end),
        (const void*)device + (size + NETDEV_ALIGN - 1) / NETDEV_ALIGN * NETDEV_ALIGN);
    return end;
}

/// A subprogram, as the callers' frames are large.
static noinline void path_read_peer(const struct net_device* device, struct path_peer* peer) {
    const struct net_device___linked* linked = (const void*)device;
    const struct net_device* end;
    char kind[5] = {};

    if (!device)
        return;
    bpf_probe_read_kernel(kind, sizeof(kind), BPF_CORE_READ(linked, rtnl_link_ops, kind));
    if (kind[0] != 'v' || kind[1] != 'e' || kind[2] != 't' || kind[3] != 'h' || kind[4])
        return;
    end = path_veth_end(device);
    if (!end || path_veth_end(end) != device)
        return;
    peer->ifindex = BPF_CORE_READ(end, ifindex);
    peer->netns = BPF_CORE_READ(end, nd_net.net, ns.inum);
}

#endif
