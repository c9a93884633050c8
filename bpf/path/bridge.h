// SPDX-License-Identifier: GPL-2.0-only
// A bridge's ports, by what br_netfilter notes of a buffer while it passes the IP hooks from within the
// bridge (sysctl net.bridge.bridge-nf-call-iptables). It stays with the buffer if that is routed then.
#ifndef FLOWSTAMP_BPF_PATH_BRIDGE_H
#define FLOWSTAMP_BPF_PATH_BRIDGE_H

#include "bpf/path/peer.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/// The kernel may have been built without.
enum skb_ext_id {
    SKB_EXT_BRIDGE_NF,
};

struct skb_ext {
    __u8 offset[1];  ///< by enum skb_ext_id, in units of 8 bytes
};

struct sk_buff___extended {
    __u8 active_extensions;  ///< a bit for each enum skb_ext_id
    struct skb_ext* extensions;
};

struct nf_bridge_info {
    int physinif;
    struct net_device* physoutdev;
};

/// Before 6.8.
struct nf_bridge_info___device {
    struct net_device* physindev;
};

#pragma clang attribute pop

/// Interface indices; 0: none, or unknown.
struct path_bridge_ports {
    __u32 in;   ///< the port that it came in by, also once it is routed
    __u32 out;  ///< the port that it is forwarded to within the bridge; not set before FORWARD
    const struct net_device* out_device;  ///< an address only
};

static __always_inline __u32 path_bridge_port_in(const struct nf_bridge_info* info) {
    const struct nf_bridge_info___device* old = (const void*)info;

    if (bpf_core_field_exists(info->physinif))
        return BPF_CORE_READ(info, physinif);
    return bpf_core_field_exists(old->physindev) ? BPF_CORE_READ(old, physindev, ifindex) : 0;
}

/// A subprogram, as it needs most of a frame.
static noinline void path_read_bridge_ports(const struct sk_buff* skb,
                                            struct path_bridge_ports* ports) {
    const struct sk_buff___extended* its = (const void*)skb;
    const struct nf_bridge_info* info;
    const struct skb_ext* extensions;
    const struct net_device* out;
    __u32 id;
    __u8 offset = 0;

    if (!bpf_core_field_exists(its->active_extensions) ||
        !bpf_core_enum_value_exists(enum skb_ext_id, SKB_EXT_BRIDGE_NF) ||
        !bpf_core_type_exists(struct nf_bridge_info))
        return;
    id = bpf_core_enum_value(enum skb_ext_id, SKB_EXT_BRIDGE_NF);
    if (!(BPF_CORE_READ(its, active_extensions) >> id & 1))
        return;
    extensions = BPF_CORE_READ(its, extensions);
    bpf_probe_read_kernel(
        &offset, 1, (const void*)extensions + bpf_core_field_offset(struct skb_ext, offset) + id);
    info = (const void*)extensions + offset * 8;
    ports->in = path_bridge_port_in(info);
    out = BPF_CORE_READ(info, physoutdev);
    ports->out_device = out;
    ports->out = out ? BPF_CORE_READ(out, ifindex) : 0;
}

#endif
