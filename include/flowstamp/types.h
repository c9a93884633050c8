// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// What every header of the contract stands on: fixed-width kernel types and a static assertion that
// BPF C, C11 and C++23 all accept. Nothing but the headers of this folder crosses the boundary
// between the data path (bpf/) and the program (user/).
//
// Addresses and ports are big-endian (`__be*`), all other numbers host order.
#ifndef FLOWSTAMP_TYPES_H
#define FLOWSTAMP_TYPES_H

#include <linux/types.h>

#ifdef __cplusplus
#define FS_STATIC_ASSERT(condition, message) static_assert(condition, message)
#else
#define FS_STATIC_ASSERT(condition, message) _Static_assert(condition, message)
#endif

#ifndef offsetof
#define FS_OFFSETOF(type, member) __builtin_offsetof(type, member)
#else
#define FS_OFFSETOF(type, member) offsetof(type, member)
#endif

/// Version of every record that crosses the boundary; raised when a layout changes.
#define FS_CONTRACT_VERSION 1

/// The bytes of a packet that the data path looks at, at most: Ethernet, two VLAN tags, IPv6 with
/// extension headers, TCP with all its options, or an ICMP error with what it quotes.
#define FS_SNAP_BYTES 256

/// Every record in a ring begins with this.
struct fs_record_header {
    __u8 version;  ///< FS_CONTRACT_VERSION
    __u8 kind;     ///< enum fs_event_kind
    __u16 size;    ///< bytes of the whole record, header included
    __u32 cpu;     ///< the CPU that wrote it
};
FS_STATIC_ASSERT(sizeof(struct fs_record_header) == 8, "record header");

#endif
