// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// The only way back into the kernel: the map `policies`, one entry, written by one class
// (user/kernel/policy). Fixed configuration is read-only data of the program instead.
#ifndef FLOWSTAMP_POLICY_H
#define FLOWSTAMP_POLICY_H

#include "flowstamp/types.h"

enum fs_drop_mode {
    FS_DROP_OFF = 0,
    FS_DROP_CONFIRMED = 1,
    FS_DROP_SUSPECTED = 2,
};

enum fs_challenge_mode {
    FS_CHALLENGE_OFF = 0,
    FS_CHALLENGE_SUSPECTED = 1,
    FS_CHALLENGE_ALL = 2,
};

/// Signatures that user space may teach.
#define FS_TAUGHT_MAX 16

enum fs_taught_flags {
    FS_TAUGHT_USED = 1U << 0,
    FS_TAUGHT_IP_ID = 1U << 1,   ///< ip_id is distinctive
    FS_TAUGHT_WINDOW = 1U << 2,  ///< window is distinctive
    FS_TAUGHT_HOPS = 1U << 3,    ///< hops must agree too
};

/// An injector's signature: what its resets have in common.
struct fs_taught {
    __u16 flags;  ///< enum fs_taught_flags
    __u16 ip_id;
    __u16 window;
    __u8 hops;
    __u8 tcp_flags;  ///< FS_TCP_* of its resets
};
FS_STATIC_ASSERT(sizeof(struct fs_taught) == 8, "fs_taught");

struct fs_policy {
    __u32 drop_mode;       ///< enum fs_drop_mode
    __u32 challenge_mode;  ///< enum fs_challenge_mode
    __u32 taught_count;    ///< entries of `taught` in use, from the first
    __u32 reserved;
    struct fs_taught taught[FS_TAUGHT_MAX];
};
FS_STATIC_ASSERT(sizeof(struct fs_policy) == 144, "fs_policy");

#endif
