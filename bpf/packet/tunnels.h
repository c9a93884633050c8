// SPDX-License-Identifier: GPL-2.0-only
// From the frame's start to the IP header of the innermost packet: VLAN tags, a TrustSec tag, MPLS,
// PPPoE, and up to two tunnels (IP in IP, GRE, PPTP, ERSPAN, VXLAN, Geneve, GTP-U). A layer at a
// time, each a step of one small automaton in map memory, so that the verifier checks it once.
#ifndef FLOWSTAMP_BPF_PACKET_TUNNELS_H
#define FLOWSTAMP_BPF_PACKET_TUNNELS_H

#include "bpf/packet/parse_ip.h"
#include "flowstamp/protocols.h"

/// Steps from one layer to the next, of any packet that is followed.
#define LAYERS_MAX 14

#define TUNNELS_MAX 2
#define VLAN_TAGS_MAX 4
#define MPLS_LABELS_MAX 6

/// parse_layer(): the next layer is known; any other value is an enum fst_parse_result.
#define NEXT_LAYER 64

/// Big-endian 16 bits of the frame.
static __always_inline __u32 be16_at(struct scratch* scratch, __u32 position) {
    const __u8* bytes = AT(scratch, __u8, position);

    return (__u32)bytes[0] << 8 | bytes[1];
}

static __always_inline int has_bytes(const struct cursor* cursor, __u32 bytes) {
    return cursor->position + bytes <= cursor->end;
}

/// Whether headers go on past the bytes that are read, or past the number that is: no host sends so
/// many, but the stack would take them in.
static __always_inline int is_buried(const struct scratch* scratch, int result) {
    const int at_end = scratch->frame_bytes == FST_SNAP_BYTES;

    return !scratch->cursor.tunnels &&
           (result == FST_PARSE_TOO_DEEP || (result == FST_PARSE_CUT && at_end) ||
            (result == FST_PARSE_TCP && scratch->cursor.position >= FST_SNAP_BYTES));
}

static __always_inline int next_layer(struct cursor* cursor, enum layer layer, __u32 next,
                                      __u32 skip) {
    cursor->position += skip;
    cursor->next = next;
    cursor->layer = layer;
    return NEXT_LAYER;
}

/// After a label stack or in a tunnel that does not say what it holds: IP, by its version.
static __always_inline int next_by_version(struct scratch* scratch, __u32 skip) {
    struct cursor* cursor = &scratch->cursor;
    __u32 version = *AT(scratch, __u8, cursor->position + skip) >> 4;

    if (!has_bytes(cursor, skip + 1))
        return FST_PARSE_CUT;
    if (version == 4 || version == 6)
        return next_layer(cursor, LAYER_IP, 0, skip);
    return FST_PARSE_NOT_IP;
}

static __always_inline int enters_tunnel(struct cursor* cursor) {
    return cursor->tunnels++ < TUNNELS_MAX;
}

/// Labels, group tags and frames in frames: no stack of a host takes in what is behind them, unless it is set up as a
/// tunnel's end (Linux has labels off by default, net.mpls.conf.*.input, and knows neither of the others). So it is a
/// flow of its own, and moves nothing of the one outside. A capture's is the same flow, as it may be taken anywhere.
static __always_inline void leave_stack(struct cursor* cursor) {
    if (verifies_checksums && !cursor->tunnels)
        cursor->tunnels = 1;
}

static __always_inline int parse_ethernet(struct scratch* scratch) {
    struct cursor* cursor = &scratch->cursor;
    const struct ethhdr* ethernet = AT(scratch, struct ethhdr, cursor->position);

    if (!has_bytes(cursor, sizeof(*ethernet)))
        return FST_PARSE_CUT;
    scratch->packet.flags =
        (scratch->packet.flags & FST_PACKET_VLAN) | read_mac(&scratch->packet, ethernet);
    return next_layer(cursor, LAYER_ETHERTYPE, bpf_ntohs(ethernet->h_proto), sizeof(*ethernet));
}

/// RFC 3032; behind the stack IP, or a pseudowire's control word (RFC 4385) and Ethernet.
static __always_inline int parse_mpls(struct scratch* scratch) {
    struct cursor* cursor = &scratch->cursor;
    __u32 bottom = 0;

    UNROLL
    for (int i = 0; i < MPLS_LABELS_MAX; i++) {
        if (!has_bytes(cursor, 4))
            return FST_PARSE_CUT;
        bottom = AT(scratch, __u8, cursor->position)[2] & 1;
        cursor->position += 4;
        if (bottom)
            break;
    }
    if (!bottom)
        return FST_PARSE_TOO_DEEP;
    if (has_bytes(cursor, 4) && *AT(scratch, __u8, cursor->position) >> 4 == 0)
        return next_layer(cursor, LAYER_ETHERNET, 0, 4);
    return next_by_version(scratch, 0);
}

/// PPP (RFC 1661): the protocol field has one byte where its upper byte is 0 and compressed away.
static __always_inline int parse_ppp(struct scratch* scratch) {
    struct cursor* cursor = &scratch->cursor;
    __u32 protocol, bytes;

    if (!has_bytes(cursor, 4))
        return FST_PARSE_CUT;
    if (be16_at(scratch, cursor->position) == FST_PPP_ADDRESS_AND_CONTROL)
        cursor->position += 2;
    protocol = be16_at(scratch, cursor->position);
    bytes = protocol & 0x0100 ? 1 : 2;
    if (bytes == 1)
        protocol >>= 8;
    if (protocol != FST_PPP_IPV4 && protocol != FST_PPP_IPV6)
        return FST_PARSE_NOT_IP;
    return next_layer(cursor, LAYER_IP, 0, bytes);
}

static __always_inline int parse_ethertype(struct scratch* scratch) {
    struct cursor* cursor = &scratch->cursor;

    UNROLL
    for (int i = 0; i <= VLAN_TAGS_MAX; i++) {
        if (cursor->next != ETH_P_8021Q && cursor->next != ETH_P_8021AD &&
            cursor->next != FST_ETHERTYPE_QINQ_OLD)
            break;
        if (i == VLAN_TAGS_MAX)
            return cursor->tunnels ? FST_PARSE_TOO_DEEP : FST_PARSE_BURIED;
        if (!has_bytes(cursor, 4))
            return FST_PARSE_CUT;
        cursor->next = be16_at(scratch, cursor->position + 2);
        cursor->position += 4;
        scratch->packet.flags |= FST_PACKET_VLAN;
    }
    if (cursor->next == FST_ETHERTYPE_CISCO_METADATA) {
        if (!has_bytes(cursor, 8))
            return FST_PARSE_CUT;
        leave_stack(cursor);
        cursor->next = be16_at(scratch, cursor->position + 6);
        cursor->position += 8;
    }
    if (cursor->next == ETH_P_IP || cursor->next == ETH_P_IPV6)
        return next_layer(cursor, LAYER_IP, 0, 0);
    if (cursor->next == FST_ETHERTYPE_MPLS || cursor->next == FST_ETHERTYPE_MPLS_MULTICAST) {
        leave_stack(cursor);
        return parse_mpls(scratch);
    }
    if (cursor->next == FST_ETHERTYPE_PPPOE) {
        if (!has_bytes(cursor, 6))
            return FST_PARSE_CUT;
        cursor->position += 6;  // RFC 2516, section 4
        return enters_tunnel(cursor) ? parse_ppp(scratch) : FST_PARSE_TOO_DEEP;
    }
    if (cursor->next == FST_ETHERTYPE_TEB) {
        leave_stack(cursor);
        return next_layer(cursor, LAYER_ETHERNET, 0, 0);
    }
    return FST_PARSE_NOT_IP;
}

/// RFC 2784 and 2890; version 1: PPTP (RFC 2637); ERSPAN types I to III.
static __always_inline int parse_gre(struct scratch* scratch) {
    struct cursor* cursor = &scratch->cursor;
    __u32 flags = be16_at(scratch, cursor->position);
    __u32 protocol = be16_at(scratch, cursor->position + 2);
    __u32 bytes = 4;

    if (!has_bytes(cursor, 4))
        return FST_PARSE_CUT;
    if ((flags & 7) == 1) {
        if (protocol != FST_ETHERTYPE_PPTP)
            return FST_PARSE_NOT_TCP;
        bytes = 8 + ((flags & 0x1000) ? 4 : 0) + ((flags & 0x0080) ? 4 : 0);
        if (!has_bytes(cursor, bytes + 4))
            return FST_PARSE_NOT_TCP;  // an acknowledgement, without a payload
        cursor->position += bytes;
        return parse_ppp(scratch);
    }
    if (flags & 0x4007)  // source routes, or another version
        return FST_PARSE_NOT_TCP;
    bytes += ((flags & 0x8000) ? 4 : 0) + ((flags & 0x2000) ? 4 : 0) + ((flags & 0x1000) ? 4 : 0);
    if (protocol == FST_ETHERTYPE_ERSPAN_2)
        return next_layer(cursor, LAYER_ETHERNET, 0, bytes + ((flags & 0x1000) ? 8 : 0));
    if (protocol == FST_ETHERTYPE_ERSPAN_3) {
        __u32 platform = AT(scratch, __u8, cursor->position + bytes)[11] & 1;

        return next_layer(cursor, LAYER_ETHERNET, 0, bytes + 12 + (platform ? 8 : 0));
    }
    return next_layer(cursor, LAYER_ETHERTYPE, protocol, bytes);
}

/// 3GPP TS 29.281, section 5: a G-PDU holds an IP packet, behind optional fields and extensions.
static __always_inline int parse_gtp(struct scratch* scratch) {
    struct cursor* cursor = &scratch->cursor;
    const __u8* gtp = AT(scratch, __u8, cursor->position);
    __u32 extension;

    if ((gtp[0] & 0xf0) != 0x30 || gtp[1] != 255)
        return FST_PARSE_NOT_TCP;
    if (!(gtp[0] & 0x07))
        return next_by_version(scratch, 8);
    extension = gtp[0] & 0x04 ? gtp[11] : 0;
    cursor->position += 12;
    UNROLL
    for (int i = 0; i < 3; i++) {
        __u32 bytes = *AT(scratch, __u8, cursor->position) * 4U;

        if (!extension)
            break;
        if (!bytes || !has_bytes(cursor, bytes))
            return FST_PARSE_NOT_TCP;
        extension = *AT(scratch, __u8, cursor->position + bytes - 1);
        cursor->position += bytes;
    }
    return extension ? FST_PARSE_TOO_DEEP : next_by_version(scratch, 0);
}

/// By its destination port; whatever else comes to these ports does not look like a tunnel.
static __always_inline int parse_udp(struct scratch* scratch) {
    struct cursor* cursor = &scratch->cursor;
    __u32 port = be16_at(scratch, cursor->position + 2);
    const __u8* header = AT(scratch, __u8, cursor->position + 8);

    if (!has_bytes(cursor, 8 + 8))
        return FST_PARSE_NOT_TCP;
    if (port == FST_PORT_VXLAN || port == FST_PORT_VXLAN_LINUX) {  // RFC 7348, section 5
        if (!(header[0] & 0x08) || header[7])
            return FST_PARSE_NOT_TCP;
        return next_layer(cursor, LAYER_ETHERNET, 0, 8 + 8);
    }
    if (port == FST_PORT_GENEVE) {  // RFC 8926, section 3.4
        if (header[0] >> 6)
            return FST_PARSE_NOT_TCP;
        return next_layer(cursor, LAYER_ETHERTYPE, (__u32)header[2] << 8 | header[3],
                          8 + 8 + (header[0] & 0x3fU) * 4);
    }
    if (port == FST_PORT_GTP_U) {
        cursor->position += 8;
        return parse_gtp(scratch);
    }
    return FST_PARSE_NOT_TCP;
}

/// What an IP packet holds: FST_PARSE_TCP for TCP or ICMP, or a tunnel's next layer.
static __always_inline int parse_transport(struct scratch* scratch) {
    struct cursor* cursor = &scratch->cursor;

    switch (cursor->next) {
        case IPPROTO_TCP:
        case IPPROTO_ICMP:
        case IPPROTO_ICMPV6:
            return FST_PARSE_TCP;
        case IPPROTO_IPIP:
        case IPPROTO_IPV6:
            return enters_tunnel(cursor) ? next_layer(cursor, LAYER_IP, 0, 0) : FST_PARSE_TOO_DEEP;
        case IPPROTO_GRE:
            return enters_tunnel(cursor) ? parse_gre(scratch) : FST_PARSE_TOO_DEEP;
        case IPPROTO_UDP:
            return enters_tunnel(cursor) ? parse_udp(scratch) : FST_PARSE_NOT_TCP;
        default:
            return FST_PARSE_NOT_TCP;
    }
}

/// The layer at the cursor: NEXT_LAYER, or FST_PARSE_TCP at the transport header of the innermost
/// packet, or why there is none.
noinline int parse_layer(void) {
    struct scratch* scratch = scratch_get();
    int result;

    if (!scratch)
        return FST_PARSE_NOT_IP;
    switch (scratch->cursor.layer) {
        case LAYER_ETHERNET:
            return parse_ethernet(scratch);
        case LAYER_ETHERTYPE:
            return parse_ethertype(scratch);
        case LAYER_IP:
            scratch->packet.flags &= FST_PACKET_MAC | FST_PACKET_VLAN;
            scratch->packet.ip_id = 0;
            scratch->packet.flow_label = 0;
            scratch->packet.l3_offset = scratch->cursor.position;
            result = parse_ip(scratch, 1);
            if (is_buried(scratch, result))
                return FST_PARSE_BURIED;
            if (result != FST_PARSE_TCP)
                return result;
            scratch->cursor.layer = LAYER_TRANSPORT;
            return NEXT_LAYER;
        default:
            return parse_transport(scratch);
    }
}

#endif
