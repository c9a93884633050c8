// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// The base of the contract: fixed-width kernel types and a static assertion that BPF C, C11 and
// C++23 all accept. Only the headers of this folder cross the boundary between the data path (bpf/)
// and the program (user/).
//
// Addresses and ports are big-endian (`__be*`), all other numbers host order.
#ifndef FLOWSTAMP_TYPES_H
#define FLOWSTAMP_TYPES_H

#include <linux/types.h>

#ifdef __cplusplus
#define FST_STATIC_ASSERT(condition, message) static_assert(condition, message)
#else
#define FST_STATIC_ASSERT(condition, message) _Static_assert(condition, message)
#endif

#ifndef offsetof
#define FST_OFFSETOF(type, member) __builtin_offsetof(type, member)
#else
#define FST_OFFSETOF(type, member) offsetof(type, member)
#endif

/// Before a loop that the verifier is to see unrolled; the host's compiler decides for itself.
#ifdef __bpf__
#define FST_UNROLL _Pragma("clang loop unroll(full)")
#else
#define FST_UNROLL
#endif

/// Version of every record that crosses the boundary; raised when a layout changes.
#define FST_CONTRACT_VERSION 3

/// Bytes of a packet that the data path reads at most: Ethernet, tags and tunnels, IPv6 with
/// extension headers, TCP with all its options, or an ICMP error with its quote.
#define FST_SNAP_BYTES 256

/// Every record in a ring begins with this.
struct fst_record_header {
    __u8 version;  ///< FST_CONTRACT_VERSION
    __u8 kind;     ///< enum fst_event_kind
    __u16 size;    ///< bytes of the whole record, header included
    __u32 cpu;     ///< the CPU that wrote it
};
FST_STATIC_ASSERT(sizeof(struct fst_record_header) == 8, "record header");

#endif
